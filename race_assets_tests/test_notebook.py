"""The notebook runs from top to bottom on the samples, and what it draws is what the tables have."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

from race_assets.pipeline.workshop import Workshop
from race_assets_tests.conftest import PROJECT, SAMPLES
from race_assets_tests.pipeline.feed import ask, build_stale, land_samples

NOTEBOOK = PROJECT / "docs" / "a_day.ipynb"


def cells(path: Path) -> list[str]:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert not [cell for cell in document["cells"] if cell.get("outputs")], "the notebook is kept without its results"
    return ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]


def test_it_runs_and_draws_what_the_tables_have(
    workshop: Workshop, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    land_samples(workshop, [path for path in sorted(SAMPLES.glob("*/*2024*.csv")) if "reissued" not in path.name])
    build_stale(workshop)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    mpl.use("agg")
    names: dict[str, Any] = {}
    drawn = []
    for cell in cells(NOTEBOOK):
        exec(compile(cell, NOTEBOOK.name, "exec"), names)  # noqa: S102 - our own page
        if "axes" in names:
            drawn.append(names.pop("axes"))
    names["plt"].close("all")

    day = names["DAY"]
    prices, calibration, books = drawn
    ((races, runners, results),) = ask(
        workshop,
        "select count(*), sum(runner_count), count(*) filter (where status = 'RESULT') from core.races"
        " where race_date = %s",
        day,
    )
    assert races > 0
    by_track = names["by_track"].select("races", "runners", "results").sum().row(0)
    assert by_track == (races, runners, results)

    ((priced, known),) = ask(
        workshop,
        "select count(price), count(*) filter (where price is not null and result is not null) from core.selections"
        " where race_date = %s and status = 'ACTIVE'",
        day,
    )
    bars = sum(bar.get_height() for group in prices.containers for bar in group)
    assert bars == priced
    assert calibration.get_title() == f"{known} runners"
    assert names["groups"]["runners"].sum() == known
    assert 0 < known < priced

    whole = ask(
        workshop,
        "select race_id from core.selections where race_date = %s and status = 'ACTIVE' group by race_id"
        " having count(price) = count(*)",
        day,
    )
    assert books.get_title() == f"{len(whole)} races"
