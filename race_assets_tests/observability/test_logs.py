"""How log lines look."""

import logging
from collections.abc import Iterator

import pytest

from race_assets.observability import logs
from race_assets.settings import LoggingSettings

SECRET = "hunter2"  # noqa: S105 - a password of nothing, to be looked for where it must not be


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger("race_assets")
    handlers, level, propagates = root.handlers[:], root.level, root.propagate
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    root.propagate = propagates


def fail(password: str) -> None:
    if password:
        raise ValueError("no password is right")


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_variables(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LoggingSettings.model_validate({"format": form}))
    try:
        fail("".join(SECRET))
    except ValueError:
        logging.getLogger("race_assets.test").exception("it failed")
    told = capsys.readouterr().err
    assert "no password is right" in told
    assert SECRET not in told
