"""Take over changed settings and tracks between units of work, in processes that live long."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from race_assets import settings as settings_module
from race_assets.errors import SettingsError
from race_assets.identity.tracks import TrackRegistry, own_file
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import PREFIX, Settings
from race_assets.storage.files import prepare_home

log = logging.getLogger(__name__)

SETTLED_S = 0.5
"""A file that was written to since is looked at again first: it may be half written."""
LOOKS, LOOK_EVERY_S = 20, 0.1
State = tuple[int, int, int] | None
"""Modification time in nanoseconds, size and inode of a file; None where there is none."""


@dataclass(frozen=True)
class _Seen:
    """What the settings and tracks in force were read from."""

    settings_file: Path | None
    settings_state: State
    variables: tuple[tuple[str, str], ...]
    tracks_state: State


class Reloading:
    """The pipeline's tools of a process that lives long, with the settings and tracks in force at each unit of work.

    Args:
        settings: those in force all the time; None takes them from race_assets.yaml and the variables, and takes them
            over again when these have changed.
        clock: seconds since 1970.
    """

    def __init__(self, settings: Settings | None = None, clock: Callable[[], float] = time.time) -> None:
        self._given = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: _Seen | None = None
        self._workshop: Workshop | None = None
        self._read_at = datetime.now().astimezone()

    def workshop(self) -> Workshop:
        """Return the tools for a unit of work that begins: the same ones as long as nothing has changed.

        Files that cannot be taken over leave what is in force as it is; `Workshop.not_taken_over` says why.

        Raises:
            SettingsError: there is nothing in force yet, and a file is wrong.
        """
        with self._lock:
            # The state is looked at before the files are read: one that changes in between is read again next time.
            seen = self._look(self._workshop.settings.home if self._workshop else None)
            if self._workshop is None:
                settings = self._given or settings_module.load()
                prepare_home(settings.home, is_group=settings.home_group)
                self._workshop = Workshop(settings)
                self._seen = replace(seen, tracks_state=state_of(own_file(self._workshop.settings.home)))
            elif seen != self._seen:
                self._seen = seen
                self._workshop = self._taken_over(self._workshop)
            return self._workshop

    def _taken_over(self, workshop: Workshop) -> Workshop:
        try:
            settings = self._given or settings_module.load()
            prepare_home(settings.home, is_group=settings.home_group)
            tracks = TrackRegistry.load(own_file(settings.home))
        except SettingsError as error:
            workshop.not_taken_over = f"{error}; what was read at {self._read_at:%Y-%m-%d %H:%M:%S} stays in force"
            log.warning("changed settings or tracks cannot be taken over: %s", workshop.not_taken_over)
            return workshop
        workshop.not_taken_over = ""
        self._read_at = datetime.now().astimezone()
        if settings == workshop.settings and tracks.fingerprint == workshop.tracks.fingerprint:
            return workshop
        log.info("changed settings or tracks were taken over")
        return renewed(workshop, settings, tracks)

    def _look(self, home: Path | None) -> _Seen:
        """Return the state of the files, once neither was written to just now."""
        variables = tuple(sorted((name, text) for name, text in os.environ.items() if name.startswith(PREFIX)))
        for _ in range(LOOKS):
            file = None if self._given else settings_module.find_file(os.environ)
            states = (state_of(file), state_of(own_file(home)) if home else None)
            ages = [self._clock() - state[0] / 1e9 for state in states if state]
            if not any(0 <= age < SETTLED_S for age in ages):
                break
            threading.Event().wait(LOOK_EVERY_S)
        return _Seen(file, states[0], () if self._given else variables, states[1])


def renewed(workshop: Workshop, settings: Settings, tracks: TrackRegistry) -> Workshop:
    """Return the tools for other settings and tracks; connections are kept where the database is the same."""
    made = replace(workshop, settings=settings)
    made.__dict__["tracks"] = tracks
    if (settings.postgres, settings.home) == (workshop.settings.postgres, workshop.settings.home):
        made.__dict__.update({name: vars(workshop)[name] for name in ("warehouse",) if name in vars(workshop)})
    return made


def state_of(file: Path | None) -> State:
    """Return what tells one state of a file from another; None where there is none, or it cannot be looked at."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
