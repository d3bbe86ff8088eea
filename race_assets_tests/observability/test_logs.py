"""How log lines look."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from structlog.contextvars import clear_contextvars

from race_assets.observability import logs
from race_assets.pipeline import land
from race_assets.pipeline.log_fields import about, carried, days_told
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import LoggingSettings
from race_assets_tests.pipeline.feed import CSV, DAY1, DAY3, build_days, csv_race, drop

SECRET = "hunter2"  # noqa: S105 - a password of nothing, to be looked for where it must not be


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger("race_assets")
    handlers, level, propagates = root.handlers[:], root.level, root.propagate
    clear_contextvars()
    yield
    clear_contextvars()
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


def listening(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, str]]]:
    """From now on, what was logged since the last call, a dictionary a line."""
    logs.configure(LoggingSettings(format="json"))
    capsys.readouterr()
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_what_it_is_about_on_other_threads_too(capsys: pytest.CaptureFixture[str]) -> None:
    lines = listening(capsys)
    log = logging.getLogger("race_assets.test")
    with about(source="a", day=days_told([DAY3, DAY1]), session=""), ThreadPoolExecutor(1) as pool:
        log.info("one")
        with about(day=days_told({DAY1})):
            work = carried(log.info)
        pool.submit(work, "two %d", 2).result()
    log.info("three")
    ours = [{name: line.get(name) for name in ("event", "run_id", "source", "day", "session")} for line in lines()]
    run_id = f"pid-{os.getpid()}"
    assert ours == [
        {"event": "one", "run_id": run_id, "source": "a", "day": "2024-06-26..2024-06-28", "session": None},
        {"event": "two 2", "run_id": run_id, "source": "a", "day": "2024-06-26", "session": None},
        {"event": "three", "run_id": run_id, "source": None, "day": None, "session": None},
    ]


def test_landing_and_building_name_source_file_day_and_run(
    workshop: Workshop, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = listening(capsys)
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY3))
    (landed,) = lines()[-1:]
    assert (landed["source"], landed["day"]) == (CSV, "2024-06-26..2024-06-28")
    assert Path(landed["file"]).name == "a.csv"

    assert [each.state for each in land.land(workshop, CSV, [(tmp_path / "none.csv", "none.csv")])] == ["failed"]
    (failed,) = lines()
    assert (failed["event"], failed["source"], Path(failed["file"]).name) == ("file not landed", CSV, "none.csv")

    def refuse(_: Workshop, days: dict[date, object], *__: object) -> dict[date, object]:
        if days:
            raise ValueError("not today")
        return {}

    monkeypatch.setattr("race_assets.pipeline.build.clock_shifts", refuse)
    assert set(build_days(workshop, [DAY1, DAY3], "this-run").failed) == {DAY1, DAY3}
    told = [line for line in lines() if line["event"] == "a day could not be built"]
    assert [(line["run_id"], line["day"]) for line in told] == [("this-run", str(DAY1)), ("this-run", str(DAY3))]
