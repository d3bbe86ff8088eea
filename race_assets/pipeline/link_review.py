"""What linking sees of a day, for people who are to decide: told races, their candidates, the dogs on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from race_assets.errors import SettingsError
from race_assets.identity.linking import Meetings
from race_assets.normalise.runners import one_start_per_market
from race_assets.pipeline.judge import VALIDATED, ensure_judged
from race_assets.pipeline.links import ranked
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.storage import link_decisions
from race_assets.storage.link_decisions import Market

LINKED, DOUBTFUL, APART = "linked", "doubtful", "apart"


@dataclass(frozen=True)
class Told:
    """A race as its provider tells it: the market it is named by, its off, its dogs by trap."""

    market: Market
    off: datetime
    dogs: Sequence[tuple[int | None, str]]


@dataclass(frozen=True)
class Candidate:
    """A race that another may be, the evidence, and what came of it: LINKED, DOUBTFUL or APART."""

    told: Told
    verdict: str
    score: float
    offset_s: int
    names_agreed: int
    names_alike: int
    traps_agreed: int
    compared: int
    is_one: bool | None


@dataclass(frozen=True)
class Review:
    """A told race, what is said of it if it has no place, and its candidates, the most probable first."""

    race_date: date
    told: Told
    message: str | None
    candidates: list[Candidate] = field(default_factory=list)


def doubtful(workshop: Workshop, day: date | None = None) -> list[Review]:
    """The told races that have no place since they may be one with another, of one day or of all that have such."""
    query = """select distinct race_date from quarantine.rejects where stage = 'link' and state = 'open'
               and race_date is not null and race_date = coalesce(%s, race_date) order by 1"""
    with workshop.warehouse.connect() as connection:
        days = [each for (each,) in connection.execute(query, [day])]
    return [review for each in days for review in _of_day(workshop, each) if review.message]


def of_market(workshop: Workshop, market: Market) -> list[Review]:
    """The told race of a market, once for each day that has it.

    Raises:
        SettingsError: no day that was linked, or could not be, has that market.
    """
    source, market_id = market
    found = []
    is_meant = (pl.col("source") == source) & (pl.col("market_id") == market_id)
    for day in _days_with(workshop, market):
        if not _records(workshop, day).filter(is_meant).height:
            continue
        meetings = _meetings(workshop, day)
        rows = meetings.frame.filter(is_meant)
        found += [_review(meetings, day, told) for told in rows["told"].unique().sort()]
    if not found:
        raise SettingsError(
            f"no race that was linked or is doubtful has market {market_id!r} of {source}; "
            "`race-assets links list` names the doubtful ones, core.race_links the linked ones"
        )
    return found


def decide(workshop: Workshop, market: Market, other: Market, *, is_one: bool, reason: str) -> list[date]:
    """Keeps a decision; gives the days that are stale for it.

    Raises:
        SettingsError: the two markets have no day in common, or are one provider's.
    """
    here, there = of_market(workshop, market), of_market(workshop, other)
    days = sorted({each.race_date for each in here} & {each.race_date for each in there})
    if not days:
        raise SettingsError(f"{' '.join(market)} and {' '.join(other)} are not of one day; they cannot be one race")
    if market[0] == other[0]:
        raise SettingsError(f"both markets are of {market[0]}; a source's own races are never one")
    link_decisions.decide(workshop.warehouse, market, other, days, is_one=is_one, reason=reason)
    return days


def _days_with(workshop: Workshop, market: Market) -> list[date]:
    """Days with this market among their links, and all that ever had doubtful races."""
    query = """select race_date from core.race_links where source = %s and market_id = %s
               union select race_date from quarantine.rejects where stage = 'link' and race_date is not null
               order by 1"""
    with workshop.warehouse.connect() as connection:
        return [day for (day,) in connection.execute(query, list(market))]


def _of_day(workshop: Workshop, day: date) -> list[Review]:
    meetings = _meetings(workshop, day)
    return [_review(meetings, day, told) for told in sorted(meetings.ambiguous)]


def _records(workshop: Workshop, day: date) -> pl.DataFrame:
    ensure_judged(workshop, workshop.wanted([day]))
    return workshop.lake.scan(VALIDATED, [day], polars_schema(RECORDS)).collect()


def _meetings(workshop: Workshop, day: date) -> Meetings:
    frame = ranked(workshop, one_start_per_market(_records(workshop, day)))
    meetings = Meetings.of(frame, workshop.settings.linking, link_decisions.read(workshop.warehouse))
    meetings.add_all()
    return meetings


def _review(meetings: Meetings, day: date, told: int) -> Review:
    weighed = pl.concat(meetings.weighed).filter((pl.col("left") == told) | (pl.col("right") == told))
    candidates = []
    for row in weighed.sort("score", "left", "right", descending=[True, False, False]).iter_rows(named=True):
        other = row["left"] if row["right"] == told else row["right"]
        is_linked = meetings.race_of.get(told, -1) == meetings.race_of.get(other, -2)
        doubt = row["score"] >= meetings.settings.possible_score and bool({told, other} & set(meetings.ambiguous))
        verdict = LINKED if is_linked else DOUBTFUL if doubt else APART
        evidence = ("score", "offset_s", "names_agreed", "names_alike", "traps_agreed", "compared", "is_one")
        candidates.append(Candidate(_told(meetings, other), verdict, **{name: row[name] for name in evidence}))
    return Review(day, _told(meetings, told), meetings.ambiguous.get(told), candidates)


def _told(meetings: Meetings, told: int) -> Told:
    dogs = meetings.dogs.runners.filter(pl.col("told") == told).sort("trap", "name", nulls_last=True)
    off = meetings.told.filter(pl.col("told") == told)["start_at"][0]
    return Told(meetings.market(told), off, dogs.select("trap", "name").rows())
