"""Takes the names of runners apart and makes them comparable; whether two names are one dog is decided elsewhere."""

from collections.abc import Callable

import polars as pl

__all__ = [
    "BETFAIR_NAME_LENGTH",
    "dog_name",
    "is_non_runner",
    "is_reserve",
    "is_truncated",
    "match_name",
    "split_trap",
    "with_trap_and_dog",
]

# Betfair cuts the part after the trap number to this length: none of 133,000 measured rows is longer, 5 % are exactly
# this long (API_CONTRACTS 3.8).
BETFAIR_NAME_LENGTH = 16

# Four digits are the most that surely fit Int16. A name that begins with a longer number keeps it.
_TRAP = r"^\s*(?:(?P<trap>[0-9]{1,4})\.)?\s*(?P<name>(?s:.*?))\s*$"
# What nearly all runners look like: nothing in it but the trap, the dog and single blanks.
_PLAIN = r"^[0-9]\. [A-Za-z]+(?: [A-Za-z]+)*$"
_TRAP_PREFIX = r"^\s*[0-9]{1,4}\.\s*"
_RESERVE = r"(?i)\(\s*res(?:erve)?\.?\s*\)"
_OUT = r"n\.?/?r\.?|non[ -]?runner|scr(?:atched)?\.?|w/?d|withdrawn"
_NON_RUNNER = rf"(?i)\(\s*(?:{_OUT})\s*\)"
# Reserve, running style (wide, middle, rails), country of birth and non-runner, as cards and exchanges add them to a
# name.
_MARKS = (
    rf"(?i)(?:\s*\(\s*(?:{_OUT}|"
    r"res(?:erve)?\.?|wide|mid|rails|[wmr]|ire|irl|ie|aus|au|nzl|nz|gbr|gb|uk|usa|us)\s*\))+\s*$"
)
# Apostrophes, whatever people type for them, and dots.
_DROPPED = list("'’‘ʼʻ`´′.")  # noqa: RUF001 - these very characters
# Everything that collapsing changes; single blanks, which are most, need no rewriting.
_BLANKS = r"\s{2,}|[^\S ]"


def split_trap(text: pl.Expr) -> pl.Expr:
    """The trap number and the name of a Betfair runner.

    Args:
        text: String such as ``3. Kirabilly Kathy``.

    Returns:
        Struct of trap (Int16; null without a ``<number>.`` in front, any number up to 9999, rules judge it) and name
        (String: the rest, trimmed, otherwise as given; null when nothing is left).
    """
    return text.str.extract_groups(_TRAP).struct.with_fields(
        trap=pl.field("trap").cast(pl.Int16, strict=False),
        name=pl.when(pl.field("name") != "").then(pl.field("name")),
    )


def dog_name(text: pl.Expr) -> pl.Expr:
    """The name of a dog as one would print it: no trap number, no marks behind it, single blanks, NFC.

    Args:
        text: String, a runner's name from any source.

    Returns:
        String, letters and case as given; null when nothing is left.
    """
    composed = _where_not_ascii(text, lambda letters: letters.str.normalize("NFC"))
    name = composed.str.replace(_TRAP_PREFIX, "").str.replace(_MARKS, "")
    return _or_null(name.str.replace_all(_BLANKS, " ").str.strip_chars())


def with_trap_and_dog(frame: pl.DataFrame, runner: str) -> pl.DataFrame:
    """Adds `trap` and `dog_name`, as `split_trap` and `dog_name` give them, in a third of the time.

    Args:
        frame: holds the column named by ``runner``.
        runner: a String column such as ``3. Kirabilly Kathy``.
    """
    text = pl.col(runner)
    plain = frame.select(text.str.contains(_PLAIN).fill_null(value=False)).to_series()
    trap, dog = text.str.slice(0, 1).cast(pl.Int16, strict=False), text.str.slice(3)
    if plain.all():
        return frame.with_columns(trap=trap, dog_name=dog)
    odd = frame.filter(~plain).select(trap=split_trap(text).struct.field("trap"), dog_name=dog_name(text))
    quick = frame.select(trap=trap, dog_name=dog)
    rows = (~plain).arg_true()
    return frame.with_columns(
        trap=quick["trap"].scatter(rows, odd["trap"]), dog_name=quick["dog_name"].scatter(rows, odd["dog_name"])
    )


def match_name(text: pl.Expr) -> pl.Expr:
    """What two sources' spellings of one dog have in common (API_CONTRACTS 8.4).

    Accents, apostrophes and dots are dropped, other punctuation counts as a blank, case does not count. Names that
    Betfair has cut (see ``is_truncated``) must be compared as beginnings.

    Args:
        text: String, a runner's name from any source.

    Returns:
        String in upper case: letters, digits and single blanks; null when nothing is left.
    """
    # Before NFKD, which would turn an acute accent that stands for an apostrophe into a blank.
    bare = dog_name(text).str.replace_many(_DROPPED, [""] * len(_DROPPED))
    # Upper-casing can bring accents back (some Greek letters have no capital with theirs), hence the second time.
    upper = _where_not_ascii(_where_not_ascii(bare, _without_accents).str.to_uppercase(), _without_accents)
    return _or_null(upper.str.replace_all(r"[^\p{L}\p{N} ]+", " ").str.replace_all(" {2,}", " ").str.strip_chars())


def is_truncated(text: pl.Expr) -> pl.Expr:
    """Whether Betfair may have cut this name off, so that only its beginning can be compared.

    What counts is the part after ``<trap>.`` and the blanks behind it, without a reserve mark, which Betfair adds
    after cutting: exactly 16 characters, a blank at the end included (it stands where a word was cut away). A name
    that really has 16 characters looks the same.

    Args:
        text: String, the name exactly as Betfair gave it.

    Returns:
        Boolean; null for null.
    """
    cut = text.str.replace(_TRAP_PREFIX, "").str.replace(rf"\s*{_RESERVE}\s*$", "")
    return cut.str.len_chars() == BETFAIR_NAME_LENGTH


def is_reserve(text: pl.Expr) -> pl.Expr:
    """Whether a name is marked as a reserve: ``(res)``, ``(Res)``, ``(RES)``.

    Args:
        text: String, a runner's name from any source.

    Returns:
        Boolean; null for null.
    """
    return text.str.contains(_RESERVE)


def is_non_runner(text: pl.Expr) -> pl.Expr:
    """Return whether a name is marked as a dog that does not run: ``(NR)``, ``(Scr)``, ``(Non Runner)``, ``(WD)``.

    Args:
        text: String, a runner's name from any source.

    Returns:
        Boolean; null for null.
    """
    return text.str.contains(_NON_RUNNER)


def _without_accents(text: pl.Expr) -> pl.Expr:
    # Taking a character apart can yield dots and apostrophes of its own.
    letters = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return letters.str.replace_many(_DROPPED, [""] * len(_DROPPED))


def _where_not_ascii(text: pl.Expr, change: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Applies a change that leaves ASCII alone only where there is something else: nearly all names are ASCII."""
    name = pl.field("name")
    other = pl.when(name.str.len_bytes() != name.str.len_chars()).then(name)
    changed = pl.struct(text.alias("name")).struct.with_fields(name=pl.coalesce(change(other), name))
    return changed.struct.field("name")


def _or_null(text: pl.Expr) -> pl.Expr:
    name = pl.field("name")
    return pl.struct(text.alias("name")).struct.with_fields(name=pl.when(name != "").then(name)).struct.field("name")
