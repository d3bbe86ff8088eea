"""BSP files: the name of the day after, the looks of each era, and a page with links to all."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import requests

from race_assets_tests.fake_betfair import FakeBetfair
from race_assets_tests.fake_betfair.bsp import MALFORMED
from race_assets_tests.waiting import PATIENCE_S


def fetch(betfair: FakeBetfair, name: str = "") -> requests.Response:
    return requests.get(f"{betfair.url}/betfairsp/prices{name and '/'}{name}", timeout=PATIENCE_S)


def text(betfair: FakeBetfair, name: str) -> str:
    answer = fetch(betfair, name)
    assert answer.status_code == 200
    assert answer.content == betfair.bsp_files[name].body
    return answer.content.decode()


def test_the_index_links_to_every_file(betfair: FakeBetfair) -> None:
    links = re.findall(r'href="([^"]+)"', fetch(betfair).text)
    assert {link.rpartition("/")[2] for link in links} == set(betfair.bsp_files)
    assert all(requests.get(betfair.url + link, timeout=PATIENCE_S).status_code == 200 for link in links)


def test_a_missing_day_is_404(betfair: FakeBetfair) -> None:
    assert fetch(betfair, "dwbfgreyhoundwin27062024.csv").status_code == 404


def test_a_file_is_named_by_the_day_after_its_racing(betfair: FakeBetfair) -> None:
    rows = text(betfair, "dwbfgreyhoundwin28062024.csv").splitlines()[1:]
    assert {row.split(",")[3][:10] for row in rows} == {"27-06-2024"}


def test_times_are_londons(betfair: FakeBetfair) -> None:
    for name in betfair.bsp_files:
        rows = [row for row in text(betfair, name).splitlines()[1:] if row.count(",") == 16]
        for row, expected in zip(rows, betfair.bsp_files[name].rows, strict=True):
            cells = row.split(",")
            where = datetime.strptime(cells[3], "%d-%m-%Y %H:%M").replace(tzinfo=ZoneInfo("Europe/London"))
            assert where.astimezone(UTC) == expected.start
            assert f"1.{cells[0]}" == expected.market_id
            assert (int(cells[4]), int(cells[6])) == (expected.selection_id, expected.win_lose)
            assert cells[7] == ("" if expected.bsp is None else str(expected.bsp))


def test_every_look_is_there(betfair: FakeBetfair) -> None:
    upper = text(betfair, "dwbfgreyhoundwin16012024.csv")
    assert upper.startswith("EVENT_ID,MENU_HINT,")
    marked = text(betfair, "dwbfgreyhoundplace28062024.csv")
    assert marked.startswith("\ufeffevent_id,menu_hint,")
    assert marked.count("\r\n") == marked.count("\n") > 10
    bad = text(betfair, "dwbfgreyhoundwin04072024.csv")
    assert bad.startswith("event_id,menu_hint,")
    assert MALFORMED in bad
    assert betfair.bsp_files["dwbfgreyhoundwin04072024.csv"].malformed == 1
