"""Tell which of London's two equal hours in autumn a race of a price file was in, by the other races of its meeting."""

from collections.abc import Sequence
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
    readings: list[tuple[list[float], list[bool]]] = []
    for first in range(len(doubtful) + 1):
        late = set(doubtful[first:])
        offs = [start + HOUR if place in late else start for place, start in enumerate(starts)]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(offs)]
        if all(gap >= 0 for gap in gaps):
            readings.append((gaps, [place in late for place in doubtful]))
    ranked = sorted(zip(_unevenness([gaps for gaps, _ in readings]), range(len(readings)), strict=True))
    if not ranked or (len(ranked) > 1 and ranked[0][0] * PLAINLY >= ranked[1][0]):
        return None
    return readings[ranked[0][1]][1]


def _unevenness(readings: Sequence[Sequence[float]]) -> list[float]:
    """Return the sum of the squared gaps of each reading, without those that are the same in all."""
    differing = [gaps for gaps in zip(*readings, strict=True) if len(set(gaps)) > 1]
    return [sum(gaps[number] ** 2 for gaps in differing) for number in range(len(readings))]
