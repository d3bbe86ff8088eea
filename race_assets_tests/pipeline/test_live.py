"""Live sessions against the fake exchange: every poll stored once, whatever ends the session; then it is a file."""

import gzip
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from race_assets.errors import LoginRefusedError, SettingsError
from race_assets.pipeline import land, live
from race_assets.pipeline.live_recordings import SOURCE, land_recorded
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.sources.betfair.exchange.ticks import Ticker
from race_assets.storage.recording import Recordings, whole_lines
from race_assets_tests.conftest import PROJECT
from race_assets_tests.fake_betfair import FakeBetfair, faults
from race_assets_tests.fake_betfair.cast import TRACKS, Cast
from race_assets_tests.fake_betfair.fixtures import meeting, pair
from race_assets_tests.fake_betfair.markets import Life
from race_assets_tests.fake_betfair.streams import PRO, market_file
from race_assets_tests.pipeline.feed import ask, build_stale

INTERVAL = 0.1
PATIENCE_S = 60
Ticks = set[tuple[Any, ...]]


def card(now: datetime, races: int = 3) -> list[Life]:
    """Races that go off some minutes from now, a minute apart."""
    cast, made = Cast(7), []
    for number in range(races):
        start = now.replace(second=0, microsecond=0) + timedelta(minutes=3 + number)
        at = meeting(cast, list(TRACKS)[number % 2], start)
        for life, winners in zip(pair(cast, at, "A3 462m", cast.field(), start), ([4], [4, 1]), strict=True):
            made.append(life.trades().finishes(winners, delay=20))
    return made


@pytest.fixture
def lives() -> list[Life]:
    return card(datetime.now(UTC))


@pytest.fixture
def betfair(lives: list[Life]) -> Iterator[FakeBetfair]:
    with FakeBetfair(live=lives, now=datetime.now(UTC), running=True) as fake:
        yield fake


@pytest.fixture
def workshop(make_settings: Callable[..., Settings], betfair: FakeBetfair) -> Workshop:
    return Workshop(make_settings(**pointed(betfair)))


def pointed(betfair: FakeBetfair, **more: Any) -> dict[str, Any]:
    """Settings that lead to the fake exchange, in a hurry."""
    urls = betfair.urls()
    account = {
        "username": betfair.identity.username,
        "password": betfair.identity.password,
        "app_key": betfair.identity.app_key,
        "identity_url": urls["identity"].removesuffix("/api"),
    }
    hurry = {
        "live_polling_interval_seconds": INTERVAL,
        "result_polling_interval_seconds": INTERVAL,
        "catalogue_interval_seconds": 1,
        "rate_limit": {"requests_per_second": 500, "burst_size": 500},
    }
    return {"betfair": account, "sources": {SOURCE: {"url": urls["exchange_rest"], **hurry, **more}}}


def polls(betfair: FakeBetfair) -> int:
    return len([each for each in betfair.requests_to("listMarketBook") if each.status == 200])


def until(condition: Callable[[], bool], stopping: threading.Event) -> None:
    """Sets the event as soon as the condition holds."""

    def watch() -> None:
        for _ in range(int(PATIENCE_S / 0.02)):
            if condition() or stopping.wait(0.02):
                break
        stopping.set()

    threading.Thread(target=watch, daemon=True).start()


def run(workshop: Workshop, condition: Callable[[], bool]) -> live.Session:
    """A session that is told to stop when the condition holds."""
    stopping = threading.Event()
    until(condition, stopping)
    return live.run(workshop, timedelta(seconds=PATIENCE_S), stopping)


def recorded(home: Path) -> Ticks:
    """The ticks of what is written down, landed or not: what was really polled."""
    files = Recordings(home, SOURCE).folder.glob("*/*.jsonl")
    lines = [line for file in files for line in whole_lines(file)]
    for path in (home / "archive" / SOURCE).rglob("*"):
        if path.is_file() and path.read_bytes()[:2] == b"\x1f\x8b":
            lines += gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    ticker = Ticker()
    lines.sort(key=lambda line: json.loads(line)["pt"])
    return {
        (row["market_id"], row["selection_id"], row["polled_at"], row["best_back"], row["last_traded"], row["volume"])
        for line in lines
        for row in ticker.rows(line)
    }


def stored(workshop: Workshop) -> list[tuple[Any, ...]]:
    return ask(
        workshop,
        """select market_id, selection_id, polled_at, best_back, last_traded, volume from live.price_ticks""",
    )


