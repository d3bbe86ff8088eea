"""What the commands share: exit codes, formats, settings, days; no command."""

import os
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from race_assets import settings as settings_module
from race_assets.errors import SettingsError
from race_assets.settings import PartitionSettings, Settings, project_folder

GOOD, DATA_FAILED, USAGE = 0, 1, 2


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"
    sheet = "sheet"


def open_settings(*, writes: bool = False) -> Settings:
    """The settings in force, with logs set up for a terminal.

    Args:
        writes: the command writes below `home`, so that must be possible.
    """
    from race_assets.observability import logs

    os.environ.setdefault("DAGSTER_HOME", str(project_folder()))
    settings = settings_module.load()
    level = "WARNING" if settings.logging.level == "INFO" else settings.logging.level
    logs.configure(settings.logging.model_copy(update={"level": level}))
    if writes:
        from race_assets.storage.files import prepare_home

        prepare_home(settings.home, is_group=settings.home_group)
    return settings


def known_source(settings: Settings, name: str | None) -> str | None:
    """The name, where it is none or a source's; refuses one that there is not."""
    from race_assets.sources import registry

    if name is not None:
        registry.create(name, settings)
    return name


def check_source(settings: Settings, name: str) -> None:
    """Refuses a source that there is not, or that is switched off."""
    from race_assets.sources import registry

    registry.check_enabled(name, settings)


def day_range(first: str | None, last: str | None, partitions: PartitionSettings) -> tuple[date, date] | None:
    """The days of `--from` and `--to`; None without either.

    Raises:
        SettingsError: one is not a date, or no partition; or the first is after the last.
    """
    if first is None and last is None:
        return None
    begin, end = day_of(first or last, "--from"), day_of(last or first, "--to")
    if begin is None or end is None or begin > end:
        raise SettingsError(f"--from {first} is after --to {last}")
    partitions.days(begin, end)
    return begin, end


def trailing_days(settings: Settings, source: str) -> tuple[date, date]:
    """The days of a source that schedules look at again, up to today."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=settings.trailing_days(source))
    return max(first, settings.partitions.start), today


def days_between(ends: tuple[date, date]) -> list[date]:
    """Both days, and those between."""
    first, last = ends
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def day_of(text: str | None, option: str) -> date | None:
    """The day an option names; None without it."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option} {text!r} is not a date; write it as 2024-06-27") from None
