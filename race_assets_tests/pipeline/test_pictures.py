"""A day's page and the charts in Dagster's UI show the figures of the tables, whatever a dog is called."""

import base64
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from race_assets import definitions, settings
from race_assets.console import day_page, status
from race_assets.console.metrics import Opened
from race_assets.display import visible
from race_assets.observability import metrics
from race_assets.pipeline.pictures import charts, figures
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage.day_figures import BINS, RANGES
from race_assets.storage.postgres import Warehouse
from race_assets_tests.pipeline.feed import (
    BSP,
    CSV,
    DAY1,
    DAY2,
    ask,
    bsp_row,
    build_days,
    build_stale,
    csv_race,
    csv_row,
    drop,
)

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta"}
EVIL = "><script>alert(1)</script><b>&amp;"


class Page(HTMLParser):
    """What a browser makes of a page: its rows of cells, its elements with their attributes, and what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def bars(svg: str) -> dict[str, tuple[str, float]]:
    """By label, the figure beside a bar and its length."""
    root = ET.fromstring(svg)  # noqa: S314 - made by us a moment ago
    _, *texts = [each.text or "" for each in root.iter(f"{SVG}text")]
    _, *lengths = [float(each.get("width", "nan").rstrip("%")) for each in root.iter(f"{SVG}rect")]
    return dict(zip(texts[::2], zip(texts[1::2], lengths, strict=True), strict=True)) if lengths else {}


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1).filter(str.strip)
"""Characters that are seen: a label shows others otherwise, as `test_display.py` tests."""


@given(title=WORDS, values=st.dictionaries(WORDS, st.floats(0, 1e9), max_size=9))
def test_a_chart_shows_every_value_in_proportion_whatever_its_label(title: str, values: dict[str, float]) -> None:
    values = {label: value for label, value in values.items() if visible(label) == label}
    drawn = bars(charts.bars(title, list(values.items()), "{:.9g}"))
    assert {label: float(figure) for label, (figure, _) in drawn.items()} == pytest.approx(values)
    most = max(values.values(), default=0.0) or 1.0
    for label, (_, length) in drawn.items():
        assert length == pytest.approx(charts.WIDTH * values[label] / most, abs=0.06)


@pytest.fixture
def told(workshop: Workshop) -> Workshop:
    """Two races of one day at Romford and Kinsley, a row refused, a dog with a wicked name, and a day after it."""
    refused = csv_row(DAY1, "4. Delta", selection=4, price="x")
    wicked = csv_race(DAY1, price="2.5", track="Kinsley", dogs="Ann Bob").replace("Ann", f"Ann {EVIL}")
    drop(workshop, "a.csv", csv_race(DAY1, price="4.0") + refused + wicked)
    drop(workshop, "b.csv", csv_race(DAY2, price="4.0"))
    build_stale(workshop)
    return workshop


def test_the_page_needs_nothing_beside_it_and_says_what_the_tables_say(told: Workshop) -> None:
    text = day_page.page(told, DAY1)
    page = Page(text)
    assert page.open == []
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "b"}
    assert not [
        name for _, attrs in page.elements for name in attrs if name.startswith("on") or name in {"src", "href"}
    ]

    assert [CSV, "6", "5", "1", "0", "0"] in page.rows
    assert ["Kinsley", "1", "0", "0", "2", CSV] in page.rows
    assert ["Romford", "1", "0", "0", "3", CSV] in page.rows
    dogs = [row[3] for row in page.rows if row[0] in {"Romford", "Kinsley"} and len(row) == 9]
    assert sorted(dogs) == sorted(name for (name,) in ask(told, "select dog_name from core.selections"
                                                          " where race_date = %s", DAY1))  # fmt: skip
    ((file, row, rules),) = [(row[1], row[2], row[4]) for row in page.rows if row[0] == CSV and row[-1].count("'x'")]
    assert (file, row) == ("a.csv", "5")

    prices, overrounds, refusals, rows_per_day = re.findall(r"<svg.*?</svg>", text)
    assert {name: figure for name, (figure, _) in bars(prices).items() if figure != "0"} == {
        "2.5 to 3": "2", "4 to 5": "3",
    }  # fmt: skip
    assert {track: figure for track, (figure, _) in bars(overrounds).items()} == {
        "Kinsley": "0.800",
        "Romford": "0.750",
    }
    assert [figure for figure, _ in bars(refusals).values()] == ["1"]
    assert list(bars(refusals)) == rules.split(", ")
    assert {day: figure for day, (figure, _) in bars(rows_per_day).items()} == {str(DAY1): "5"}
    assert 'class="quiet">C complete, - no racing' in text


def test_the_page_lists_the_races_that_lack_rejected_runners(told: Workshop) -> None:
    page = Page(day_page.page(told, DAY1))
    lacking = [row for row in page.rows if len(row) == 6 and row[2].startswith("gb-")]
    assert lacking == [["Romford", "18:36", f"gb-romford-{DAY1:%Y%m%d}-1836", "3", "1", CSV]]


def test_the_page_shows_what_several_sources_say_and_what_changed(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY1, dogs="Alpha Beta"))
    dogs = [
        bsp_row(DAY1, f"{number}. {dog}", selection=number, won=number % 2)
        for number, dog in ((1, "Alpha"), (2, "Beta"))
    ]
    drop(workshop, "bsp.csv", "".join(dogs), BSP)
    build_stale(workshop)
    drop(workshop, "bsp.csv", "".join(dogs).replace("4.5", "5.5", 1), BSP)
    build_stale(workshop)
    page = Page(day_page.page(workshop, DAY1))
    assert {row[0] for row in page.rows if len(row) == 4 and row[2] == "1"} >= {BSP}
    assert [row for row in page.rows if "4.5" in row and "5.5" in row]
    assert ["Romford", "1", "1", "0", "2", f"{BSP} + {CSV}"] in page.rows


OVERROUNDS = """select r.track, count(*), sum(race.implied) from (
        select race_date, race_id, sum(1 / nullif(price, 0)) as implied from core.selections where status = 'ACTIVE'
        group by race_date, race_id
        having bool_and(price is not null and price > 0 and price < 'Infinity')) as race
    join core.races as r using (race_date, race_id) where r.race_date = any(%s) group by r.track order by r.track"""
PRICE_RANGES = """select width_bucket(price, %s::float8[]), count(*) from core.selections
    where race_date = any(%s) and price is not null and status = 'ACTIVE' group by 1 order by 1"""
RACE_COUNTS = """select race_date, source, track_id, count(*)::int, (count(*) filter (where status <> 'OPEN'))::int
    from core.races cross join lateral unnest(sources || '*'::text) as reporting (source)
    group by 1, 2, 3 order by 1, 2, 3"""


def test_the_figures_of_a_day_are_those_of_its_tables(make_settings: Callable[..., Settings]) -> None:
    lax = Workshop(make_settings(rules={"price_range": {"severity": "warn"}}))
    priceless = csv_row(DAY1, "4. Delta", selection=4, price="0") + csv_row(DAY1, "5. Epsilon", selection=5, price="")
    hove = csv_race(DAY1, track="Hove", price="1.01")
    drop(lax, "a.csv", csv_race(DAY1, price="4.0") + priceless + csv_race(DAY1, track="Kinsley", price="1000") + hove)
    drop(lax, "b.csv", csv_race(DAY2, price="1.5") + csv_race(DAY2, track="Hove", price="49.99", dogs="A B"))
    winner = [
        bsp_row(DAY2, f"{n}. {dog}", selection=n, won=n == 1) for n, dog in enumerate(["Alpha", "Beta", "Gamma"], 1)
    ]
    drop(lax, "bsp.csv", "".join(winner), BSP)
    build_stale(lax)
    # A day that is published again, with less, leaves nothing of its former figures.
    for days in ([DAY1, DAY2], [DAY2]):
        by_range = {RANGES[place]: float(count) for place, count in ask(lax, PRICE_RANGES, list(BINS), days)}
        assert {name: count for name, count in figures.prices(lax.warehouse, days) if count} == by_range
        expected = [(track, pytest.approx(total / races)) for track, races, total in ask(lax, OVERROUNDS, days)]
        assert figures.overrounds(lax.warehouse, days) == expected
        counts = "select race_date, source, track_id, races, with_result from ops.race_counts order by 1, 2, 3"
        assert ask(lax, counts) == ask(lax, RACE_COUNTS)
        (file,) = [file for file in lax.ledger.files(CSV) if file.name == "a.csv"]
        if DAY1 in days:
            lax.ledger.withdraw(CSV, file.sha256)
            build_stale(lax)
    assert figures.prices(lax.warehouse, [DAY1]) == [(name, 0.0) for name in RANGES[1:]]


def test_prices_that_are_none_are_shown_and_take_no_chart_down(make_settings: Callable[..., Settings]) -> None:
    lax = Workshop(make_settings(rules={"price_range": {"severity": "warn"}}))
    nothing = csv_row(DAY1, "4. Delta", selection=4, price="0")
    drop(lax, "a.csv", csv_race(DAY1, price="4.0") + nothing + csv_race(DAY1, track="Kinsley", price="1000"))
    build_stale(lax)
    ((priced,),) = ask(lax, "select count(price) from core.selections where status = 'ACTIVE'")
    prices = dict(figures.prices(lax.warehouse, [DAY1]))
    assert (prices["below 1.01"], prices["4 to 5"], prices["50 and more"], sum(prices.values())) == (1, 3, 3, priced)
    # Romford's only race has a price that is none, and so no overround.
    assert figures.overrounds(lax.warehouse, [DAY1]) == [("Kinsley", pytest.approx(0.003))]
    assert Page(day_page.page(lax, DAY1)).open == []


BIG = re.compile(r"\bcore\.|quarantine\.|validated\.")


def test_charts_never_read_a_table_of_records(told: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after a bulk load such a query took minutes: the server has no statistics yet."""
    sent: list[str] = []
    connect = Warehouse.connect

    @contextmanager
    def watched(warehouse: Warehouse) -> Iterator[Any]:
        with connect(warehouse) as connection:
            yield Watched(connection, sent)

    monkeypatch.setattr(Warehouse, "connect", watched)
    figures.prices(told.warehouse, [DAY1])
    figures.overrounds(told.warehouse, [DAY1])
    figures.calendar(told.warehouse, DAY1)
    for table in CORE:
        figures.rows_per_day(told.warehouse, f"core.{table}", DAY1)
    assert len(sent) == 3 + len(CORE)
    assert [query for query in sent if BIG.search(query)] == []


