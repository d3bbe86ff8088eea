"""Linking a day's records: with whose ids, in which order, what people decided, and whose clock is wrong."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from operator import or_

import polars as pl

from race_assets.errors import SettingsError
from race_assets.identity import clock, linking, told_races
from race_assets.identity.clock import CLOCK, NEIGHBOURS, Shift
from race_assets.identity.linking import Linked
from race_assets.pipeline.judge import VALIDATED, ensure_judged, is_judged
from race_assets.pipeline.log_fields import about, days_told
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.sources import registry
from race_assets.storage import link_decisions
from race_assets.storage.ledger import WantedDay

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
TOLD = (
    "source", "race_date", "track_id", "start_at", "dog_name", "selection_name", "market_id", "selection_id", "trap",
)  # fmt: skip


def ranked(workshop: Workshop, records: pl.DataFrame) -> pl.DataFrame:
    """Add the provider whose ids each record has, and the rank of its source in `precedence`."""
    sources = records["source"].unique().to_list()
    ranks = workshop.settings.precedence.ranks("start", sources)
    frame = told_races.ranked(records, {name: registry.provider(name) for name in sources}, ranks)
    return told_races.with_provider_by_ids(frame, registry.BORROWERS)


def link(workshop: Workshop, records: pl.DataFrame, shifts: Sequence[Shift]) -> Linked:
    """Links the records; those of sources whose clock is wrong that day are refused.

    Args:
        records: the shape of `schemas.records.RECORDS`, one off a source and market.
        shifts: of the records' days, others do not matter.
    """
    frame = ranked(workshop, records)
    if records["source"].n_unique() <= 1:
        return linking.link(frame, workshop.settings.linking)
    is_wrong = reduce(or_, (_told_by(each) for each in shifts), pl.lit(value=False))
    wrong = frame.filter(is_wrong)
    linked = linking.link(frame.filter(~is_wrong), workshop.settings.linking, link_decisions.read(workshop.warehouse))
    if not wrong.height:
        return linked
    messages = {(each.source, each.race_date): each.message for each in shifts}
    said = [messages[key] for key in wrong.select("source", "race_date").iter_rows()]
    refused = wrong.with_columns(rules=pl.concat_list(pl.lit(CLOCK)), messages=pl.Series([[text] for text in said]))
    refused = pl.concat([linked.refused, refused], how="diagonal_relaxed")
    return Linked(linked.records, refused, linked.links, linked.notes)


def _told_by(shift: Shift) -> pl.Expr:
    return (pl.col("source") == shift.source) & (pl.col("race_date") == shift.race_date)


def clock_shifts(workshop: Workshop, due: Mapping[date, WantedDay], records: pl.DataFrame) -> dict[date, list[Shift]]:
    """The verdicts on the clocks of these days and of those beside them: every such day, and the shifts found on it.

    Reads nothing where one source tells of all these days and of those around.

    Args:
        due: the days.
        records: theirs, as judged.
    """
    around = {day + n * DAY for day in due for n in range(-NEIGHBOURS.days, NEIGHBOURS.days + 1)} - set(due)
    wanted = {day: each for day, each in workshop.wanted(sorted(around)).items() if each.inputs}
    if len({source for each in (*due.values(), *wanted.values()) for source in each.inputs}) <= 1:
        return {day: [] for day in due}
    verdicts: dict[date, list[Shift]] = {day + n * DAY: [] for day in due for n in (-1, 0, 1)}
    ready = _judged_beside(workshop, wanted)
    beside = workshop.lake.scan(VALIDATED, ready, polars_schema(RECORDS)).select(TOLD).collect()
    dogs = clock.told_dogs(ranked(workshop, pl.concat([records.select(TOLD), beside])))
    for shift in clock.shifts(dogs, workshop.settings.linking.clock):
        if shift.race_date in verdicts:
            verdicts[shift.race_date].append(shift)
    return verdicts


def _judged_beside(workshop: Workshop, wanted: Mapping[date, WantedDay]) -> list[date]:
    """Those of the days that can be read. One that cannot fails when its own turn comes, and takes no other down."""
    try:
        ensure_judged(workshop, wanted)
    except SettingsError:
        raise
    except Exception:
        if len(wanted) > 1:
            return [day for each in wanted for day in _judged_beside(workshop, {each: wanted[each]})]
        told = "a day beside those that are built cannot be read; clocks are judged without it"
        with about(day=days_told(wanted)):
            log.exception(told)
        return []
    return [day for day, each in wanted.items() if is_judged(workshop, day, each)]
