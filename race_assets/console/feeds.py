"""What `race-assets feed` does: a dry run of a file, and a suggestion of what a feed for it would say."""

from pathlib import Path

import polars as pl

from race_assets.console import report, terminal
from race_assets.errors import UnreadableFileError
from race_assets.pipeline.dry_run import Tried, dry_run
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.validation.account import Account

SHOWN_REASONS = 3


def check(settings: Settings, name: str, file: Path, limit: int) -> bool:
    """Shows what would become of a file; False where it cannot be read or a row of it would be refused."""
    workshop = Workshop(settings)
    try:
        tried = dry_run(workshop, workshop.source(name), file)
    except UnreadableFileError as error:
        report.failure(f"{file}: {error}")
        return False
    read = f"{tried.report.rows_read:,} rows read, {tried.report.rows_careful:,} of them one by one"
    report.line(f"{file} as {name}: {read}{'' if tried.is_whole else '; the file goes on, this is its beginning'}")
    for warning in tried.report.warnings:
        report.line(f"  {warning}")
    _show_accepted(tried.account, tried.accepted.height)
    report.conservation({(name, None): tried.account})
    if tried.rejects.height:
        shown = tried.rejects.head(limit).select(
            "source_row",
            pl.col("rules").list.unique(maintain_order=True).list.join(", "),
            pl.col("messages").list.join("; "),
        )
        report.heading(f"the first {shown.height:,} of {tried.rejects.height:,} that would be refused")
        report.rows(["line", "rules", "reason"], shown.rows(), "table")
    return not tried.rejects.height


def _show_accepted(account: Account, accepted: int) -> None:
    report.line(f"{accepted:,} of {account.records_in:,} records would be accepted")


def suggest(settings: Settings, file: Path, name: str) -> bool:
    """Print a feed entry for the file that was tried on its first rows; False where it lacks what it needs."""
    from race_assets.pipeline.feed_suggestion import suggest_feed

    try:
        done = suggest_feed(Workshop(settings), file, name)
    except UnreadableFileError as error:
        report.failure(f"{file}: {error}")
        return False
    found = done.suggestion
    if not found.is_racing:
        report.failure(
            f"{file} does not look like racing data: nothing in it tells {', '.join(found.missing)}; "
            f"its columns are {', '.join(found.names)}"
        )
        for remark in found.remarks:
            report.failure(f"{file}: {remark}")
        return False
    for what in found.missing:
        report.failure(f"{file}: nothing found that tells {what}; the entry needs it before it can be used")
    if done.tried is None:
        found.remarks.append("not tried as a whole: it needs what was not found")
    else:
        found.remarks += _outcome(done.tried)
    terminal.data(found.as_yaml(name) + "\n")
    if done.tried is not None and (few := _too_few(done.tried.account)):
        report.failure(f"{file}: {few} under this entry; its comments say why")
        return False
    return not found.missing


def _too_few(account: Account) -> str | None:
    """Return what is said of an entry under which most of the rows about runners are rejected; None of others."""
    if not account.accepted:
        return "no row passes"
    about_runners = account.records_in - account.filtered_count
    return "less than half of the rows pass" if account.quarantined * 2 > about_runners else None


def _outcome(tried: Tried) -> list[str]:
    """Return what became of the sample's rows, a sentence each."""
    account = tried.account
    about_runners = account.records_in - account.filtered_count
    counts = {"filtered": account.filtered, "duplicates": account.duplicates, "rejected": account.rejected_by}
    told = [
        f"{word}: {', '.join(f'{name} {n:,}' for name, n in sorted(each.items()))}"
        for word, each in counts.items()
        if each
    ]
    lines = [
        f"{account.accepted:,} of {about_runners:,} rows of the sample pass{''.join(f'; {each}' for each in told)}"
    ]
    first = tried.rejects.unique("rules", keep="first", maintain_order=True).head(SHOWN_REASONS)
    lines += [
        f"line {row}: {'; '.join(messages)}" for row, messages in first.select("source_row", "messages").iter_rows()
    ]
    return lines + [warning for warning in tried.report.warnings if not warning.startswith("start_at")]
