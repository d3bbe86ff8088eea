"""Records rejected lately, by source and rule."""

from race_assets.pipeline.status.need import REJECTS, Need
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import rejects


def needs(workshop: Workshop) -> list[Need]:
    """Return open rejects of the last days by source and rule, the most frequent first."""
    days = workshop.settings.coverage.shown_days
    return [
        Need(
            REJECTS, each.source, each.first, each.last, 0, _reason(each, days),
            f"race-assets rejects list --source {each.source} --rule {each.rule}",
        )
        for each in rejects.recent_by_rule(workshop.warehouse, days)
    ]  # fmt: skip


def _reason(found: rejects.RecentRejects, days: int) -> str:
    undated = f", {found.undated:,} without a day" if found.undated else ""
    records = "1 record" if found.records == 1 else f"{found.records:,} records"
    return f"{found.rule}: {records} rejected in the last {days} days{undated}"
