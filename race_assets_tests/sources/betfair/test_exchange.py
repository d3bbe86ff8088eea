"""The exchange polled: what fits into a request, what is due when, and lines that read back as the answers were."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from race_assets.schemas.records import PARSED
from race_assets.schemas.table import conform
from race_assets.settings import Settings
from race_assets.settings.exchange import ExchangeSettings
from race_assets.sources import registry
from race_assets.sources.base import ReadReport
from race_assets.sources.betfair.exchange import weights
from race_assets.sources.betfair.exchange.client import PRICE_DATA, ExchangeClient
from race_assets.sources.betfair.exchange.messages import Book, Entry, typed
from race_assets.sources.betfair.exchange.plan import Plan, Planned
from race_assets.sources.betfair.exchange.recorder import MarketRecorder, facts_of, names_of, resumed
from race_assets.sources.betfair.exchange.ticks import Ticker
from race_assets.sources.betfair.identity import Identity
from race_assets_tests.fake_betfair import FakeBetfair, faults
from race_assets_tests.fake_betfair.fixtures import KINSLEY
from race_assets_tests.fake_betfair.markets import Life, moment_of

EXCHANGE = "betfair_exchange"


# Weights, as API_CONTRACTS 3.6 has them


@pytest.mark.parametrize(
    ("data", "depth", "most"),
    [
        ([], 3, 100),
        (["SP_AVAILABLE"], 3, 66),
        (["EX_BEST_OFFERS"], 3, 40),
        (["EX_BEST_OFFERS"], 6, 20),
        (["EX_BEST_OFFERS", "SP_AVAILABLE"], 3, 25),
        (["EX_BEST_OFFERS", "EX_TRADED"], 3, 10),
        (["EX_ALL_OFFERS", "EX_TRADED"], 3, 6),
        (["EX_BEST_OFFERS", "EX_TRADED", "SP_AVAILABLE"], 3, 8),
    ],
)
def test_a_request_about_books_holds_as_many_markets_as_200_points_allow(
    data: list[str], depth: int, most: int
) -> None:
    assert weights.books_at_once(data, depth) == most


@pytest.mark.parametrize(
    ("projection", "most"),
    [([], 1000), (["MARKET_DESCRIPTION"], 200), (["MARKET_DESCRIPTION", "RUNNER_METADATA"], 100)],
)
def test_a_catalogue_asks_for_as_many_results_as_are_allowed(projection: list[str], most: int) -> None:
    assert weights.catalogue_at_once(projection) == most


def test_markets_are_packed_without_losing_one() -> None:
    ids = [f"1.{number}" for number in range(19)]
    parts = list(weights.packed(ids, 8))
    assert [len(part) for part in parts] == [8, 8, 3]
    assert [each for part in parts for each in part] == ids


# What is due

OFF = 1_000_000.0


def planned(market_id: str = "1.1", start: float = OFF, status: str = "OPEN") -> Planned:
    return Planned(market_id, start, date(2024, 6, 27), status)


def polls(market: Planned, first: float, last: float) -> int:
    """How often it is due from one moment to another, in seconds from its off, at ticks of five seconds."""
    plan = Plan(ExchangeSettings())
    plan.markets[market.market_id] = market
    ticks = range(int((last - first) // 5))
    return sum(bool(plan.due(tick, OFF + first + 5 * tick)[0]) for tick in ticks)


def test_near_its_off_a_market_is_due_at_every_tick_and_before_that_once_a_minute() -> None:
    assert polls(planned(), -600, 0) == 120
    assert polls(planned(), -7200, -600) == 110
    assert polls(planned(status="SUSPENDED"), 60, 660) == 20
    assert polls(planned(status="CLOSED"), 60, 660) == 0


def test_a_late_race_keeps_the_rhythm_until_it_is_suspended() -> None:
    assert polls(planned(), 0, 300) == 60


def test_markets_far_from_their_off_are_spread_over_the_ticks() -> None:
    plan = Plan(ExchangeSettings())
    for number in range(240):
        plan.markets[f"1.{number}"] = planned(f"1.{number}", OFF + 7200)
    counts = [len(plan.due(tick, OFF)[0]) for tick in range(12)]
    assert sum(counts) == 240
    assert max(counts) < 40


def test_what_seems_closed_is_asked_about_by_itself() -> None:
    plan = Plan(ExchangeSettings())
    plan.markets = {"1.1": planned("1.1"), "1.2": planned("1.2")}
    plan.markets["1.2"].is_missing = True
    trading, closing = plan.due(0, OFF)
    assert ([each.market_id for each in trading], [each.market_id for each in closing]) == (["1.1"], ["1.2"])


def test_a_market_is_given_up_hours_after_its_off() -> None:
    plan = Plan(ExchangeSettings(result_hours=1))
    plan.markets["1.1"] = planned(status="SUSPENDED")
    assert not plan.is_over(OFF + 3599)
    assert plan.is_over(OFF + 3601)
    assert plan.due(0, OFF + 3601) == ([], [])


# Recordings


@pytest.fixture
def betfair() -> Iterator[FakeBetfair]:
    with FakeBetfair() as fake:
        yield fake


@pytest.fixture
def client(betfair: FakeBetfair, tmp_path: Path) -> Iterator[ExchangeClient]:
    whole = settings(betfair)
    identity = Identity(whole.betfair, tmp_path)
    with_client = ExchangeClient(whole.sources.betfair_exchange, identity)
    yield with_client
    with_client.close()
    identity.close()


def settings(betfair: FakeBetfair) -> Settings:
    urls = betfair.urls()
    account = {
        "username": betfair.identity.username,
        "password": betfair.identity.password,
        "app_key": betfair.identity.app_key,
        "identity_url": urls["identity"].removesuffix("/api"),
    }
    fast = {"requests_per_second": 1000, "burst_size": 1000}
    source = {"url": urls["exchange_rest"], "rate_limit": fast, "hours_ahead": 24}
    return Settings.model_validate({"betfair": account, "sources": {EXCHANGE: source}})


def lives(betfair: FakeBetfair, case: str) -> list[Life]:
    ids = {file.expected[0].market_id for file in betfair.shelf.case(case)}
    return [life for life in betfair.shelf.lives if life.market_id in ids]


def moments(life: Life) -> list[datetime]:
    """When it is polled: sparsely in the morning, then every half minute to the settlement."""
    off = life.off or life.start
    sparse = [life.start - timedelta(minutes=minutes) for minutes in (600, 200, 170, 140, 116, 114, 90, 60, 41, 31, 29)]
    dense = [off + timedelta(seconds=seconds) for seconds in range(-1500, 200, 30)]
    return [*sparse, *dense, (life.closed or off) + timedelta(minutes=20)]


def recorded(betfair: FakeBetfair, client: ExchangeClient, life: Life) -> list[tuple[Book, bytes]]:
    """Its books and the lines made of them; the catalogue is asked again where a runner is not known."""
    recorder = None
    told = []
    for moment in moments(life):
        betfair.clock.set(moment)
        books = client.books([life.market_id])
        if not books:
            continue
        if recorder is None or not recorder.knows(books[0]):
            (entry,) = client.entries([life.market_id])
            recorder = recorder or MarketRecorder(life.market_id, facts_of(entry), names_of(entry))
            recorder.learn(entry)
        told.append((books[0], recorder.line(int(moment.timestamp() * 1000), books[0])))
    return told


def parsed(folder: Path, lines: list[bytes]) -> Any:
    return conform(with_points(folder, lines), PARSED)


def with_points(folder: Path, lines: list[bytes]) -> Any:
    path = folder / "2024-06-27.jsonl"
    path.write_bytes(b"".join(lines))
    (frame,) = registry.create(EXCHANGE, Settings()).read(path, path.name, ReadReport())
    return frame


def cents(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("0.01"), ROUND_DOWN)


@pytest.mark.parametrize("case", [case for case in KINSLEY if case != "void_place"])
def test_a_recording_reads_as_what_the_market_came_to(
    betfair: FakeBetfair, client: ExchangeClient, tmp_path: Path, case: str
) -> None:
    for life in lives(betfair, case):
        frame = parsed(tmp_path, [line for _, line in recorded(betfair, client, life)])
        expected = life.expected("PRO")
        found = {
            (int(row["selection_id"]), row["trap"], row["dog_name"], row["status"], row["result"], cents(row["bsp"]))
            for row in frame.to_dicts()
        }
        assert found == {(r.selection_id, r.trap, r.name, r.status, r.result, r.bsp) for r in expected.runners}
        ran = [each for each in frame.to_dicts() if each["status"] == "ACTIVE"]
        traded = {int(row["selection_id"]): (cents(row["pre_off_volume"]), row["last_traded"]) for row in ran}
        for runner in expected.runners:
            if runner.status == "ACTIVE":
                volume, last = traded.pop(runner.selection_id)
                assert volume == (runner.traded or 0)
                # The fake's exchange shows the price of a trade taken back as the last one.
                assert cents(last) == runner.ltp or case == "deleted_trades"
        assert traded == {}
        (start, off, told) = frame.select("start_at", "actual_off_at", "problems").row(0)
        assert (start, told) == (expected.start, None)
        assert expected.off is not None
        assert timedelta(0) <= off - expected.off <= timedelta(seconds=30)


@pytest.mark.parametrize("case", ["plain", "reserve", "deleted_trades"])
def test_ticks_are_what_each_answer_said(betfair: FakeBetfair, client: ExchangeClient, case: str) -> None:
    ticker = Ticker()
    for book, line in recorded(betfair, client, lives(betfair, case)[0]):
        rows = {row["selection_id"]: row for row in ticker.rows(line)}
        assert rows.keys() == {str(runner.selection_id) for runner in book.runners}
        for runner in book.runners:
            row = rows[str(runner.selection_id)]
            back = runner.ex.available_to_back[0] if runner.ex and runner.ex.available_to_back else None
            lay = runner.ex.available_to_lay[0] if runner.ex and runner.ex.available_to_lay else None
            assert (row["best_back"], row["best_back_size"]) == ((back.price, back.size) if back else (None, None))
            assert (row["best_lay"], row["best_lay_size"]) == ((lay.price, lay.size) if lay else (None, None))
            assert (row["market_status"], row["runner_status"]) == (book.status, runner.status)
            if book.status != "CLOSED" and runner.status == "ACTIVE":
                assert row["volume"] == runner.total_matched
                assert row["last_traded"] == runner.last_price_traded or runner.last_price_traded is None


def test_a_recording_that_a_second_session_goes_on_with_reads_as_one(
    betfair: FakeBetfair, client: ExchangeClient, tmp_path: Path
) -> None:
    """After a restart the second recorder knows the first one's last definition, and not what was said of prices."""
    life = lives(betfair, "plain")[0]
    told = recorded(betfair, client, life)
    half = len(told) // 2
    definition = next(
        change["marketDefinition"]
        for _, line in reversed(told[:half])
        for change in json.loads(line)["mc"]
        if "marketDefinition" in change
    )
    second = resumed(life.market_id, definition)
    times = [int(json.loads(line)["pt"]) for _, line in told]
    lines = [line for _, line in told[:half]]
    lines += [second.line(pt, book) for pt, (book, _) in zip(times[half:], told[half:], strict=True)]
    assert parsed(tmp_path, lines).equals(parsed(tmp_path, [line for _, line in told]))


