"""Suggest a feed for a file and try it: no entry is handed out before it has read the sample it was made of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from race_assets.pipeline.dry_run import Tried, dry_run
from race_assets.pipeline.workshop import Workshop
from race_assets.settings.feeds import FeedSettings
from race_assets.sources.base import ReadReport
from race_assets.sources.csv_feed import layout
from race_assets.sources.csv_feed.feed import CsvFeed
from race_assets.sources.csv_feed.offs import AT_THE_TRACK, MAY_BE_UTC, NO_RACING_THEN, STRAY
from race_assets.sources.csv_feed.readings import IsTrack
from race_assets.sources.csv_feed.suggest import NEEDED, OPEN_FEED, START, Suggestion, suggest
from race_assets.sources.transcoding import reading
from race_assets.storage.files import scratch_folder
from race_assets.values import times

SAMPLE_BYTES = 1 << 20
TOLERATED = 0.02
"""A column by which a larger share of the sample's rows fails is left out."""
STAND_IN = {"track_name": "Romford", START: "2024-06-27 18:36", "selection_name": "Nobody"}
"""What a needed column holds where the file has none, so that the others can be tried without it."""

FIRST_HOUR = {"GB": 10, "IE": 10, "AU": 10, "NZ": 10}
"""The hour before which no race starts there, on the clocks of the track."""


@dataclass(frozen=True)
class TriedSuggestion:
    """A suggestion that has read its sample.

    Attributes:
        tried: what would become of the sample's rows; None where the entry lacks what it needs to be tried as a whole.
    """

    suggestion: Suggestion
    tried: Tried | None


def suggest_feed(workshop: Workshop, path: Path, name: str) -> TriedSuggestion:
    """Return a feed for a file, each of its columns tried on the file's beginning.

    Args:
        workshop: for its rules and tracks; nothing is landed.
        path: the file.
        name: of the feed; no source has it yet.

    Raises:
        UnreadableFileError: the file cannot be read.
    """
    encoding = layout.of(path, OPEN_FEED).encoding
    with _beginning(path, encoding) as sample:
        suggestion = suggest(sample, _is_track(workshop))
        tried = None
        if suggestion.is_racing and not suggestion.missing:
            suggestion = _without_failing(suggestion, lambda each: _failing(_tried(workshop, each, sample, name)))
            tried = _tried(workshop, suggestion, sample, name)
            reason = _doubt(workshop, suggestion, tried.accepted)
            if reason is not None:
                suggestion, tried = _without_off(suggestion, reason), None
            else:
                suggestion, tried = _in_yards(
                    workshop, suggestion, tried, lambda each: _tried(workshop, each, sample, name)
                )
        elif suggestion.is_racing:
            if suggestion.may_be_utc:
                suggestion = _without_off(suggestion, MAY_BE_UTC)
            suggestion = _without_failing(suggestion, lambda each: _unread(each, sample))
    suggestion.layout = replace(suggestion.layout, encoding=encoding)
    return TriedSuggestion(suggestion, tried)


@contextmanager
def _beginning(path: Path, encoding: str | None) -> Iterator[Path]:
    """The file's first rows as a file of the same name, as UTF-8; the file itself where it is short."""
    if path.stat().st_size <= SAMPLE_BYTES:
        yield path
        return
    with reading(path, encoding) as stream:
        data = stream.read(SAMPLE_BYTES)
    end = data.rfind(b"\n") + 1
    # A cell may hold line ends: the last row ends outside of quotes.
    while end and data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, end - 1) + 1
    with scratch_folder() as folder:
        sample = folder / path.name
        sample.write_bytes(data[: end or None])
        yield sample


def _is_track(workshop: Workshop) -> IsTrack:
    def is_track(names: pl.Series) -> pl.Series:
        return workshop.tracks.resolve(pl.DataFrame({"track_name": names}))["track_id"].is_not_null()

    return is_track


def _tried(workshop: Workshop, suggestion: Suggestion, sample: Path, name: str) -> Tried:
    """What would become of the sample under this suggestion, as `feed check` would show it."""
    settings = workshop.settings
    feeds = {**settings.sources.csv_feeds, name: FeedSettings.model_validate(suggestion.entry())}
    sources = settings.sources.model_copy(update={"csv_feeds": feeds})
    trial = Workshop(settings.model_copy(update={"sources": sources}))
    return dry_run(trial, trial.source(name), sample)


def _failing(tried: Tried) -> float:
    """The share of the rows about runners that would be rejected."""
    about_runners = tried.account.records_in - tried.account.filtered_count
    return tried.account.quarantined / about_runners if about_runners else 1.0


