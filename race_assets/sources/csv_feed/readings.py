"""Find how a column's cells are read as a target of a record: as they stand, by a pattern or by a list of values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from race_assets.sources.csv_feed.numbers import bare
from race_assets.sources.csv_feed.vocabulary import NON_RUNNER
from race_assets.values import distances, odds, positions
from race_assets.values.numbers import plain_decimal

IsTrack = Callable[[pl.Series], pl.Series]
"""Whether names are those of tracks in the registry: Boolean, never null."""

ENOUGH = 0.9
"""A column is not read as a target where fewer of its cells are."""
MOST_TRACKS = 0.6
"""A column of tracks is one though the registry does not know all of its names."""
DOUBTFUL = 0.5
CERTAIN = 0.98
"""Cells are read by a pattern only where fewer are read as they stand."""

RESULT_WORDS: Mapping[str, str | None] = {
    **dict.fromkeys(("winner", "won", "win", "w", "1", "1.0", "true", "yes", "y"), "WINNER"),
    **dict.fromkeys(("loser", "lost", "lose", "loss", "l", "0", "0.0", "false", "no", "n"), "LOSER"),
    **dict.fromkeys(("placed", "place", "p"), "LOSER"),
    **dict.fromkeys(("void", "voided", "abandoned"), "VOID"),
    **dict.fromkeys(("active", "pending", "open"), None),
}
"""Words of result columns of WIN markets; a dog that is placed there has not won."""
STATUS_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("active", "runner", "running", "run", "ran", "declared", "finished", "ok"), "ACTIVE"),
    **dict.fromkeys(("inactive",), "INACTIVE"),
}
"""Words of columns of a runner's status; those for a dog that does not run are `positions.is_removed`'s."""
FLAGS = (("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("1", "0"), ("1.0", "0.0"))
FEWEST_RUNNERS, MOST_RUNNERS = 4, 12
MOST_TRAPS = 10
FEWEST_DIGITS = 5
"""A market's or meeting's id has as many digits, or letters; smaller numbers count the races of a day and repeat."""
FEWEST_DIGITS_OF_DOGS = 3
"""A dog's id has as many digits, or letters; smaller numbers are traps and repeat."""
RACE_OF_DAY = r"(?i)^\s*R(?:ace)?\s*\d{1,2}$"
SHORTEST, LONGEST = 100, 1300
LONGEST_GRADE = 12

PATTERNS: Mapping[str, Sequence[str]] = {
    "trap": (r"^\D*(\d{1,2})\D*$", r"^.*\((\d{1,2})\)$"),
    "race_number": (
        r"^R(\d{1,2})$",
        r"(?i)^(?:R|Race|No\.?|#)?\s*(\d{1,2})(?:st|nd|rd|th)?(?:\s+(?:race|of\s+\d+))?$",
        r"(?i)^R(?:ace)?\s*(\d{1,2})\b",
    ),
    "distance_m": (r"(?i)\b(\d{3,4}\s*(?:m|mtrs?|met(?:re|er)s?|y|yds?|yards?))\b",),
    "track_name": (
        r"^(.+?)\s*\([A-Za-z]{2,4}\)$",
        r"^\d{1,2}[:.]\d{2}\s+(.+)$",
        r"^(\D+?)\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}$",
        r"^(\D+?)\s+(?:R|Race\s*)\d{1,2}\b",
    ),
    "selection_name": (r"^(?:\d{1,2}[.)]?\s+)?(.+?)\s*\(\d{1,2}\)$", r"^\d{1,2}[)\s-]+(.+)$"),
    "selection_id": (r"^(\d+)\.0$",),
}


@dataclass(frozen=True)
class Reading:
    """How a column is read, as an entry says it, and the share of its cells that are.

    Attributes:
        pattern: what its only group finds is the value.
        values: texts and what they mean; what they do not list means itself.
        share: 0 to 1.
    """

    share: float
    pattern: str | None = None
    values: Mapping[str, str | None] | None = None


def reading(target: str, cells: pl.Series, is_track: IsTrack | None) -> Reading | None:
    """Return the best reading of a column's cells as a target, None where too few cells can be read.

    Args:
        target: of a record; dates and times are not read here.
        cells: without nulls and blanks around them.
        is_track: the registry, where there is one at hand.
    """
    if target == "result":
        return _result(cells)
    if target == "status":
        return _status(cells)
    if target == NON_RUNNER:
        return _flag(cells)
    if target == "finish_position" and not _are_positions(cells):
        return None
    best = Reading(_share(target, cells, is_track))
    for pattern in PATTERNS.get(target, ()):
        if best.share >= CERTAIN:
            break
        found = cells.str.extract(pattern, 1).str.strip_chars().drop_nulls()
        share = _share(target, found, is_track) * found.len() / cells.len()
        if share > best.share:
            best = Reading(share, pattern)
    if target == "track_name" and is_track is not None:
        return best if best.share >= MOST_TRACKS else _unknown_tracks(cells)
    return best if best.share >= ENOUGH else None


def first_unread(target: str, cells: pl.Series) -> str | None:
    """Return the first cell of a column that is none of a target's; None where the cells fail only together."""
    words = {
        "result": RESULT_WORDS.keys(),
        "status": STATUS_WORDS.keys(),
        NON_RUNNER: {word for pair in FLAGS for word in pair},
    }
    text = pl.col("text")
    if target in words:
        is_read = text.str.to_lowercase().is_in(sorted(words[target])) | positions.is_removed(text)
    else:
        is_read = _test(target, text)
    unread = cells.to_frame("text").filter(~is_read.fill_null(value=False)).to_series()
    return unread[0] if unread.len() else None


