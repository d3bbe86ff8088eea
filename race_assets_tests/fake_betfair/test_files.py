"""The invented files: every oddity is there, and a second way of reading them agrees with the oracle."""

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from race_assets_tests.fake_betfair import Shelf, month, oddities
from race_assets_tests.fake_betfair.fixtures import build_oddities
from race_assets_tests.fake_betfair.oracle import Expected
from race_assets_tests.fake_betfair.streams import BASIC, PLANS, PRO, MarketFile

SHELF = oddities()
FILES = {file.path: file for file in (*SHELF.files, *month(days=1, plans=PLANS, events=True).files)}


def messages(file: MarketFile) -> list[dict[str, Any]]:
    """Every whole line."""
    return [json.loads(line) for line in (file.lines if file.intact else file.lines[:-1])]


def definitions(file: MarketFile) -> list[dict[str, Any]]:
    found = [market.get("marketDefinition") for each in messages(file) for market in each.get("mc", ())]
    return [each for each in found if each]


def one(case: str, plan: str = PRO, at: int = 0) -> MarketFile:
    return SHELF.case(case, plan)[at]


class Reading:
    """What one market's lines come to, by the rule of the contract's section 4.5 put as plainly as it goes."""

    def __init__(self) -> None:
        self.definition: dict[str, Any] = {}
        self.levels: dict[int, dict[float, float]] = defaultdict(dict)
        self.ltp: dict[int, float] = {}
        self.pending: list[dict[str, Any]] = []
        self.suspended: int | None = None

    def take(self, change: dict[str, Any], pt: int) -> None:
        definition = change.get("marketDefinition")
        if definition:
            if definition["status"] == "SUSPENDED" and self.definition.get("status") != "SUSPENDED":
                self.suspended = pt
            if definition["status"] == "OPEN":
                self.suspended = None
                self.void()
            self.definition = definition
        for element in change.get("rc", ()):
            is_wipe = "trd" in element and not any(size for _, size in element["trd"])
            if is_wipe and self.definition["status"] == "SUSPENDED":
                self.pending.append(element)
            else:
                self.apply(element)

    def apply(self, element: dict[str, Any]) -> None:
        levels = self.levels[element["id"]]
        for price, size in element.get("trd", ()):
            levels[price] = size
        if "ltp" in element and (element.get("trd") or [[0, 1]])[0][1]:
            self.ltp[element["id"]] = element["ltp"]

    def void(self) -> None:
        for element in self.pending:
            self.apply(element)
            if not any(self.levels[element["id"]].values()):
                self.ltp.pop(element["id"], None)
        self.pending = []


def read(file: MarketFile) -> dict[str, Reading]:
    readings: dict[str, Reading] = defaultdict(Reading)
    for message in messages(file):
        for change in message.get("mc", ()):
            readings[change["id"]].take(change, message["pt"])
    return readings


def agrees(expected: Expected, reading: Reading) -> None:
    final = reading.definition
    assert (final["eventId"], final["marketType"], final["countryCode"]) == (
        expected.event_id,
        expected.market_type,
        expected.country,
    )
    assert final.get("venue") == expected.track
    assert datetime.fromisoformat(final["marketTime"]) == expected.start
    assert (final["status"] == "CLOSED") == expected.settled
    runners = {each["id"]: each for each in final["runners"]}
    assert set(runners) == {each.selection_id for each in expected.runners}
    if expected.off is not None:
        assert reading.suspended is not None
        assert datetime.fromtimestamp(reading.suspended / 1000, UTC) == expected.off
    for runner in expected.runners:
        told, ltp = runners[runner.selection_id], reading.ltp.get(runner.selection_id)
        assert (told["status"] == "REMOVED") == (runner.status == "SCRATCHED")
        assert (told["status"] == "WINNER") == (runner.result in ("WINNER", "PLACED"))
        assert told.get("bsp") == (None if runner.bsp is None else float(runner.bsp))
        assert (None if ltp is None else Decimal(str(ltp))) == runner.ltp
        if expected.plan != BASIC:
            levels = reading.levels[runner.selection_id].values()
            assert round(sum(levels), 2) == float(runner.traded or 0)


