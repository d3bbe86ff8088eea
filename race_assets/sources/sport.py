"""Tell horse races from greyhound races in files that do not say which they hold, by several signs together.

What the signs are like is measured on Betfair's price files of both sports, 2008 to 2024: greyhounds race 1 to 10 in a
field, in metres, and are not traded in running; horses race in furlongs or over 800 m and more.
"""

from collections.abc import Sequence
from pathlib import PurePath

import polars as pl

from race_assets.sources.findings import Problem
from race_assets.values import distances
from race_assets.values.texts import formatted

NOT_GREYHOUNDS = "not_greyhounds"
RULE = "sport"

# The longest distance in a market's name that greyhounds may have run: rules allow 1105 m (API_CONTRACTS 8.5). Where it
# begins with the number of the race, in Australia and New Zealand, greyhounds stay below 800 m and horses above.
LONGEST_M = 1200
LONGEST_NUMBERED_M = 799
MOST_RUNNERS = 10
ENOUGH_IN_RUNNING = 2

HORSE_FILE = r"(?i)^(?:dwbf|bf)prices"
GREYHOUND_FILE = "(?i)greyhound"
# "6f", "1m", "1m4f", "2m110y"; metres of greyhounds have three or four digits.
FURLONGS = r"(?i)\b(?:[1-9]f|[1-4]m(?:[1-7]f)?)(?:\d{1,3}y(?:ds?)?)?\b"
METRES = r"(?i)\b(\d{3,5})\s?m\b"
NUMBERED = r"^\s*[Rr]\d"
# Words of horse markets that are no words of greyhound markets; "Mdn", "Listed" and "Grp1" are of both.
WORDS = r"(?i)\b(?:hcap|hrd|hrdl|chs|stks|plt|nursery|i?nhf|claim|allw|cl\d|bm\d\d|[2-9]yo\+?)\b|\d{4}m (?:pace|trot)\b"
# Meetings as only horse files write them: by country, Britain's and Ireland's included, or tagged with another country.
HORSE_MEETING = (
    r"^(?:GB|UK|IRE|US|USA|RSA|SAF|FR|FRA|UAE|SGP|SIN|HKG?|JPN|GER|SWE|CAN|IND) / |"
    r"\((?:US|USA|RSA|SAF|FR|FRA|UAE|SGP|SIN|HKG?|JPN|GER|SWE|CAN|IND)\)"
)
# British and Irish racecourses where no greyhounds run, as price files write them.
RACECOURSES = (
    *("aint", "aintree", "ascot", "ayr", "bang", "beverley", "bev", "carl", "carlisle", "catt", "chelt", "cheltenham"),
    *("chep", "chepstow", "chest", "chester", "epsm", "epsom", "exet", "exeter", "fake", "fakenham", "folk", "font"),
    *("fontwell", "good", "goodwood", "hayd", "haydock", "hexm", "hexham", "kelso", "kemp", "kempton", "ling"),
    *("lingfield", "ludl", "ludlow", "mrktr", "muss", "newb", "newbury", "newm", "newmarket", "plump", "plumpton"),
    *("pont", "pontefract", "redc", "redcar", "ripn", "ripon", "sals", "salisbury", "sedge", "sthl", "southwell"),
    *("taun", "taunton", "thir", "thirsk", "utto", "uttoxeter", "warw", "warwick", "weth", "wetherby", "winc"),
    *("wincanton", "wind", "windsor", "worc", "worcester", "york", "ballin", "bell", "bellewstown", "curr", "curragh"),
    *("downr", "downroyal", "downp", "downpatrick", "fairy", "fairyhouse", "gowr", "gowran", "kilb", "kilbeggan"),
    *("killa", "killarney", "layt", "leop", "leopardstown", "list", "listowel", "naas", "navan", "punch"),
    *("punchestown", "rosc", "roscommon", "sligo", "tipp", "tipperary", "tramore", "wex", "wexford"),
)