def test_a_market_that_was_left_before_its_off_has_a_plain_price_and_is_open(
    betfair: FakeBetfair, client: ExchangeClient, tmp_path: Path
) -> None:
    life = lives(betfair, "plain")[0]
    told = [line for _, line in recorded(betfair, client, life)][:16]
    frame = parsed(tmp_path, told)
    last = json.loads(told[-1])["pt"]
    assert frame["observed_at"].unique().to_list() == [moment_of(last)]
    assert moment_of(last) < life.start - timedelta(minutes=1)
    assert frame["result"].null_count() == frame["last_traded"].null_count() == frame.height
    assert frame["price_kind"].unique().to_list() == ["PRICE"]
    assert {note for notes in frame["notes"].to_list() for note in notes} == {"left_before_the_off"}
    assert frame["problems"].null_count() == frame.height


def gap(
    betfair: FakeBetfair, client: ExchangeClient, folder: Path, life: Life, until: datetime, again: datetime
) -> tuple[Any, Any]:
    """Records, with points, of a market that was polled throughout and of one nobody polled between two moments."""
    told = [(moment_of(json.loads(line)["pt"]), book, line) for book, line in recorded(betfair, client, life)]
    first = [line for at, _, line in told if at <= until]
    definitions = [change.get("marketDefinition") for line in first for change in json.loads(line)["mc"]]
    second = resumed(life.market_id, [each for each in definitions if each][-1])
    rest = [second.line(round(at.timestamp() * 1000), book) for at, book, _ in told if at >= again]
    return with_points(folder, [line for *_, line in told]), with_points(folder, first + rest)