@pytest.mark.parametrize("path", sorted(FILES))
def test_another_reading_agrees_with_the_oracle(path: str) -> None:
    readings = read(FILES[path])
    assert set(readings) == {each.market_id for each in FILES[path].expected}
    for expected in FILES[path].expected:
        agrees(expected, readings[expected.market_id])


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, again = build_oddities(5), build_oddities(5)
    assert [(file.path, file.body, file.expected) for file in first.files] == [
        (file.path, file.body, file.expected) for file in again.files
    ]
    assert {file.path for file in first.files}.isdisjoint(FILES)


def test_paths_follow_betfairs_tree() -> None:
    file = one("plain")
    expected = file.expected[0]
    assert file.path == f"/xds_nfs/edp_processed/PRO/2024/Jun/27/{expected.event_id}/{expected.market_id}.bz2"
    (event,) = SHELF.case("event", BASIC, "E")
    assert event.path.endswith(f"/BASIC/2024/Jun/27/{event.event_id}/{event.event_id}.bz2")
    winter = SHELF.case("winter")[0]
    assert "/PRO/2024/Jan/15/" in winter.path


def test_lines_are_in_order_of_publishing() -> None:
    for file in FILES.values():
        times = [each["pt"] for each in messages(file)]
        assert times == sorted(times)


def test_basic_has_prices_and_definitions_only() -> None:
    for file in SHELF.files:
        if file.plan == BASIC and file.case not in ("unknown_keys", "event"):
            changes = [change for each in messages(file) for change in each["mc"]]
            assert all(set(change) in ({"id", "marketDefinition"}, {"id", "rc"}) for change in changes)
            assert {key for change in changes for each in change.get("rc", ()) for key in each} <= {"id", "ltp"}


def test_pro_tells_one_group_an_element_and_advanced_three_levels() -> None:
    pro = [element for each in messages(one("plain")) for change in each["mc"] for element in change["rc"]]
    groups = {tuple(key for key in element if key != "id") for element in pro}
    assert groups == {("atb",), ("atl",), ("trd", "ltp", "tv"), ("spn", "spf"), ("spb",), ("spl",)}
    trades = [element for element in pro if "trd" in element]
    assert all(element["ltp"] == element["trd"][0][0] for element in trades)
    assert all(round(sum(size for _, size in each["trd"]), 2) == each["tv"] for each in trades)
    advanced = [e for each in messages(one("plain", "ADVANCED")) for change in each["mc"] for e in change["rc"]]
    best = [element for element in advanced if "batb" in element]
    assert all([level for level, _, _ in element["batb"]] == [0, 1, 2] for element in best)
    assert not any("atb" in element or "spn" in element for element in advanced)


def test_projected_sp_is_at_times_a_string() -> None:
    texts = "".join("".join(file.lines) for file in SHELF.case("plain"))
    assert all(text in texts for text in ('"spf":"NaN"', '"spn":"NaN"', '"spn":"Infinity"', '"spf":"Infinity"'))


def test_wipes_come_while_suspended_and_name_no_trade() -> None:
    for file in SHELF.case("plain"):
        *_, wiped, closed = messages(file)
        trades = [element for element in wiped["mc"][0]["rc"] if "trd" in element]
        assert len(trades) == 6
        assert all(element["tv"] == 0.0 and not any(size for _, size in element["trd"]) for element in trades)
        assert closed["mc"][0]["marketDefinition"]["status"] == "CLOSED"


def test_a_reserve_takes_the_trap_under_a_new_id() -> None:
    file = one("reserve")
    expected = file.expected[0]
    out, reserve = expected.runner(3), expected.runner(3, reserve=True)
    assert (out.status, out.result, out.ltp, out.bsp) == ("SCRATCHED", None, None, None)
    assert (reserve.status, reserve.result, reserve.name) == ("ACTIVE", "WINNER", "Pickled Reservist")
    final = definitions(file)[-1]["runners"]
    assert final[0]["id"] == out.selection_id
    assert "3. Pickled Reservist (res)" in {each["name"] for each in final}
    assert [each["numberOfActiveRunners"] for each in definitions(file)][:4] == [6, 6, 5, 6]


