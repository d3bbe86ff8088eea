"""Days of a source that are missing or not whole, as contiguous ranges with the command that brings them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime

from race_assets.pipeline.status.need import DAY, NOT_COLLECTED, Need, from_to
from race_assets.pipeline.workshop import Workshop
from race_assets.sources import registry
from race_assets.storage import coverage
from race_assets.storage.coverage import Coverage

LIVE_SOURCE = "betfair_exchange"
WITH_REASON = {coverage.BLOCKED, coverage.FAILED}


def needs(workshop: Workshop, rows: Sequence[Coverage], failed_days: set[date]) -> list[Need]:
    """Return what is missing of each source; of live prices, which nothing brings later, only the last four weeks.

    Args:
        workshop: the tools.
        rows: of `ops.coverage`, by day and source.
        failed_days: days that could not be built at all; they are reported once, not by source.
    """
    oldest_live = datetime.now(UTC).date() - coverage.TRAILING
    by_source: dict[str, list[Coverage]] = defaultdict(list)
    for each in rows:
        is_reported_elsewhere = each.state == coverage.WAITING or (
            each.state == coverage.FAILED and each.race_date in failed_days
        )
        is_past_recording = each.source == LIVE_SOURCE and each.race_date < oldest_live
        if not is_reported_elsewhere and not is_past_recording:
            by_source[each.source].append(each)
    return [_need(workshop, found) for source in sorted(by_source) for found in late_ranges(by_source[source])]


def late_ranges(rows: Sequence[Coverage]) -> list[list[Coverage]]:
    """Return the late days of one source in ranges of one state; days without racing do not end a range."""
    found: list[list[Coverage]] = []
    is_open = False
    before: date | None = None
    for each in rows:
        is_next = before is not None and each.race_date - before == DAY
        before = each.race_date
        if not each.is_late:
            is_open = is_open and is_next and each.state == coverage.NO_RACING
        elif is_open and is_next and _kind(found[-1][-1]) == _kind(each):
            found[-1].append(each)
        else:
            found.append([each])
            is_open = True
    return found


def _kind(each: Coverage) -> tuple[str, str]:
    return each.state, each.reason if each.state in WITH_REASON else ""


def _need(workshop: Workshop, rows: Sequence[Coverage]) -> Need:
    source, state = rows[0].source, rows[0].state
    first, last = rows[0].race_date, rows[-1].race_date
    if source == LIVE_SOURCE:
        state, command, advice = (
            NOT_COLLECTED,
            f"race-assets status --day {first}",
            ("past live prices cannot be recorded any more, betfair_historic may have them; what there is:"),
        )
    elif state == coverage.PARTIAL:
        command, advice = f"race-assets status --day {first}", ""
    elif state == coverage.REJECTED:
        of_day = f" --day {first}" if first == last else ""
        command, advice = f"race-assets rejects list --source {source}{of_day}", ""
    else:
        command, advice = bringing(workshop, source, (first, last))
    return Need(state, source, first, last, len(rows), _reason(rows), command, advice)


def bringing(workshop: Workshop, source: str, days: tuple[date, date]) -> tuple[str, str]:
    """Return the command that brings days of a source, and the words that lead to it."""
    if source in registry.FETCHERS:
        return f"race-assets fetch {source} {from_to(days)}", ""
    return "race-assets ingest", f"put its files into {workshop.settings.drop_folder(source)}, then"


def _reason(rows: Sequence[Coverage]) -> str:
    state = rows[0].state
    known, reported = sum(each.races_known for each in rows), sum(each.races_reported for each in rows)
    if len(rows) == 1 or state in WITH_REASON:
        return rows[0].reason
    if state == coverage.PARTIAL:
        if reported >= known:
            return "no source has the results of all races"
        return f"{known - reported:,} of {known:,} races are missing"
    if state == coverage.REJECTED:
        return "all records of these days were rejected"
    unknown = sum(not each.races_known for each in rows)
    reasons = [f"{known:,} races that other sources report"] if known else []
    reasons += [f"{unknown:,} days on which no source has a race"] if unknown else []
    return " and ".join(reasons)
