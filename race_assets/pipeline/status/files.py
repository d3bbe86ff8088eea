"""Files that need an operator: unreadable, not landed yet, archived but not entered, to be read again."""

from race_assets.errors import RaceAssetsError
from race_assets.pipeline import drops, land
from race_assets.pipeline.status.need import NOT_ENTERED, NOT_LANDED, TO_READ_AGAIN, UNREADABLE, Need
from race_assets.pipeline.workshop import Workshop
from race_assets.storage.ledger import Ledger, LedgerFile

SHOWN_HASH = 12
INGEST = "race-assets ingest"
OPTIONS = {
    UNREADABLE: ("--withdraw", "land a good version under the same name, or take this one back:"),
    "set_aside": ("--retry", "reading it failed time and again; once the cause is mended:"),
}
"""By the state of a file, the option of `land` that ends it, and the words before it."""


def needs(workshop: Workshop) -> list[Need]:
    """Return what has to be done about files of enabled sources."""
    found = _unreadable(workshop)
    for source in workshop.enabled:
        found += _not_entered(workshop, source) + _not_landed(workshop, source)
    # Looking puts no configuration in force, as `workshop.ledger` does.
    if land.has_outdated_files(workshop, ledger=Ledger(workshop.warehouse)):
        reason = "landed files are to be read again: by a newer parser, another track registry or date"
        found.append(Need(TO_READ_AGAIN, None, None, None, 0, reason, INGEST))
    return found


def _unreadable(workshop: Workshop) -> list[Need]:
    """Return files that could not be read; a good version under the same name, or retracting it, ends this."""
    files = Ledger(workshop.warehouse).unreadable_files()
    return [_need(file) for file in files if file.source in workshop.enabled]


def _need(file: LedgerFile) -> Need:
    option, advice = OPTIONS.get(file.state, OPTIONS[UNREADABLE])
    kind = file.state.replace("_", " ") if file.state in OPTIONS else UNREADABLE
    command = f"race-assets land {option} {file.sha256[:SHOWN_HASH]}"
    return Need(kind, file.source, None, None, 0, f"{file.name}: {file.detail}", command, advice)


def _not_entered(workshop: Workshop, source: str) -> list[Need]:
    """Return files whose landing was interrupted after they were archived."""
    names = [each.name for each in workshop.archive.pending(source)]
    reason = "archived, and its landing did not end"
    return [Need(NOT_ENTERED, source, None, None, 0, f"{name}: {reason}", INGEST) for name in names]


def _not_landed(workshop: Workshop, source: str) -> list[Need]:
    try:
        names, unreadable = drops.not_landed(workshop, source)
    except RaceAssetsError as error:
        return [Need(NOT_LANDED, source, None, None, 0, str(error), INGEST, "mend the folder, then")]
    found = [Need(NOT_LANDED, source, None, None, 0, f"{each.path}: {each.reason}", INGEST) for each in unreadable]
    if names:
        folder = workshop.settings.drop_folder(source)
        files = "1 file" if len(names) == 1 else f"{len(names):,} files"
        are = "is" if len(names) == 1 else "are"
        reason = f"{files} in {folder} {are} not landed"
        found.append(Need(NOT_LANDED, source, None, None, 0, reason, INGEST))
    return found