def test_withdrawn_void_and_never_traded() -> None:
    withdrawn = one("withdrawal").expected[0]
    assert len(withdrawn.runners) == 6
    emptied = withdrawn.runner(5)
    assert (emptied.ltp, emptied.traded) == (None, Decimal(0))
    void = one("void_place", at=1).expected[0]
    assert {(each.status, each.result, each.bsp) for each in void.runners} == {("SCRATCHED", "VOID", None)}
    assert void.off is None
    never = one("never_traded").expected[0].runner(6)
    assert (never.ltp, never.traded) == (None, Decimal(0))


def test_dead_heat_and_second_settlement() -> None:
    heat = one("dead_heat")
    assert sum(each.result == "WINNER" for each in heat.expected[0].runners) == 2
    assert definitions(heat)[-1]["numberOfWinners"] == 1
    again = one("resettled")
    closed = [each for each in definitions(again) if each["status"] == "CLOSED"]
    winners = [{runner["name"][0] for runner in each["runners"] if runner["status"] == "WINNER"} for each in closed]
    assert winners == [{"1"}, {"6"}]
    assert again.expected[0].runner(6).result == "WINNER"


def test_a_time_pulled_forward_and_a_race_over_midnight() -> None:
    times = list(dict.fromkeys(each["marketTime"] for each in definitions(one("pulled_forward"))))
    assert times == ["2024-06-27T08:45:00.000Z", "2024-06-27T08:40:00.000Z"]
    night = one("midnight").expected[0]
    assert night.off is not None
    assert (night.start.date(), night.off.date(), night.race_date) == (
        date(2024, 7, 2),
        date(2024, 7, 3),
        date(2024, 7, 3),
    )
    assert "/2024/Jul/2/" in one("midnight").path


def test_traps_names_and_days() -> None:
    traps = [each.trap for each in one("rug_9").expected[0].runners]
    assert traps == [1, 2, 3, 5, 6, 7, 8, 9]
    assert len(one("name_of_16").expected[0].runner(3).name) == 16
    offsets = {each.case: definitions(each)[0]["timezone"] for each in SHELF.files}
    assert (offsets["plain"], offsets["rug_9"]) == ("Europe/London", "Australia/Adelaide")


def test_markets_that_are_no_race() -> None:
    others = {file.case for file in SHELF.files for each in file.expected if not each.is_race}
    assert others == {"forecast", "trap_challenge", "exacta"}
    assert one("trap_challenge").expected[0].track is None
    assert one("forecast").expected[0].track == "Kinsley"
    assert one("forecast").event_name == "Kinsley (F/C) 27th Jun"


def test_images_deletions_and_unknown_keys() -> None:
    images = [each["mc"][0] for each in messages(one("images")) if each["mc"][0]["img"]]
    assert len(images) == 2
    assert all("marketDefinition" in each and each["rc"] for each in images)
    strange = messages(one("unknown_keys"))
    assert any("mc" not in each for each in strange)
    assert any("futureKey" in change for each in strange for change in each.get("mc", ()))
    open_wipes = [
        element
        for each in messages(one("deleted_trades"))[:-3]
        for element in each["mc"][0]["rc"]
        if "trd" in element and element["trd"][0][1] == 0
    ]
    assert len(open_wipes) == 2


def test_a_file_cut_in_the_middle_of_a_line() -> None:
    for plan in (BASIC, PRO):
        file = one("cut_mid_line", plan)
        with pytest.raises(json.JSONDecodeError):
            json.loads(file.lines[-1])
        assert not file.expected[0].settled
        assert {each.result for each in file.expected[0].runners} == {None}


def test_one_meeting_in_every_plan_and_as_an_event() -> None:
    plain = {plan: one("plain", plan).expected[0] for plan in PLANS}
    assert len({each.market_id for each in plain.values()}) == 1
    for plan in PLANS:
        (event,) = SHELF.case("event", plan, "E")
        assert plain[plan] in event.expected
        assert len(event.expected) == 22


def test_a_month_has_as_many_files_as_asked_for() -> None:
    shelf = month(date(2024, 2, 26), days=4, meetings=3, races=2, plans=(BASIC, PRO), events=True)
    assert len(shelf.files) == 4 * 3 * (2 * 2 + 1) * 2
    assert len({file.path for file in shelf.files}) == len(shelf.files)
    assert {file.day for file in shelf.files} == {date(2024, 2, 26) + timedelta(days=each) for each in range(4)}
    assert isinstance(shelf + SHELF, Shelf)
