"""How a delimited file may be laid out; reading one is `delimited.py`."""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Repair = Callable[[list[str]], list[str] | None]

SEPARATORS = (",", ";", "\t", "|")
"""What files are separated by, the likeliest first."""

_BLANKS = b" \t\r\n\v\f"


def is_blank(line: bytes) -> bool:
    """Whether nothing is left of a stripped line."""
    return not line


@dataclass(frozen=True)
class Dialect:
    """How a file is laid out.

    Attributes:
        columns: the names its header must have, lower case.
        separator: between two fields.
        is_furniture: whether a line (stripped) is part of the layout rather than data: a rule of dashes, a row count.
            It is asked of lines that begin with a blank, a dash or a separator, and of rows that are not as they
            should be; of every line where there is one column only.
        repair: turns the fields of a row with a wrong count into the right count, or None.
        quote: around fields that hold separators or line ends; doubled within them. Empty: there is none.
        encoding: of the file's bytes, as Python names it. None: UTF-8, and Windows-1252 for lines that are not, which
            are noted `latin_1`. Where it is given, what it cannot decode becomes U+FFFD, noted `undecodable`.
        header_line: the line the header stands on, from 1; those before it are layout. None: the first not blank.
        names: the columns of a file that has no header.
        skip_lines: lines of layout before the first row of a file that has no header.
        takes_all: every column of the file is handed over, as `delimited.cell` of its name in lower case; `columns`
            must be among them.
    """

    columns: Sequence[str]
    separator: str = ","
    is_furniture: Callable[[bytes], bool] = is_blank
    repair: Repair = lambda _: None
    quote: str = '"'
    encoding: str | None = None
    header_line: int | None = None
    names: Sequence[str] | None = None
    skip_lines: int = 0
    takes_all: bool = False

    def is_layout(self, line: bytes) -> bool:
        """Whether the line is furniture; a separator at its ends is no blank: it stands between two empty fields."""
        return self.is_furniture(line.strip(self.blanks))

    @property
    def blanks(self) -> bytes:
        """What is stripped off a line."""
        return _BLANKS.replace(self.separator.encode(), b"")

    @property
    def suits_polars(self) -> bool:
        """Whether separator and quote are bytes, which is all that Polars takes."""
        return len(self.separator.encode()) == 1 and len(self.quote.encode()) <= 1


def is_utf_8(encoding: str | None) -> bool:
    """Whether bytes in this encoding need no transcoding to be UTF-8."""
    return encoding is None or codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
