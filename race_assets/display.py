r"""Show text that others wrote: names of files and dogs, cells, answers of servers; one function per place it goes to.

Characters that a reader cannot see, or that a terminal or page acts on, are written as `\n`, `\x1b` and `\u202e`. A
backslash stays as it is: what is shown is for people, and is not decoded again. Text for programs (JSON, CSV, Parquet)
does not pass through here, but for `json_text` and `sheet_cell`, which say what they change.
"""

import re
import shlex
from functools import lru_cache
from html import escape

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\0": r"\0"}
_UNSEEN = (
    "\0-\x1f\x7f-\x9f"  # controls, escape and the C1 set among them
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners and fillers without a shape
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero-width, line and paragraph separators, direction controls
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"  # blanks, variation selectors, no characters
    "\ud800-\udfff"  # halves of surrogate pairs
    "\ue000-\uf8ff"  # private use
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001345f"  # other format characters
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U0010ffff"  # tags, more variation selectors, private use
)
_HIDDEN = re.compile(f"[{_UNSEEN}]")
_HIDDEN_IN_LINES = re.compile(f"(?!\n)[{_UNSEEN}]")
_NO_MARKUP = re.compile(r"(?:[^\\`*_~\[\]<>&|#@^${}]|(?<=[^\W_])_(?=[^\W_]))*")
_LINKED = re.compile(r"//|www\.", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")


def visible(text: object) -> str:
    r"""Return the text on one line, with `\n`, `\x1b` or `\u202e` for each character that is not seen as itself."""
    return _HIDDEN.sub(_written_out, str(text))


def visible_lines(text: object) -> str:
    """Return a text of several lines with each line `visible`; all but the first are indented.

    The indent shows what belongs to one message: a name with a line end in it cannot pass for a message of its own.
    """
    first, *others = (visible(line.lstrip("\t")) for line in str(text).split("\n"))
    return "\n".join([first, *(line if line[:1] in {"", " "} else f"  {line}" for line in others)])


def markdown(text: object) -> str:
    """Return the text for a Markdown page or a cell of its tables: nothing in it is a link, a picture or HTML.

    Text without signs that Markdown acts on stays; any other is shown as code, which Markdown leaves alone.
    """
    shown = visible(text)
    if _NO_MARKUP.fullmatch(shown) and not _LINKED.search(shown):
        return shown
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    # A cell of a table ends at a bar even in code.
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", "\\|")


def html(text: object) -> str:
    """Return the text for a page of HTML or SVG, in an element or in a quoted attribute."""
    return escape(visible(text))


def shell_word(text: str) -> str:
    r"""Return the text as one word of a command to copy: as `$'a\x1b'` where it has hidden characters."""
    if visible(text) == text:
        return shlex.quote(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + _HIDDEN.sub(_for_shell, quoted) + "'"


def json_text(text: str) -> str:
    r"""Return JSON in which hidden characters stand as `\u202e`, which means the same to every reader of JSON.

    Args:
        text: JSON; its own line ends stay.
    """
    return _HIDDEN_IN_LINES.sub(_for_json, text)


def sheet_cell(value: object) -> object:
    """Return a cell for a spreadsheet: text that a sheet would run as a formula gets an apostrophe before it.

    Numbers stay, written as text too.
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


@lru_cache(1024)
def _escape_of(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 - the last of two hex digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the last of four


def _written_out(found: re.Match[str]) -> str:
    return _NAMED.get(found[0]) or _escape_of(found[0])


def _for_shell(found: re.Match[str]) -> str:
    # Python reads a byte of a file's name that is no UTF-8 as half of a surrogate pair: it goes back as that byte.
    is_byte = "\udc80" <= found[0] <= "\udcff"
    code = found[0].encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in code)


def _for_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
