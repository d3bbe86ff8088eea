"""Dagster's pages in a real browser: the graph is there, a day is built by clicking, its page shows rows and charts."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from race_assets.pipeline.workshop import Workshop
from race_assets_tests.automation.browser import CHROMIUM, Browser, browser
from race_assets_tests.automation.dev import Dev
from race_assets_tests.conftest import PROJECT
from race_assets_tests.pipeline.feed import DAY1, ask, csv_race, csv_row, drop
from race_assets_tests.waiting import wait_until

PICTURES = "[...document.querySelectorAll('img')].map(each => each.naturalWidth > 300 ? each.alt : '').filter(Boolean)"
PNG = b"\x89PNG"
EMPTY = 20_000
"""A screenshot of an empty page has fewer bytes."""


@pytest.fixture
def dev(environment: dict[str, str], tmp_path: Path) -> Iterator[Dev]:
    """`dagster dev` that does nothing by itself; what its pages remember of a visitor is not kept in the project."""
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", home)
    off = {f"RACE_ASSETS_AUTOMATION__{name}__ENABLED": "false" for name in ("DROPS", "STALE_DAYS")}
    expected = {"RACE_ASSETS_COVERAGE__SOURCES": "{betfair_csv: {}}", "DAGSTER_HOME": str(home)}
    made = Dev({**environment, **off, **expected}, tmp_path / "dev.log")
    yield made
    made.kill()


def pictures(page: Browser) -> set[str]:
    """Those that the page shows, by name."""
    return set(page.value(PICTURES) or ())


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian's package `chromium`)")
@pytest.mark.long
def test_a_day_is_built_by_clicking_and_its_page_shows_rows_and_charts(
    dev: Dev, workshop: Workshop, tmp_path: Path
) -> None:
    drop(workshop, "a.csv", csv_race(DAY1) + csv_row(DAY1, "4. Delta", selection=4, price="x"))
    dev.start()
    dev.graphql("mutation { setNuxSeen }")  # the invitation that Dagster shows to newcomers
    with browser(tmp_path) as page:
        page.open(f"{dev.url}/asset-groups", shows="Materialize all")
        for group in ("raw", "validated", "core"):
            page.until_shown(group)
        graph = page.picture("graph")

        page.click("Materialize all")
        page.click("Show all partitions")
        page.enter("input[placeholder^=ex]", str(DAY1))
        page.click("Launch 1 run")
        wait_until(lambda: ask(workshop, "select 1 from core.races"), "the day to be built")

        page.open(f"{dev.url}/assets/core/selections?view=partitions&partition={DAY1}", shows="rows per day")
        page.until_shown("rejects by rule")
        wait_until(lambda: "rows per day" in pictures(page), "the chart")
        page.click("[Show Markdown]")  # the last of them is the distribution of prices
        wait_until(lambda: "prices" in pictures(page), "the prices")
        selections = page.picture("selections")

        page.open(f"{dev.url}/assets/core/races?view=partitions&partition={DAY1}", shows="rejects by rule")
        page.until_shown("C complete")
        wait_until(lambda: {"rows per day", "overround"} <= pictures(page), "the charts")
        races = page.picture("races")
    for path in (graph, selections, races):
        assert path.read_bytes().startswith(PNG)
        assert path.stat().st_size > EMPTY
