"""Regular expressions that people write in settings, checked and run by the engine of Polars.

That engine never backtracks, so that no pattern and no text can keep it busy for ever; it has neither look-around nor
backreferences. Polars is imported when the first pattern is checked: commands without patterns start without it.
"""

from collections.abc import Iterable

LONGEST_PATTERN = 1000
MOST_REPEATS = 2000
"""Bounds the time per character: a repeat counts as often as it is written out, those within each other multiply."""
BOUNDLESS = {"*", "+", "?"}


def checked_pattern(text: str) -> str:
    """Return a pattern that can be run.

    Raises:
        ValueError: it is none, is too long, or needs what an engine without backtracking does not have.
    """
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"has {len(text):,} characters; a regular expression may have {LONGEST_PATTERN:,}")
    if repeats(text) > MOST_REPEATS:
        raise ValueError(
            f"repeats too often: its counted repeats, such as {{3}}, come to over {MOST_REPEATS:,} characters "
            "written out; use * or + where the number does not matter"
        )
    if problem := _problem(text):
        raise ValueError(
            f"is not a regular expression that can be used: {problem}. Patterns are those of Rust's regex crate, which "
            "never backtracks and has neither look-around nor backreferences: for (?<!\\d) write (?:^|\\D), "
            "for (?!\\d) write (?:\\D|$)"
        )
    return text


def groups(pattern: str) -> list[str]:
    """Return the names of a pattern's groups, in their order; numbers, from 1, for those without a name.

    Args:
        pattern: one that `checked_pattern` has let pass.
    """
    return list(found(pattern, ""))


def named_groups(pattern: str) -> list[str]:
    """Return the names of those groups of a checked pattern that have one."""
    return [name for name in groups(pattern) if not name.isdecimal()]


def found(pattern: str, text: str) -> dict[str, str | None]:
    """Return what each group of a checked pattern finds in a text, without case; None for what it does not find."""
    import polars as pl

    frame = pl.Series([text]).str.extract_groups(f"(?i){pattern}").struct.unnest()
    return frame.row(0, named=True) if frame.width else {}


def repeats(pattern: str) -> int:
    """Return how many characters a pattern has once its counted repeats are written out.

    Args:
        pattern: any text; what is no pattern gives some number too.
    """
    # The size of each open group so far, and of its last element, which a repeat behind it multiplies.
    open_groups: list[list[int]] = [[0, 0]]
    for kind, count in _elements(pattern):
        if kind == "(":
            open_groups.append([0, 0])
        elif kind == "{":
            done, last = open_groups[-1]
            open_groups[-1] = [done, last * count]
        else:
            inner = sum(open_groups.pop()) if kind == ")" and len(open_groups) > 1 else 1
            done, last = open_groups[-1]
            open_groups[-1] = [done + last, inner]
    return sum(map(sum, open_groups))


def _elements(pattern: str) -> Iterable[tuple[str, int]]:
    """Yield the pattern's parts: "(" and ")", "{" with the most repeats it allows, and "" for a character or class."""
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            yield "", 1
            at = _end_of_escape(pattern, at)
        elif sign == "[":
            at = _end_of_class(pattern, at)
            yield "", 1
        elif sign == "{" and (end := pattern.find("}", at)) > 0:
            bounds = [int(each) for each in pattern[at + 1 : end].split(",") if each.strip().isdecimal()]
            yield "{", max(1, *bounds, 0)
            at = end + 1
        else:
            if sign not in BOUNDLESS:
                yield sign if sign in "()" else "", 1
            at += 1


def _end_of_escape(pattern: str, begin: int) -> int:
    r"""Return where an escape such as \d, \x{2019} or \p{Greek} ends that begins here."""
    end = begin + 2
    has_braces = pattern[begin + 1 : end] in set("xuUpPb") and pattern[end : end + 1] == "{"
    return (pattern.find("}", end) + 1 or len(pattern)) if has_braces else end


def _end_of_class(pattern: str, begin: int) -> int:
    """Return where a class such as [^]a-z] ends that begins here; classes may stand within it."""
    at, depth = begin + 1, 1
    at += pattern[at : at + 1] == "^"
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and depth:
        depth += {"[": 1, "]": -1}.get(pattern[at], 0)
        at += 2 if pattern[at] == "\\" else 1
    return at


def _problem(pattern: str) -> str | None:
    """Return what keeps the engine from running a pattern; None for nothing."""
    import polars as pl

    # One that is compiled for a search without groups may still be too large with them.
    for expression in (f"(?i){pattern}", pattern):
        try:
            pl.Series([""]).str.contains(expression)
            pl.Series([""]).str.extract_groups(expression)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            return _said(str(error))
    return None


def _said(error: str) -> str:
    """Return the sentence of an error that says what is wrong; the rest shows the pattern, or the engine's own code."""
    lines = [line.strip() for line in error.partition("\n\nThis error occurred")[0].splitlines()]
    reasons = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (reasons or [lines[0]])[0].removeprefix("regex error: ").rstrip(".")
