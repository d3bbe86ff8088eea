"""Tell which of London's two equal hours in autumn a race of a price file was in, by the other races of its meeting."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl

HOUR = timedelta(hours=1)
NEAR = timedelta(hours=12)
PLAINLY = 2
"""How many times as uneven the gaps between races must be under any other reading."""
MEETING = ["menu_hint", "is_place"]


def second_passes(races: pl.DataFrame) -> pl.DataFrame:
    """Return the markets in doubled hours whose pass is plain: `market_id`, `is_place`, `is_second`.

    Races of a meeting follow one another by race number, or by market id where they have none, and at even gaps.

    Args:
        races: `menu_hint`, `is_place`, `market_id`, `race_number`, `start_at` and `is_ambiguous`, any number of rows a
            market; `start_at` is in the first of the two hours.
    """
    schema = {"market_id": pl.String, "is_place": pl.Boolean, "is_second": pl.Boolean}
    doubtful = races.filter("is_ambiguous")
    meetings = races.join(doubtful.select(MEETING).unique(), on=MEETING, nulls_equal=True).drop_nulls("market_id")
    rows: list[tuple[str, bool, bool]] = []
    for (_, is_place), meeting in meetings.group_by(MEETING, maintain_order=True):
        middle = meeting.filter("is_ambiguous")["start_at"].min()
        own = meeting.filter((pl.col("start_at") - middle).abs() <= NEAR)
        ordered = own.with_columns(digits=pl.col("market_id").str.slice(2).cast(pl.UInt64, strict=False))
        by = "digits" if ordered["race_number"].null_count() else "race_number"
        ordered = ordered.unique("market_id", keep="first", maintain_order=True).sort(by, "digits")
        is_second = _passes(ordered["start_at"].to_list(), ordered["is_ambiguous"].to_list())
        if is_second is not None:
            ids = ordered.filter("is_ambiguous")["market_id"]
            rows += [(market, bool(is_place), second) for market, second in zip(ids, is_second, strict=True)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _passes(starts: Sequence[datetime], is_ambiguous: Sequence[bool]) -> list[bool] | None:
    """Return for each doubtful race of a meeting whether it was in the second hour; None where that is not plain.

    Args:
        starts: of the meeting's races in their order, the doubtful ones in the first of the two hours.
        is_ambiguous: which of them are doubtful.
    """
    doubtful = [place for place, each in enumerate(is_ambiguous) if each]
    readings: list[tuple[float, list[bool]]] = []
    for first in range(len(doubtful) + 1):
        late = set(doubtful[first:])
        offs = [start + HOUR if place in late else start for place, start in enumerate(starts)]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(offs)]
        if all(gap >= 0 for gap in gaps):
            readings.append((_unevenness(gaps), [place in late for place in doubtful]))
    readings.sort(key=lambda reading: reading[0])
    if not readings or (len(readings) > 1 and readings[0][0] * PLAINLY >= readings[1][0]):
        return None
    return readings[0][1]


def _unevenness(gaps: Iterable[float]) -> float:
    return sum(gap * gap for gap in gaps)