def _unread(suggestion: Suggestion, sample: Path) -> float:
    """The share of rows that cannot be read under an entry that lacks a column it needs."""
    entry = suggestion.entry()
    lacking = {NEEDED[what]: {"constant": STAND_IN[NEEDED[what]]} for what in suggestion.missing}
    feed = FeedSettings.model_validate(entry | {"columns": entry["columns"] | lacking})
    frames = [
        frame.select("problems", "filtered").filter(pl.col("filtered").is_null())
        for frame in CsvFeed("sample", feed).read(sample, sample.name, ReadReport())
        if "filtered" in frame.columns
    ]
    rows = pl.concat(frames) if frames else pl.DataFrame({"problems": []})
    return 1 - rows["problems"].null_count() / rows.height if rows.height else 0.0


def _without_failing(suggestion: Suggestion, failing: Callable[[Suggestion], float]) -> Suggestion:
    """Leave out the columns by which rows fail, those first by which most do.

    Args:
        suggestion: what is mended.
        failing: the share of rows that fail under a suggestion.
    """
    while (share := failing(suggestion)) > TOLERATED:
        optional = [target for target in suggestion.columns if target not in NEEDED.values()]
        without = {target: failing(suggestion.without(target)) for target in optional}
        target = min(without, key=lambda each: without[each], default=None)
        if target is None or share - without[target] <= TOLERATED:
            return suggestion
        origin = suggestion.columns[target][0]
        named = origin if isinstance(origin, str) else origin.get("column", origin)
        suggestion = suggestion.without(target)
        suggestion.remarks.append(
            f"{target} from {named} is left out: {share - without[target]:.0%} of the sample's rows would fail by it"
        )
    return suggestion


def _in_yards(
    workshop: Workshop, suggestion: Suggestion, tried: Tried, trial: Callable[[Suggestion], Tried]
) -> tuple[Suggestion, Tried]:
    """Read distances without a unit as yards where all tracks are Irish; where some are, add a remark that says so.

    Irish tracks measure their races in yards: 525 is 480 m.
    """
    countries = set(_with_tracks(workshop, tried.accepted)["country"])
    if "IE" not in countries or "distance_m" not in suggestion.columns:
        return suggestion, tried
    origin, sure = suggestion.columns["distance_m"]
    named = {"column": origin} if isinstance(origin, str) else origin
    yards = suggestion.without("distance_m")
    yards.columns["distance_m"] = ({**named, "unit": "yd"}, sure)
    tried_in_yards = trial(yards)
    metres, other = (each.accepted.sort("source_row")["distance_m"] for each in (tried, tried_in_yards))
    if metres.equals(other):
        return suggestion, tried
    said = f"distance_m from {named['column']}: Irish distances without a unit are yards"
    if countries == {"IE"}:
        yards.remarks.append(f"{said}; `unit: yd` reads them so")
        return yards, tried_in_yards
    suggestion.remarks.append(
        f"{said}, and this file has tracks of {', '.join(sorted(countries - {'IE'}))} too, whose metres they are read "
        "as; give Irish tracks a feed of their own with `unit: yd`"
    )
    return suggestion, tried


def _with_tracks(workshop: Workshop, accepted: pl.DataFrame) -> pl.DataFrame:
    """Return track, off, country and zone of each accepted record."""
    tracks = workshop.tracks.frame.select("track_id", "country", "timezone")
    return accepted.select("track_id", "start_at").join(tracks, on="track_id")


def _without_off(suggestion: Suggestion, reason: str) -> Suggestion:
    suggestion = suggestion.without(START)
    suggestion.missing.append("off")
    said = [remark for remark in suggestion.remarks if remark != AT_THE_TRACK]
    suggestion.remarks = [*said, f"the off is left out: {reason}"]
    return suggestion


def _doubt(workshop: Workshop, suggestion: Suggestion, accepted: pl.DataFrame) -> str | None:
    """Why the accepted rows' offs may be those of another zone than the entry says; None where nothing says so."""
    placed = _with_tracks(workshop, accepted)
    zones = placed["timezone"].unique().to_list()
    shown = times.in_zone(pl.col("start_at"), pl.col("timezone"), zones)
    if _is_night(placed, shown):
        return NO_RACING_THEN
    # Where the clocks' time taken for UTC is no time of racing, or the same one, it is the track's.
    as_utc = shown.dt.replace_time_zone("UTC")
    is_other = placed.is_empty() or placed.select((as_utc != pl.col("start_at")).any()).item()
    shifted = times.in_zone(as_utc, pl.col("timezone"), zones)
    return MAY_BE_UTC if suggestion.may_be_utc and is_other and not _is_night(placed, shifted) else None


def _is_night(placed: pl.DataFrame, shown: pl.Expr) -> bool:
    """Whether dogs would run before the first hour there, by these times of the track's clocks."""
    first = pl.col("country").replace_strict(FIRST_HOUR, default=0, return_dtype=pl.Int8)
    return float(placed.select((shown.dt.hour() < first).mean()).item() or 0) > STRAY