@pytest.mark.parametrize("is_closed", [False, True])
def test_what_happened_while_nobody_polled_over_the_off_is_not_known(
    betfair: FakeBetfair, client: ExchangeClient, tmp_path: Path, is_closed: bool
) -> None:
    life = lives(betfair, "plain")[0]
    assert life.off is not None
    left = life.off - timedelta(minutes=20)
    again = life.off + (timedelta(minutes=15) if is_closed else timedelta(seconds=40))
    whole, found = gap(betfair, client, tmp_path, life, left, again)
    sure = ["race_date", "market_id", "selection_id", "trap", "dog_name", "status", "result", "bsp", "start_at"]
    assert found.select(sure).equals(whole.select(sure))
    assert found["bsp"].null_count() == 0
    unknown = ["actual_off_at", "last_traded", "pre_off_wap", "pre_off_max", "pre_off_min", "pre_off_volume"]
    assert found.select(pl.col(unknown).is_null().all()).row(0) == (True,) * len(unknown)
    assert whole.select(pl.col(unknown).is_null().any()).row(0) == (False,) * len(unknown)
    assert found["price"].is_not_null().any()
    assert found["price_kind"].drop_nulls().unique().to_list() == ["PRICE"]
    assert all("left_before_the_off" in notes for notes in found["notes"].to_list())
    points = found.explode("points").select("start_at", pl.col("points").struct.field("seconds_before_off"))
    seen = points.filter(pl.col("start_at") - pl.duration(seconds="seconds_before_off") > left + timedelta(minutes=1))
    assert points.height > 0
    assert seen.height == 0