class Watched:
    """A connection whose queries are kept."""

    def __init__(self, connection: Any, sent: list[str]) -> None:
        self._connection, self._sent = connection, sent

    def execute(self, query: Any, *bound: Any) -> Any:
        self._sent.append(query.decode() if isinstance(query, bytes) else query)
        return self._connection.execute(query, *bound)


def test_every_track_of_a_day_has_its_overround(workshop: Workshop) -> None:
    named = [track.name for track in workshop.tracks.tracks if track.country in {"GB", "IE"}][:33]
    drop(workshop, "a.csv", "".join(csv_race(DAY1, track=name, dogs=f"A{n} B{n}") for n, name in enumerate(named)))
    build_stale(workshop)
    ((tracks,),) = ask(workshop, "select count(distinct track) from core.races")
    assert len(figures.overrounds(workshop.warehouse, [DAY1])) == tracks > 31


@pytest.mark.usefixtures("told")
def test_the_command_writes_it_and_says_where(
    command: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    wanted = tmp_path / "day.html"
    done = command("report", str(DAY1), "--output", wanted)
    assert (done.returncode, done.stdout) == (0, f"{wanted}, {wanted.stat().st_size:,} bytes\n")
    assert "Greyhounds, Wednesday 26 June 2024" in wanted.read_text()
    done = command("report", str(DAY1), "--output", tmp_path / "no" / "day.html")
    assert (done.returncode, "--output names another file" in done.stderr) == (2, True)


def test_a_day_nobody_told_of_is_a_page_too(workshop: Workshop) -> None:
    page = Page(day_page.page(workshop, DAY1))
    assert (page.open, [row for row in page.rows if row[0] == CSV and len(row) == 6]) == ([], [])


@pytest.mark.usefixtures("told")
def test_assets_show_their_charts(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RACE_ASSETS_COVERAGE__SOURCES", "{betfair_csv: {}}")
    built = definitions.build(settings.load())
    with dg.DagsterInstance.ephemeral() as instance:
        done = built.resolve_implicit_global_asset_job_def().execute_in_process(
            partition_key=str(DAY1),
            asset_selection=[dg.AssetKey(["validated", "records"]), *(dg.AssetKey(["core", name]) for name in CORE)],
            resources=built.resources,
            instance=instance,
        )
    assert done.success
    shown = {
        event.asset_key.path[-1]: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in done.get_asset_materialization_events()
        if event.asset_key and event.asset_key.path[0] == "core"
    }

    def drawn(asset: str, title: str) -> dict[str, str]:
        picture = re.fullmatch(rf"!\[{title}\]\(data:image/svg\+xml;base64,(.*)\)", shown[asset][title])
        assert picture
        return {label: figure for label, (figure, _) in bars(base64.b64decode(picture[1]).decode()).items()}

    everywhere = {"preview", "rows per day", "rejects by rule"}
    assert {name for name, told in shown.items() if everywhere <= set(told)} == set(CORE)
    assert drawn("selections", "rows per day") == {str(DAY1): "5"}
    assert drawn("selections", "prices")["4 to 5"] == "3"
    assert drawn("races", "overround") == {"Kinsley": "0.800", "Romford": "0.750"}
    assert "| 1 |" in shown["races"]["rejects by rule"]
    assert f"| {CSV} |" in shown["races"]["coverage"]


CORE = ("races", "selections", "prices", "price_points", "dog_form", "race_analysis", "race_links")


def test_a_source_that_was_taken_back_has_no_account_any_more(told: Workshop) -> None:
    drop(told, "bsp.csv", "".join(bsp_row(DAY1, f"{n}. {dog}", selection=n) for n, dog in enumerate("XYZ", 1)), BSP)
    build_stale(told, "first")
    before = {str(row["source"]) for row in figures.accounts(told.warehouse, DAY1)}
    for file in told.ledger.files(BSP):
        told.ledger.withdraw(BSP, file.sha256)
    build_stale(told, "later")
    after = {str(row["source"]) for row in figures.accounts(told.warehouse, DAY1)}
    assert (before, after) == ({BSP, CSV}, {CSV})
    ratios = [line for line in metrics.page(lambda: told.warehouse).splitlines() if "success_ratio{" in line]
    assert [BSP in line for line in ratios] == [False]


def test_who_only_looks_leaves_what_days_are_built_by_as_it_is(
    told: Workshop, make_settings: Callable[..., Settings]
) -> None:
    other = Workshop(make_settings(rules={"price_range": {"max": 900}}, coverage={"sources": {CSV: {"due_days": 7}}}))
    day_page.page(other, DAY1)
    status.show(other, (DAY1, DAY1), None, "json")
    status.show_day(other, DAY1, None, "json")
    metrics.page(Opened(other.settings))
    assert ask(told, "select count(*) from ops.stale_days") == [(0,)]
    assert ask(told, "select due_days from ops.expectations where source = %s", CSV) == [(7,)]
    assert not build_days(told, [DAY1], refresh=True).failed