# Columns that files of horses have and files of greyhounds have no use for.
HORSE_COLUMNS = {"horse", "horse_name", "horse_id", "jockey", "jockey_id", "jockey_name", "lbs", "ovr_btn", "hg"}
ENOUGH_COLUMNS = 2

# In the order in which a message names them.
SIGNS = {
    "is_horse_file": "the name of the file",
    "has_furlongs": "furlongs or miles in the market's name",
    "has_words": "words of horse markets in its name",
    "is_long": "a distance that greyhounds do not run",
    "is_in_running": "prices or volume in running",
    "is_horse_meeting": "the meeting",
}


def with_sport(
    frame: pl.DataFrame,
    file_name: str,
    event_name: str,
    market: str,
    *,
    meeting: str | None = None,
    track: str | None = None,
    in_running: pl.Expr | None = None,
) -> pl.DataFrame:
    """Add `is_horses` and `sport_signs`.

    A row is of horses where at least two signs say so and they outweigh those of greyhounds: a trap from 1 to 10 and,
    counted twice, a file name that says greyhounds and a market name with a greyhound's distance. It is doubtful where
    a sign of horses stands that those of greyhounds do not outweigh, or one that no greyhound race can have.

    Args:
        frame: holds `trap` (Int16) and the named columns.
        file_name: the name the file had in the inbox.
        event_name: the column with the market's name (String).
        market: the column whose rows are of one market; trading in running of two of them counts for all, and so does a
            trap above 10 in a file named as one of horses.
        meeting: the column with the meeting as Betfair's menu has it, where there is one.
        track: the column with the track's name as given, where there is one.
        in_running: Boolean, whether the runner was traded after the off, where the file says so.

    Returns:
        The frame with `is_horses` (Boolean) and `sport_signs` (String: the signs of a doubtful row, else null).
    """
    own = PurePath(file_name).name
    is_horse_file = _matches(own, HORSE_FILE)
    names = frame.select(event_name).unique().with_columns(**_signs_of_name(pl.col(event_name)))
    rows = frame.select(event_name, market, "trap").with_columns(
        is_horse_file=pl.lit(is_horse_file),
        has_high_number=(pl.col("trap") > MOST_RUNNERS).fill_null(value=False),
        is_in_running=_flags(frame, in_running),
        is_horse_meeting=_flags(frame, _horse_meeting(meeting, track)),
    )
    rows = rows.join(names, on=event_name, how="left", nulls_equal=True, maintain_order="left")
    if not is_horse_file and not rows.select(pl.any_horizontal(pl.col(*SIGNS).any())).item():
        return frame.with_columns(is_horses=pl.lit(value=False), sport_signs=pl.lit(None, dtype=pl.String))
    in_running, high = pl.col("is_in_running"), pl.col("has_high_number")
    enough = 1 if is_horse_file else ENOUGH_IN_RUNNING
    rows = rows.with_columns(
        is_in_running=in_running | (in_running.sum().over(market) >= enough),
        has_high_number=high | (pl.lit(is_horse_file) & high.any().over(market)),
    )
    return frame.with_columns(_verdict(rows, named_greyhounds=_matches(own, GREYHOUND_FILE)))


def problem() -> Problem:
    """Return the problem of rows that `with_sport` found doubtful."""
    return Problem(
        RULE,
        pl.lit(value=True),
        formatted(
            "may be a row of a horse race, by {}; greyhounds of Betfair land under its own file name, such as "
            "dwbfgreyhoundwin28062024.csv; `rules.sport` in the settings accepts such rows",
            pl.col("sport_signs"),
        ),
        among=pl.col("sport_signs").is_not_null(),
    )


def is_horse_market(name: str | None) -> bool:
    """Return whether a market's name states a distance that only horses run."""
    if name is None:
        return False
    signs = _signs_of_name(pl.lit(name))
    return bool(pl.select(signs["has_furlongs"] | signs["is_long"]).item())


def horse_columns(header: Sequence[str]) -> list[str]:
    """Return the columns of a header that only files of horses have; empty where they are too few to tell."""
    found = [name for name in header if name.strip().lower() in HORSE_COLUMNS]
    return found if len(found) >= ENOUGH_COLUMNS else []