def test_a_suspension_long_before_the_off_after_which_nobody_polled_is_no_off(
    betfair: FakeBetfair, client: ExchangeClient, tmp_path: Path
) -> None:
    life = lives(betfair, "plain")[0]
    told = [(moment_of(json.loads(line)["pt"]), line) for _, line in recorded(betfair, client, life)]
    before = [line for at, line in told if at <= life.start - timedelta(minutes=10)]
    change = json.loads(before[-1])
    definition = next(
        part["marketDefinition"]
        for line in reversed(before)
        for part in json.loads(line)["mc"]
        if "marketDefinition" in part
    )
    change["pt"] += 1000
    change["mc"] = [{"id": life.market_id, "marketDefinition": {**definition, "status": "SUSPENDED"}, "con": True}]
    frame = parsed(tmp_path, [*before, json.dumps(change).encode() + b"\n", told[-1][1]])
    assert frame["actual_off_at"].null_count() == frame["last_traded"].null_count() == frame.height
    assert {note for notes in frame["notes"].to_list() for note in notes} == {"left_before_the_off"}


def test_a_short_gap_over_the_off_is_none(betfair: FakeBetfair, client: ExchangeClient, tmp_path: Path) -> None:
    life = lives(betfair, "plain")[0]
    assert life.off is not None
    whole, found = gap(betfair, client, tmp_path, life, life.off - timedelta(seconds=20), life.off)
    assert whole["notes"].null_count() == found["notes"].null_count() == found.height
    assert found["actual_off_at"].null_count() == 0