def test_every_poll_is_written_down_and_stored_once(workshop: Workshop, betfair: FakeBetfair) -> None:
    session = run(workshop, lambda: polls(betfair) >= 12)
    told = stored(workshop)
    assert (session.ended, session.is_stored) == ("stopped", True)
    assert len(told) == len(set(told)) == session.ticks > 0
    assert set(told) == recorded(workshop.settings.home)
    assert [each.status for each in betfair.requests_to("listMarketBook") if each.status != 200] == []
    (row,) = ask(workshop, "select markets, polls, ticks, ended, api_requests > 10, process <> '' from live.sessions")
    assert row == (6, session.figures.polls, session.ticks, "stopped", True, True)
    assert len(betfair.requests_to("login")) == 1


def test_results_end_the_session_and_its_file_is_a_day_like_any_other(
    workshop: Workshop, betfair: FakeBetfair, lives: list[Life]
) -> None:
    stopping = threading.Event()

    def settle() -> None:
        # The fake's clock passes the offs, then the settlements.
        for wait_for, minutes in ((10, 7), (30, 20)):
            while polls(betfair) < wait_for and not stopping.wait(0.02):
                pass
            betfair.clock.set(datetime.now(UTC) + timedelta(minutes=minutes))

    threading.Thread(target=settle, daemon=True).start()
    session = live.run(workshop, timedelta(seconds=PATIENCE_S), stopping)
    stopping.set()
    assert session.ended == "done"
    (landed,) = land_recorded(workshop)
    assert (landed.state, landed.records) == ("landed", 36)
    assert Recordings(workshop.settings.home, SOURCE).days() == []
    build_stale(workshop)
    told = ask(workshop, "select trap, dog_name, result, round(bsp::numeric, 2), sources from core.selections")
    wins = [life.expected("PRO") for life in lives if life.market_type == "WIN"]
    assert {row[:3] for row in told} == {(r.trap, r.name, r.result) for win in wins for r in win.runners}
    assert all(bsp is not None and sources == [SOURCE] for *_, bsp, sources in told)
    assert ask(workshop, "select count(*) from quarantine.rejects") == [(0,)]
    assert land_recorded(workshop) == []


def test_live_and_the_historic_file_of_the_day_are_one_race_with_one_selection_each(
    workshop: Workshop, betfair: FakeBetfair, lives: list[Life], tmp_path: Path
) -> None:
    run(workshop, lambda: polls(betfair) >= 6)
    land_recorded(workshop)
    for life in lives:
        file = market_file(life, PRO, "live")
        path = tmp_path / file.path.rpartition("/")[2]
        path.write_bytes(file.body)
        list(land.land(workshop, "betfair_historic", [(path, file.path)]))
    build_stale(workshop)
    both = ["betfair_exchange", "betfair_historic"]
    assert ask(workshop, "select distinct sources from core.races") == [(both,)]
    assert ask(workshop, "select count(*), count(distinct selection_id) from core.selections") == [(18, 18)]
    assert ask(workshop, "select distinct sources, price_source from core.selections") == [(both, "betfair_historic")]


def test_sessions_go_on_with_each_other_and_their_day_is_one_file(workshop: Workshop, betfair: FakeBetfair) -> None:
    run(workshop, lambda: polls(betfair) >= 4)
    (first,) = land_recorded(workshop)
    before = polls(betfair)
    run(workshop, lambda: polls(betfair) >= before + 4)
    (second,) = land_recorded(workshop)
    assert (first.version, second.version, first.path) == (1, 2, second.path)
    assert set(stored(workshop)) == recorded(workshop.settings.home)
    assert [(each.state, each.version) for each in land_recorded(workshop)] == []


def test_a_second_session_of_a_home_is_refused(workshop: Workshop, betfair: FakeBetfair) -> None:
    with Recordings(workshop.settings.home, SOURCE).held() as is_ours:
        assert is_ours
        with pytest.raises(SettingsError, match="polling already"):
            live.run(workshop, timedelta(seconds=1), threading.Event())
        assert land_recorded(workshop) == []
    assert betfair.requests == []


