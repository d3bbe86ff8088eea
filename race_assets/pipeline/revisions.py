"""What a day's records say otherwise than when it was last published; the day that was published is kept for that.

A published day's records are in one of two files below `home/published`, in `a` or in `b`; which one, the ledger tells
by the fingerprint it was published with. The other slot takes the records about to be published, before they are. So
at every instant the records of the last publishing are there, whatever is killed.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from race_assets.pipeline.judge import VALIDATED
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.ops import REVISIONS
from race_assets.schemas.records import ORIGIN, RECORD_KEY, RECORDS
from race_assets.schemas.table import conform, polars_schema
from race_assets.storage.ledger import WantedDay
from race_assets.storage.revisions import revised_before

log = logging.getLogger(__name__)

SLOTS = ("a", "b")
NOT_CELLS = {"race_date", "observed_at", *ORIGIN, *RECORD_KEY}
"""Where a record came from and when is not what it says."""

CELLS = [name for name in RECORDS.columns if name not in NOT_CELLS]
KEY = ["race_date", *RECORD_KEY]
CHANGED, CAME, WENT = "changed", "came", "went"
WHOLE = "*"
"""In place of a column's name: the record as a whole."""


def revisions(
    workshop: Workshop, records: pl.DataFrame, days: Mapping[date, WantedDay], published: Mapping[date, str]
) -> pl.DataFrame:
    """`ops.revisions` of these days, but for when and by which run.

    A source that never told anything of the day says nothing otherwise now: its records are news, not revisions.

    Args:
        records: judged records of the days, as they are to be published.
        days: what they are built from.
        published: the fingerprint each day was last published with.
    """
    frames = [pl.DataFrame(schema=polars_schema(REVISIONS))]
    changed = [day for day, wanted in days.items() if published.get(day, wanted.fingerprint) != wanted.fingerprint]
    revised = revised_before(workshop.warehouse, changed) if changed else {}
    for day in changed:
        old = _published(workshop, day, published[day])
        if old is None:
            log.warning(
                "what %s was published with is not below %s any more: what changes in it now is not told",
                day, workshop.published.folder,
            )  # fmt: skip
            continue
        frames.append(difference(old, records.filter(pl.col("race_date") == day), revised.get(day, set())))
    return pl.concat(frames)


def _published(workshop: Workshop, day: date, fingerprint: str) -> pl.DataFrame | None:
    for slot in SLOTS:
        if workshop.published.fingerprint(slot, day) == fingerprint:
            return workshop.published.scan(slot, [day], polars_schema(RECORDS)).collect()
    return None


def keep(workshop: Workshop, days: Mapping[date, WantedDay], published: Mapping[date, str]) -> None:
    """Keeps the days' judged records as those about to be published, beside the ones that are."""
    for day, wanted in days.items():
        fingerprints = [workshop.published.fingerprint(slot, day) for slot in SLOTS]
        if wanted.fingerprint in fingerprints:
            continue
        free = 1 if fingerprints[0] is not None and fingerprints[0] == published.get(day) else 0
        workshop.lake.copy_day(VALIDATED, day, workshop.published, SLOTS[free])


def difference(old: pl.DataFrame, new: pl.DataFrame, revised: Collection[str] = ()) -> pl.DataFrame:
    """What `new` says otherwise than `old`: a row per cell, and one per record that came or went.

    Args:
        old: records of a day as they were.
        new: as they are.
        revised: sources that told of the day once, though `old` may have nothing of them.
    """
    old, new = old.select(*KEY, *CELLS), new.select(*KEY, *CELLS)
    both = old.join(new, on=KEY, how="inner", suffix=":new", nulls_equal=True)
    parts = [_cells(both, name) for name in CELLS]
    known = new.filter(pl.col("source").is_in([*old["source"].unique(), *revised]))
    parts.append(_whole(known.join(old, on=KEY, how="anti", nulls_equal=True), CAME))
    parts.append(_whole(old.join(new, on=KEY, how="anti", nulls_equal=True), WENT))
    return pl.concat(parts)


def _cells(both: pl.DataFrame, name: str) -> pl.DataFrame:
    changed = both.filter(pl.col(name).ne_missing(pl.col(f"{name}:new")))
    return _rows(
        changed.select(*KEY, "dog_name", old=as_text(name, both.schema), new=as_text(f"{name}:new", both.schema)),
        CHANGED,
        name,
    )


def _whole(records: pl.DataFrame, what: str) -> pl.DataFrame:
    return _rows(records.select(*KEY, "dog_name"), what, WHOLE)


def _rows(frame: pl.DataFrame, what: str, column: str) -> pl.DataFrame:
    keyed = frame.with_columns(pl.col(*RECORD_KEY).fill_null(""), what=pl.lit(what), column_name=pl.lit(column))
    return conform(keyed, REVISIONS)


def as_text(name: str, schema: pl.Schema) -> pl.Expr:
    """A cell as a person reads it: instants in UTC."""
    value = pl.col(name)
    if isinstance(schema[name], pl.Datetime):
        return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    return value.cast(pl.String)
