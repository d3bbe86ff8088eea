"""What `race-assets rejects explain` says of a refused row: as read, where it stands, what is wrong, what to do."""

from collections.abc import Iterator

import polars as pl

from race_assets.console import report
from race_assets.display import shell_word
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import PARSED
from race_assets.schemas.table import polars_schema
from race_assets.settings.rules import RuleSettings
from race_assets.sources.base import FileSource
from race_assets.sources.record_files import reader_of
from race_assets.storage import rejects
from race_assets.storage.ledger import Ledger
from race_assets.storage.rejects import Reject
from race_assets.validation.accepts import accepts
from race_assets.validation.rows import NO_TRACK

CELL = 80
NEAREST = 3
UNKNOWN_TRACK = "track_known"


def explain(workshop: Workshop, reject: Reject) -> None:
    """The row as read, where it stands, each rule it broke with what would pass, and what to do about it."""
    because = f" ({reject.state_reason})" if reject.state_reason else ""
    report.heading(f"reject {reject.reject_id[: rejects.SHOWN_ID]} of {reject.source}: {reject.state}{because}")
    report.line(_place(workshop, reject))
    text = (reject.row or {}).get("text", "")
    report.heading("as read")
    report.line(text or "nothing: what stands there cannot be read as text")
    if len(cells := _laid_out(workshop, reject, text)) > 1:
        report.rows(["column", "cell"], cells, "table")
    report.heading("rules it broke")
    rules = workshop.settings.rules_of(reject.source)
    allowed = accepts(rules)
    broken = zip(reject.rules, reject.messages, strict=True)
    report.rows(
        ["rule", "severity", "what is wrong", "what would pass"],
        [[rule, _severity(rules, rule), message, allowed.get(rule, "")] for rule, message in broken],
        "table",
    )
    report.heading("what to do")
    for advice in _advice(workshop, reject):
        report.line(advice)


def _place(workshop: Workshop, reject: Reject) -> str:
    day = f"race day {reject.race_date}" if reject.race_date else "a day that cannot be told"
    row_is = _reader(workshop, reject).row_is
    where = f"{reject.file or 'a file'} version {reject.version}, {row_is} {reject.source_row:,}"
    force = "withdrawn" if reject.withdrawn_at else "in force" if reject.version == reject.newest else "replaced since"
    return (
        f"{where}, byte {reject.byte_offset:,} of its text ({force}; sha256 {reject.source_file[:12]}), {day}, "
        f"refused at stage {reject.stage}"
    )


def _laid_out(workshop: Workshop, reject: Reject, text: str) -> list[list[str]]:
    """The row's cells beside the names of their columns."""
    path = workshop.archive.path(reject.source, reject.source_file)
    cells = _reader(workshop, reject).cells_of(path, text)
    names = (reject.columns or "").split(",")
    width = max(len(names), len(cells))
    padded = zip([*names, *["(no column)"] * width][:width], [*cells, *["(missing)"] * width][:width], strict=True)
    return [[name, cell if len(cell) <= CELL else f"{cell[:CELL]}…"] for name, cell in padded]


def _reader(workshop: Workshop, reject: Reject) -> FileSource:
    """Return what reads the reject's file."""
    path = workshop.archive.path(reject.source, reject.source_file)
    return reader_of(workshop.source(reject.source), path)


def _severity(rules: RuleSettings, rule: str) -> str:
    return str(getattr(getattr(rules, rule, None), "severity", ""))


def _advice(workshop: Workshop, reject: Reject) -> Iterator[str]:
    short = reject.reject_id[: rejects.SHOWN_ID]
    if reject.state == rejects.REPLAYED:
        yield "nothing: it passes now, or is no longer told"
        return
    if UNKNOWN_TRACK in reject.rules and not any(each.startswith(NO_TRACK) for each in reject.messages):
        yield from _names_for_its_track(workshop, reject)
    if reject.state == rejects.DISCARDED:
        yield f"to have it judged again: `race-assets rejects reopen {short}`"
        return
    file = shell_word(reject.file or "FILE")
    yield f"if the file is at fault: land a better one as {file}, which takes its place; then `race-assets ingest`"
    yield f"if a feed, the settings or the registry were, and are mended: `race-assets rejects replay {short}`"
    yield f"if the row is rightly refused: `race-assets rejects discard {short} --reason '…'`"


def _names_for_its_track(workshop: Workshop, reject: Reject) -> Iterator[str]:
    """A command for each of the tracks that the row may mean, the likeliest first."""
    written = _track_of(workshop, reject)
    if written is None:
        yield "name the track: `race-assets tracks add-alias TRACK_ID 'name as written'` (`tracks find` has the ids)"
        return
    name, country = written
    yield "name the track with one of these, the nearest first; `race-assets tracks list` has all ids:"
    for track in workshop.tracks.nearest_tracks(name, country, NEAREST):
        alias = shell_word(workshop.tracks.alias_for(track, name))
        yield f"  race-assets tracks add-alias {track.track_id} {alias}"


def _track_of(workshop: Workshop, reject: Reject) -> tuple[str, str | None] | None:
    """The name of its track and the country, as the file has them; None where it has none or is not parsed now."""
    file = Ledger(workshop.warehouse).file(reject.source, reject.source_file)
    if file is None:
        return None
    path = workshop.lake.parsed_path(file.source, file.sha256, file.parser_version)
    rows = workshop.lake.scan_parsed(path, polars_schema(PARSED)).filter(pl.col("source_row") == reject.source_row)
    found = rows.select("track_name", "country").filter(pl.col("track_name").str.strip_chars() != "").collect()
    return found.row(0) if found.height else None