def _unknown_tracks(cells: pl.Series) -> Reading | None:
    """Read names that are no tracks of the registry as they stand: the rows will be rejected with what to do."""
    return Reading(DOUBTFUL) if _share("track_name", cells, None) >= ENOUGH else None


def _share(target: str, cells: pl.Series, is_track: IsTrack | None) -> float:
    if target == "track_name" and is_track is not None:
        return share_true(is_track(cells))
    test = _test(target, pl.col("text"))
    return float(cells.to_frame("text").select(test.fill_null(value=False).mean()).item() or 0)


def _test(target: str, text: pl.Expr) -> pl.Expr:
    plain = bare(text).str.replace_all(",", ".", literal=True)
    number = plain_decimal(bare(text).str.replace_all(",", "", literal=True))
    word = text.str.contains(r"[A-Za-z]{2}") & ~text.str.contains(r"^[\d/:. -]+$")
    price = odds.starting_price(plain, "decimal").struct.field("decimal")
    is_price = ((price >= 1) | odds.is_null_word(text)) & ~text.str.contains(r"^\(|\d-\d+-\d")
    # A spreadsheet that has lost digits of an id has made one of several.
    whole_id, digits = ~text.str.contains(r"(?i)^[\d.]+e\+?\d+$"), text.str.count_matches(r"\d")
    is_id = whole_id & (text.str.contains("[A-Za-z]") | (digits >= FEWEST_DIGITS)) & ~text.str.contains(RACE_OF_DAY)
    tests = {
        "track_name": word & (text.str.len_chars() <= 40),  # noqa: PLR2004 - longer ones are sentences
        "selection_name": text.str.replace(r"^\s*\d+\.\s*", "").str.contains(r"^[A-Za-z][^/:]")
        & ~text.str.contains(r"\(\d{1,2}\)$"),
        "trap": number.is_between(1, MOST_TRAPS) & (number % 1 == 0),
        "finish_position": positions.is_readable(text),
        "race_number": number.is_between(1, 60) & (number % 1 == 0),
        "price": is_price,
        "bsp": is_price,
        "last_traded": is_price,
        "sp_fraction": is_price,
        "sp_decimal": is_price,
        "distance_m": distances.metres(text).is_between(SHORTEST, LONGEST),
        "volume": number >= 0,
        "race_type": text.str.len_chars() <= LONGEST_GRADE,
        "market_id": is_id,
        "event_id": is_id,
        "selection_id": whole_id
        & (text.str.contains("[A-Za-z]") | (digits >= FEWEST_DIGITS_OF_DOGS))
        & ~text.str.contains(r"^\d+\.0$"),
    }
    return tests[target]


def _result(cells: pl.Series) -> Reading | None:
    """Read a column of few words, all of them known; a column of places is none of results."""
    words = _words(cells)
    if not words or not set(words) <= RESULT_WORDS.keys() or not any(RESULT_WORDS[word] for word in words):
        return None
    values = {word: RESULT_WORDS[word] for word in words}
    return Reading(1.0, values={word: meaning for word, meaning in values.items() if word.upper() != meaning})


def _status(cells: pl.Series) -> Reading | None:
    """Read a column whose words all say whether a dog runs; a blank says nothing against it."""
    words = _words(cells)
    if not set(words) <= STATUS_WORDS.keys():
        return None
    values = {word: STATUS_WORDS[word] for word in words if word.upper() != STATUS_WORDS[word]}
    return Reading(1.0, values={**values, "": "ACTIVE"})


def _flag(cells: pl.Series) -> Reading | None:
    """Read a column that says yes, or `NR`, of the dogs that do not run, and no or nothing of the others.

    One that says nothing but 1 may be a number under a name such as `Nr`.
    """
    words = set(_words(cells))
    pairs = [pair for pair in FLAGS if words & set(pair)]
    if not words <= {word for pair in pairs for word in pair} or words in ({"1"}, {"1.0"}):
        return None
    meanings = {word: meaning for pair in pairs for word, meaning in zip(pair, ("SCRATCHED", "ACTIVE"), strict=True)}
    return Reading(1.0, values={**meanings, "": "ACTIVE"})


def _words(cells: pl.Series) -> list[str]:
    """Return the distinct words of a column in lower case, without those for a dog that did not run."""
    others = cells.unique().to_frame("text").filter(~positions.is_removed(pl.col("text"))).to_series()
    return others.str.to_lowercase().unique().sort().to_list()


def _are_positions(cells: pl.Series) -> bool:
    """Whether cells that look like positions are neither flags (0 and 1) nor fractions of a length (1/2)."""
    plain = cells.str.strip_suffix(".0")
    is_flag = plain.is_in(["0", "1"]).all() and (plain == "0").any()
    runners = cells.str.extract(r"/\s*(\d{1,2})$", 1).cast(pl.Int16, strict=False).drop_nulls()
    are_runners = not runners.len() or share_true(runners.is_between(FEWEST_RUNNERS, MOST_RUNNERS)) >= ENOUGH
    return are_runners and not is_flag


def share_true(flags: pl.Series) -> float:
    """Return the share of the known flags that are true; 0 where nothing is known."""
    return float(flags.drop_nulls().mean() or 0)  # type: ignore[arg-type]  # a share of booleans
