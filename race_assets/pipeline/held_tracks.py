"""The track names of a file by day, gathered while it is parsed or from its parsed form: what its days depend on."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from race_assets.identity.track_names import MARK, meanings, number_of, set_id, with_ids
from race_assets.identity.tracks import TrackRegistry
from race_assets.schemas.beside import KINDS
from race_assets.schemas.records import PARSED
from race_assets.schemas.table import polars_schema
from race_assets.storage.lake import Lake
from race_assets.storage.track_names import FileTracks, HeldNames

TRACK_OF_CHILD = "track_known_as"
"""The column of a child row that names a track of its own: that of a past run."""
HELD = {"race_date": pl.Date, "track_name": pl.String, "country": pl.String, "gives_date": pl.Boolean}
"""A track name of a day; `gives_date` where the track's time zone decides that day. Undated rows have no day."""
SIGNED_64_BITS = 1 << 64


class TrackGatherer:
    """Collects the track names of a file, batch by batch."""

    def __init__(self) -> None:
        self._batches = [pl.DataFrame(schema=HELD)]

    def add(self, frame: pl.DataFrame, gives_date: pl.Series, children: Mapping[str, pl.DataFrame]) -> None:
        """Add a batch.

        Args:
            frame: records with `race_date`, `track_name` and `country`.
            gives_date: whether each record's day is decided by the time zone of its track.
            children: child rows by kind, with the `race_date` of their record.
        """
        self._batches.append(_distinct(frame.select("race_date", "track_name", "country", gives_date=gives_date)))
        for rows in children.values():
            if TRACK_OF_CHILD in rows.columns:
                named = rows.select("race_date", "country", track_name=TRACK_OF_CHILD, gives_date=pl.lit(value=False))
                self._batches.append(_distinct(named))

    def of_file(self, days: Sequence[date], registry: TrackRegistry) -> FileTracks:
        """Return what was gathered, for a file of these days, resolved by a registry."""
        rows = pl.concat(self._batches).unique()
        names = meanings(
            registry, with_ids(rows.select("track_name", "country").unique().sort("track_name", "country"))
        )
        rows = rows.join(names, on=["track_name", "country"], how="left", nulls_equal=True)
        dated = rows.drop_nulls("race_date")
        by_day = dict(dated.group_by("race_date").agg(pl.col("name_id").unique().sort()).iter_rows())
        ids = {day: by_day.get(day, []) for day in days}
        sets = {day: set_id(name_ids) for day, name_ids in ids.items()}
        held = HeldNames(names, {sets[day]: name_ids for day, name_ids in ids.items()}, registry.fingerprint)
        dating = rows.filter("gives_date")
        zones = _zones(dating.drop_nulls("race_date"))
        return FileTracks(
            held,
            [sets[day] for day in days],
            [zones.get(day, 0) for day in days],
            dating["name_id"].unique().sort().to_list(),
        )


def tracks_of_parsed(
    lake: Lake, source: str, sha256: str, parser_version: int, days: Sequence[date], registry: TrackRegistry
) -> FileTracks:
    """Return the tracks of a file from its parsed form.

    That form does not show which rows stated their date, so every row with an off counts as dated by its track.
    """
    gathered = TrackGatherer()
    path = lake.parsed_path(source, sha256, parser_version)
    records = lake.scan_parsed(path, polars_schema(PARSED))
    held = records.select("race_date", "track_name", "country", has_off=pl.col("start_at").is_not_null()).unique()
    frame = held.collect()
    children = {}
    for kind in KINDS:
        if TRACK_OF_CHILD in kind.parsed.columns and (path / kind.name).is_dir():
            rows = lake.scan_parsed(path / kind.name, polars_schema(kind.parsed))
            children[kind.name] = rows.select("race_date", "country", TRACK_OF_CHILD).unique().collect()
    gathered.add(frame, frame["has_off"], children)
    found = gathered.of_file(days, registry)
    return FileTracks(found.held, found.sets, [0] * len(days), found.dating_names)


def _distinct(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(list(HELD)).drop_nulls("track_name").unique()


def _zones(dating: pl.DataFrame) -> dict[date, int]:
    """Return by day a hash of the names and time zones by which rows got that day."""
    zones: dict[date, int] = {}
    for day, name_id, zone in dating.select("race_date", "name_id", "timezone").unique().iter_rows():
        zones[day] = zones.get(day, 0) + number_of(f"{name_id}{MARK}{zone}")
    half = SIGNED_64_BITS // 2
    return {day: (total + half) % SIGNED_64_BITS - half for day, total in zones.items()}