def problem_of_feed(header: Sequence[str]) -> Problem:
    """Return what makes a row of a feed doubtful: columns of horse racing, else a distance greyhounds do not run."""
    if columns := horse_columns(header):
        return Problem(RULE, pl.lit(value=True), pl.lit(f"the file has columns of horse racing: {', '.join(columns)}"))
    return Problem(
        RULE,
        (pl.col("distance_m") > LONGEST_M) | _signs_of_name(pl.col("event_name"))["is_long"],
        formatted(
            f"distance {{}} m in {{}}: greyhounds run {LONGEST_M} m at most, in numbered races {LONGEST_NUMBERED_M} m; "
            "is it a horse race?",
            pl.col("distance_m").cast(pl.String).fill_null("unknown"),
            pl.concat_str(pl.lit("'"), pl.col("event_name").fill_null("").str.slice(0, 60), pl.lit("'")),
        ),
    )


def _matches(text: str, pattern: str) -> bool:
    return bool(pl.select(pl.lit(text).str.contains(pattern)).item())


def _signs_of_name(name: pl.Expr) -> dict[str, pl.Expr]:
    """The signs in a market's name."""
    metres = name.str.extract(METRES, 1).cast(pl.Int32, strict=False)
    longest = pl.when(name.str.contains(NUMBERED)).then(LONGEST_NUMBERED_M).otherwise(LONGEST_M)
    signs = {
        "has_furlongs": name.str.contains(FURLONGS),
        "has_words": name.str.contains(WORDS),
        "is_long": metres > longest,
        "is_greyhound_name": (metres <= longest) & distances.grade_and_distance(name).struct.field("distance_m").gt(0),
    }
    return {sign: expression.fill_null(value=False) for sign, expression in signs.items()}


def _horse_meeting(meeting: str | None, track: str | None) -> pl.Expr | None:
    signs = []
    if meeting:
        signs.append(pl.col(meeting).str.contains(HORSE_MEETING))
    if track:
        signs.append(pl.col(track).str.to_lowercase().is_in(RACECOURSES))
    return pl.any_horizontal(signs) if signs else None


def _flags(frame: pl.DataFrame, condition: pl.Expr | None) -> pl.Series:
    """Where a condition holds; nowhere without one."""
    if condition is None:
        return pl.Series([False]).new_from_index(0, frame.height)
    return frame.select(found=condition.fill_null(value=False))["found"]


def _verdict(rows: pl.DataFrame, *, named_greyhounds: bool) -> list[pl.Series]:
    """`is_horses` and `sport_signs` of rows with all their signs."""
    trap = pl.col("trap")
    signs = pl.sum_horizontal(pl.col(*SIGNS).cast(pl.Int8))
    is_sure = pl.any_horizontal("is_horse_file", "has_furlongs", "is_long", "is_in_running")
    # Names without a trap and mistyped traps occur in files of greyhounds too: signs only beside one of these.
    horses = signs + (is_sure & (trap.is_null() | pl.col("has_high_number"))).cast(pl.Int8)
    greyhounds = (
        pl.lit(2 * named_greyhounds)
        + trap.is_between(1, MOST_RUNNERS).fill_null(value=False).cast(pl.Int8)
        + 2 * (pl.col("is_greyhound_name") & ~pl.col("has_furlongs")).cast(pl.Int8)
    )
    is_horses = (horses > 1) & (horses > greyhounds)
    cannot_be = pl.any_horizontal("has_furlongs", "is_long")
    is_doubtful = ~is_horses & (signs > 0) & (cannot_be | (horses >= greyhounds))
    named = [pl.when(sign).then(pl.lit(text)) for sign, text in SIGNS.items()]
    said = pl.concat_str(named, separator=", ", ignore_nulls=True)
    decided = rows.select(is_horses=is_horses, sport_signs=pl.when(is_doubtful).then(said))
    return decided.get_columns()