def test_trouble_of_the_exchange_costs_polls_and_not_the_session(workshop: Workshop, betfair: FakeBetfair) -> None:
    betfair.fault("listMarketBook", faults.status(503, 6, after=4))
    betfair.fault("listMarketBook", faults.reset(2, after=12))
    betfair.fault("rest", faults.expire(20, times=1))
    session = run(workshop, lambda: polls(betfair) >= 30)
    assert session.figures.polls >= 30
    assert set(stored(workshop)) == recorded(workshop.settings.home)
    assert len(betfair.requests_to("login")) == 2


def test_a_password_that_is_refused_ends_it_before_anything_is_written(
    make_settings: Callable[..., Settings], betfair: FakeBetfair
) -> None:
    told = pointed(betfair)
    workshop = Workshop(make_settings(**{**told, "betfair": {**told["betfair"], "password": "nonsense"}}))
    with pytest.raises(LoginRefusedError, match="INVALID_USERNAME_OR_PASSWORD"):
        live.run(workshop, timedelta(seconds=5), threading.Event())
    assert ask(workshop, "select count(*) from live.sessions") == [(0,)]
    assert len(betfair.requests_to("login")) == 1


# As a command, told to stop or killed


@pytest.fixture
def command_line(environment: dict[str, str], betfair: FakeBetfair) -> dict[str, str]:
    hurry = f"RACE_ASSETS_SOURCES__{SOURCE.upper()}__"
    return {
        **environment,
        **betfair.environment(),
        f"{hurry}LIVE_POLLING_INTERVAL_SECONDS": str(INTERVAL),
        f"{hurry}RATE_LIMIT__REQUESTS_PER_SECOND": "500",
        f"{hurry}RATE_LIMIT__BURST_SIZE": "500",
    }


def killed_with(
    number: signal.Signals, command_line: dict[str, str], betfair: FakeBetfair, after: int
) -> tuple[int, str]:
    """`race-assets live`, sent a signal after so many polls; its exit code and output."""
    with subprocess.Popen(
        [sys.executable, "-m", "race_assets", "live", "--for", "1m"],
        cwd=PROJECT,
        env=command_line,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        seen = threading.Event()
        until(lambda: polls(betfair) >= after or process.poll() is not None, seen)
        seen.wait(PATIENCE_S)
        process.send_signal(number)
        out, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out


def test_told_to_stop_it_stores_everything_it_polled(
    workshop: Workshop, betfair: FakeBetfair, command_line: dict[str, str]
) -> None:
    code, said = killed_with(signal.SIGTERM, command_line, betfair, 5)
    assert code == 0, said
    told = stored(workshop)
    assert len(told) == len(set(told)) > 0
    assert set(told) == recorded(workshop.settings.home)
    assert ask(workshop, "select ended, ticks from live.sessions") == [("stopped", len(told))]
    assert "landed by the next" in said


def test_killed_it_loses_no_poll_it_had_finished_and_the_next_session_says_so(
    workshop: Workshop, betfair: FakeBetfair, command_line: dict[str, str]
) -> None:
    code, _ = killed_with(signal.SIGKILL, command_line, betfair, 7)
    assert code == -signal.SIGKILL
    polled = recorded(workshop.settings.home)
    assert set(stored(workshop)) <= polled
    with psycopg.connect(workshop.warehouse.url, autocommit=True) as connection:
        # As if it had been killed before it stored any of the last ones.
        connection.execute(
            "delete from live.price_ticks where polled_at > (select min(polled_at) from live.price_ticks)"
        )
    before = polls(betfair)
    session = run(workshop, lambda: polls(betfair) >= before + 3)
    told = stored(workshop)
    assert session.recovered > 0
    assert len(told) == len(set(told))
    assert polled < set(told) == recorded(workshop.settings.home)
    rows = ask(workshop, "select ended, ticks_recovered, ended_at is not null from live.sessions order by started_at")
    assert rows == [("killed", session.recovered, True), ("stopped", 0, True)]


def test_a_line_that_a_power_cut_has_torn_is_left_out_and_the_rest_is_landed(
    workshop: Workshop, betfair: FakeBetfair
) -> None:
    run(workshop, lambda: polls(betfair) >= 3)
    (file,) = Recordings(workshop.settings.home, SOURCE).folder.glob("*/*.jsonl")
    data = file.read_bytes()
    file.write_bytes(data + json.dumps({"op": "mcm"}).encode()[:7])
    (landed,) = land_recorded(workshop)
    assert (landed.state, landed.records) == ("landed", 36)
    build_stale(workshop)
    assert ask(workshop, "select count(*) from quarantine.rejects") == [(0,)]
