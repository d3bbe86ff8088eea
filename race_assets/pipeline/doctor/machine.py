"""The machine: the home folder, its disk, the drop folders."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from race_assets.display import shell_word
from race_assets.errors import DiskError, SettingsError
from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, well
from race_assets.pipeline.drop_folder import listed
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.storage import access
from race_assets.storage.file_errors import explained
from race_assets.storage.files import check_home

WRITTEN = ("archive", "lake", "published", "recordings", "fetching")
"""Folders below home that may lie on other disks."""

LEAST, LITTLE = 1 << 30, 5 << 30
"""Bytes free below which nothing can be built for long, and below which a person should know."""


def findings(settings: Settings) -> Iterator[Finding]:
    """Home, disk, drop folders."""
    try:
        check_home(settings.home)
        for folder in (settings.home / name for name in WRITTEN):
            if folder.is_dir():
                check_home(folder)
        yield well("home", f"{settings.home} can be written")
    except DiskError as error:
        yield Finding("home", PROBLEM, str(error), "make room there, or set home to a folder on another disk")
    except SettingsError as error:
        yield Finding("home", PROBLEM, str(error), "give this user the right to write there, or set home")
    if seen := list(access.open_to_others(settings.home)):
        names = ", ".join(map(str, seen))
        step = f"chmod -R o-rwx {' '.join(shell_word(str(folder)) for folder in seen)}"
        yield Finding("rights", WARNING, f"every account of this machine may read {names}", step)
    yield _disk(settings.home)
    for name in registry.enabled(settings):
        if finding := _drop_folder(name, settings.drop_folder(name), is_ours=settings.source(name).path is None):
            yield finding


def _disk(home: Path) -> Finding:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / (1 << 30):,.1f} GiB free below {there}"
    if free < LEAST:
        return Finding(
            "disk", PROBLEM, f"{said}: nearly full", "free space there, or set home to a folder on another disk"
        )
    if free < LITTLE:
        return Finding("disk", WARNING, said, "plan for more room: a year of streams takes some gigabytes")
    return well("disk", said)


def _drop_folder(source: str, folder: Path, *, is_ours: bool) -> Finding | None:
    """Something is said of a folder that cannot be used only; ours is made when it is needed."""
    thing = f"drop folder of {source}"
    if not os.path.lexists(folder):
        step = f"mount or make it, or set sources.{source}.path"
        return None if is_ours else Finding(thing, PROBLEM, f"there is no folder {folder}", step)
    if not folder.is_dir():
        return Finding(thing, PROBLEM, f"{folder} is no folder", f"move it away, or set sources.{source}.path")
    try:
        unreadable = listed(folder).unreadable
    except OSError as error:
        said, step = f"{folder} cannot be read by this user", f"chmod u+rx {folder}, or give it to this user"
        if not isinstance(error, PermissionError):
            said, step = f"{folder} cannot be read: {explained(error)}", f"mend that, or set sources.{source}.path"
        return Finding(thing, PROBLEM, said, step)
    if unreadable:
        more = f", and {len(unreadable) - 1:,} more" if len(unreadable) > 1 else ""
        said = f"{unreadable[0].path} cannot be read{more}: {unreadable[0].reason}"
        return Finding(thing, PROBLEM, said, f"chmod u+rX {unreadable[0].path}, or move it out of the drop folder")
    return None
