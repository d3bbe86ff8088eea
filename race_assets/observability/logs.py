"""How log lines look, console or JSON, for our loggers and everyone else's; what is logged is said where it happens."""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from race_assets.display import visible, visible_lines
from race_assets.settings import LoggingSettings

NOISY = {"alembic": logging.WARNING, "botocore": logging.WARNING, "urllib3": logging.WARNING}


def _with_run(logger: Any, method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A command that is no run is named by its process."""
    del logger, method
    fields.setdefault("run_id", f"pid-{os.getpid()}")
    return fields


def _shown(logger: Any, method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make names and texts from elsewhere visible: an event stays on one line, a traceback keeps its own."""
    del logger, method
    for name, value in fields.items():
        # The console shows everything else as Python writes it, which hides nothing.
        if isinstance(value, str):
            fields[name] = visible_lines(value) if name == "exception" else visible(value)
    return fields


def configure(settings: LoggingSettings, *, again: bool = True) -> None:
    """Sends every log record of ours to stderr in the chosen format.

    Args:
        settings: format and level.
        again: replaces what was set before; without it, what a command has set for itself stays.
    """
    root = logging.getLogger("race_assets")
    if root.handlers and not again:
        return
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _with_run,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if settings.format == "json"
        # Its own way of showing an exception shows the values of variables, credentials among them.
        else [
            structlog.processors.format_exc_info,
            _shown,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    root.propagate = False
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(level)