def test_a_price_that_an_answer_does_not_tell_any_more_is_gone() -> None:
    def book(near: float | str, last: float | None) -> Book:
        told = [{"price": 5.0, "size": 10.0}] if last else []
        runner = {
            "selectionId": 7,
            "status": "ACTIVE",
            "totalMatched": 10.0 if last else 0.0,
            "sp": {"nearPrice": near, "farPrice": near},
            "ex": {"availableToBack": [], "availableToLay": [], "tradedVolume": told},
            **({"lastPriceTraded": last} if last else {}),
        }
        ((read,), _) = typed([{"marketId": "1.1", "status": "OPEN", "runners": [runner]}], Book)
        return read

    recorder = MarketRecorder(
        "1.1", {"marketTime": "2024-06-27T14:52:00.000Z", "timezone": "Europe/London"}, {7: "1. X"}
    )
    ticker = Ticker()
    answers = [(8.2, 5.0), ("NaN", 5.0), (8.0, None), ("Infinity", 4.0)]
    lines = [recorder.line(1_719_499_000_000 + 1000 * n, book(*each)) for n, each in enumerate(answers)]
    rows = [ticker.rows(line)[0] for line in lines]
    names = ("near_price", "far_price", "last_traded", "volume")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (8.2, 8.2, 5.0, 10.0), (None, None, 5.0, 10.0), (8.0, 8.0, None, 0.0), (None, None, 4.0, 10.0),
    ]  # fmt: skip
    # Where a starting price alone goes, the trades are not told again: they would look younger than they are.
    assert [json.loads(line)["mc"][0]["img"] for line in lines] == [True, False, True, False]


# Asking


def test_a_request_that_is_too_large_is_asked_in_halves_and_later_ones_are_as_small(
    betfair: FakeBetfair, client: ExchangeClient
) -> None:
    ids = [life.market_id for life in betfair.shelf.lives if life.meeting.name == "Kinsley 27th Jun"][:20]
    assert client.most == weights.books_at_once(PRICE_DATA) == 8
    assert {book.market_id for book in client.books(ids)} == set(ids) - {lives(betfair, "void_place")[1].market_id}
    sent = [len(each.params["marketIds"]) for each in betfair.requests_to("listMarketBook")]
    assert sent == [20, 10, 5, 5, 10, 5, 5]
    assert client.most == 5


def test_the_catalogue_comes_page_by_page(betfair: FakeBetfair, client: ExchangeClient, monkeypatch: Any) -> None:
    monkeypatch.setattr(weights, "MOST_POINTS", 7)
    found = [entry.market_id for entry in client.catalogue(betfair.clock.now())]
    assert len(betfair.requests_to("listMarketCatalogue")) > 2
    monkeypatch.undo()
    assert sorted(found) == sorted(entry.market_id for entry in client.catalogue(betfair.clock.now()))
    assert len(found) == len(set(found))


def test_an_answer_with_an_item_nobody_can_read_costs_only_that() -> None:
    good = {"marketId": "1.1", "status": "OPEN", "runners": []}
    read, bad = typed([good, {"marketId": "1.2", "status": 7}, "x"], Book)
    assert [each.market_id for each in read] == ["1.1"]
    assert len(bad) == 2
    assert "market 1.2 cannot be read" in bad[0]
    assert typed({}, Entry)[1] == ["an answer is no array but dict"]


def test_a_session_that_has_ended_costs_one_login(betfair: FakeBetfair, client: ExchangeClient) -> None:
    ids = [lives(betfair, "plain")[0].market_id]
    client.books(ids)
    betfair.fault("rest", faults.expire(0, times=1))
    assert client.books(ids)
    assert len(betfair.requests_to("login")) == 2


def test_times_of_a_tick_are_the_markets(betfair: FakeBetfair, client: ExchangeClient) -> None:
    life = lives(betfair, "plain")[0]
    (_, line), *_ = recorded(betfair, client, life)
    rows = Ticker().rows(line)
    assert {row["race_date"] for row in rows} == {date(2024, 6, 27)}
    assert {row["start_at"] for row in rows} == {life.start.astimezone(UTC)}
