"""Live sessions against the fake exchange: every poll stored once, whatever ends the session; then it is a file."""

import gzip
import json
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from race_assets.console import live as live_console
from race_assets.errors import LoginRefusedError, SettingsError
from race_assets.http.timing import Timing
from race_assets.observability import metrics
from race_assets.pipeline import land, live, live_recordings
from race_assets.pipeline.live_recordings import SOURCE, land_recorded
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.sources.betfair.exchange.ticks import Ticker
from race_assets.storage.recording import Recordings, whole_lines
from race_assets_tests.conftest import PROJECT
from race_assets_tests.fake_betfair import FakeBetfair, faults
from race_assets_tests.fake_betfair.cast import TRACKS, Cast
from race_assets_tests.fake_betfair.fixtures import meeting, pair
from race_assets_tests.fake_betfair.markets import Life, moment_of
from race_assets_tests.fake_betfair.streams import PRO, market_file
from race_assets_tests.pipeline.feed import ask, build_stale, tell
from race_assets_tests.waiting import PATIENCE_S

INTERVAL = 0.1
Ticks = set[tuple[Any, ...]]


def card(now: datetime, races: int = 3, seed: int = 7) -> list[Life]:
    """Races that go off some minutes from now, a minute apart."""
    cast, made = Cast(seed), []
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
        while not (condition() or stopping.wait(0.02)):
            pass
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


def test_a_key_that_is_refused_ends_it_as_a_password_does(
    make_settings: Callable[..., Settings], betfair: FakeBetfair
) -> None:
    told = pointed(betfair)
    workshop = Workshop(make_settings(**{**told, "betfair": {**told["betfair"], "app_key": "nonsense"}}))
    with pytest.raises(LoginRefusedError, match=r"INVALID_APP_KEY: correct betfair\.app_key"):
        live.run(workshop, timedelta(seconds=5), threading.Event())


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
    workshop: Workshop, betfair: FakeBetfair, command_line: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_recordings, "AT_ONCE", 7)
    code, _ = killed_with(signal.SIGKILL, command_line, betfair, 7)
    assert code == -signal.SIGKILL
    polled = recorded(workshop.settings.home)
    assert set(stored(workshop)) <= polled
    # As if it had been killed before it stored any of the last ones, though it ran for a minute.
    tell(workshop, "delete from live.price_ticks where polled_at > (select min(polled_at) from live.price_ticks)")
    tell(
        workshop,
        "update live.sessions set started_at = started_at - interval '1 minute', "
        "flushed_at = (select min(polled_at) - interval '1 minute' from live.price_ticks)",
    )
    before = polls(betfair)
    session = run(workshop, lambda: polls(betfair) >= before + 3)
    told = stored(workshop)
    assert session.recovered > 0
    assert len(told) == len(set(told))
    assert polled < set(told) == recorded(workshop.settings.home)
    rows = ask(workshop, "select ended, ticks_recovered, ended_at is not null from live.sessions order by started_at")
    assert rows == [("killed", session.recovered, True), ("stopped", 0, True)]
    page = metrics.page(lambda: workshop.warehouse)
    (unaccounted,) = [line for line in page.splitlines() if line.startswith("race_assets_live_unaccounted_seconds")]
    last = max(at for _, _, at, *_ in polled)
    assert float(unaccounted.split()[1]) == pytest.approx(
        60 + (last - min(at for _, _, at, *_ in polled)).total_seconds()
    )


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


# Trouble at home


def files_of(workshop: Workshop) -> list[Path]:
    return sorted(Recordings(workshop.settings.home, SOURCE).folder.glob("*/*.jsonl"))


def lands_whole(workshop: Workshop) -> None:
    """What is recorded is a file of whole records, and its day is built."""
    (landed,) = land_recorded(workshop)
    assert (landed.state, landed.records) == ("landed", 36)
    build_stale(workshop)
    assert ask(workshop, "select count(*) from quarantine.rejects") == [(0,)]
    assert ask(workshop, "select count(*) from core.selections") == [(18,)]


def test_a_disk_that_is_full_for_a_while_costs_no_poll_and_is_reported_with_its_folder(
    workshop: Workshop, betfair: FakeBetfair, caplog: pytest.LogCaptureFixture
) -> None:
    """Files of this process may grow no further than 40 bytes, in the middle of a line, for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    full_at = room_at = 0

    def condition() -> bool:
        nonlocal full_at, room_at
        now = polls(betfair)
        if not full_at and now >= 6:
            largest = max(file.stat().st_size for file in files_of(workshop))
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 40, hard))
            full_at = now
        elif full_at and not room_at and now >= full_at + 12:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            room_at = now
        return bool(room_at) and now >= room_at + 12

    try:
        session = run(workshop, condition)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert session.is_stored
    lines = [line for file in files_of(workshop) for line in file.read_bytes().splitlines()]
    moments = [json.loads(line)["pt"] for line in lines]
    assert len(lines) == session.figures.polls
    assert moments == sorted(moments)
    (full, room) = (record.getMessage() for record in caplog.records if record.name.endswith("storage.recording"))
    folder = str(files_of(workshop)[0].parent.parent)
    assert full.startswith(f"{folder} cannot be written: a file may not grow any further there")
    assert "kept in memory" in full
    assert folder in room
    told = stored(workshop)
    assert len(told) == len(set(told)) == session.ticks
    assert set(told) == recorded(workshop.settings.home)
    lands_whole(workshop)


def test_a_clock_that_is_set_back_loses_no_poll(
    workshop: Workshop, betfair: FakeBetfair, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = 0.0
    monkeypatch.setattr(live, "Timing", partial(Timing, now=lambda: time.time() - back))

    def condition() -> bool:
        nonlocal back
        back = 3.0 if polls(betfair) >= 6 else 0.0
        return polls(betfair) >= 30

    session = run(workshop, condition)
    assert session.figures.polls >= 30
    assert ask(workshop, "select count(*) from live.price_ticks") == [(6 * session.figures.polls,)]
    assert set(stored(workshop)) == recorded(workshop.settings.home)


def test_a_clock_that_jumps_ahead_for_a_moment_moves_no_poll(
    workshop: Workshop, betfair: FakeBetfair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = 0.0
    monkeypatch.setattr(live, "Timing", partial(Timing, now=lambda: time.time() + ahead))

    jumped_at = 0

    def condition() -> bool:
        nonlocal ahead, jumped_at
        now = polls(betfair)
        if not jumped_at and now >= 6:
            ahead, jumped_at = 300.0, now
        elif jumped_at and now >= jumped_at + 6:
            ahead = 0.0
        return bool(jumped_at) and now >= jumped_at + 18

    run(workshop, condition)
    ((latest,),) = ask(workshop, "select max(polled_at) from live.price_ticks")
    assert latest <= datetime.now(UTC)


def test_a_market_whose_off_moves_over_midnight_stays_in_its_file(
    make_settings: Callable[..., Settings],
) -> None:
    now = datetime.now(UTC)
    start = now.replace(second=0, microsecond=0) + timedelta(minutes=3)
    moved = start + timedelta(days=1)
    cast = Cast(8)
    at = meeting(cast, next(iter(TRACKS)), start)
    win, place = pair(cast, at, "A3 462m", cast.field(), start)
    for life, winners in ((win, [4]), (place, [4, 1])):
        life.is_moved(moved, (moved - now).total_seconds() / 60 - 1).trades((5, 2)).finishes(winners, delay=20)
    with FakeBetfair(live=[win, place], now=now, running=True) as betfair:
        workshop = Workshop(make_settings(**pointed(betfair, hours_ahead=48, far_polling_interval_seconds=INTERVAL)))

        looked_before = 0

        def condition() -> bool:
            nonlocal looked_before
            looks = len([each for each in betfair.requests_to("listMarketCatalogue") if each.status == 200])
            if not looked_before and polls(betfair) >= 4:
                betfair.clock.set(now + timedelta(minutes=2))
                looked_before = looks
            # The first look after the move may have been on its way before it.
            return bool(looked_before) and looks >= looked_before + 3

        run(workshop, condition)
        again = polls(betfair) + 3
        run(workshop, lambda: polls(betfair) >= again)
    dates = ask(workshop, "select distinct race_date from live.price_ticks order by 1")
    assert len(dates) == 2, "the off was not moved"
    (landed,) = land_recorded(workshop)
    assert landed.days == (dates[1][0],)
    assert landed.records == 12


def test_a_market_that_answers_leave_out_is_counted_missed_until_it_is_found_closed(
    workshop: Workshop, betfair: FakeBetfair, lives: list[Life]
) -> None:
    def condition() -> bool:
        if polls(betfair) >= 6:
            betfair.clock.set(moment_of(lives[0].lines[-1].pt + 1000))
        return bool(ask(workshop, "select from live.price_ticks where market_status = 'CLOSED'"))

    session = run(workshop, condition)
    assert session.figures.polls_missed >= 1


def test_a_database_that_is_away_at_the_end_is_told_of_it_by_the_next_session(
    workshop: Workshop, betfair: FakeBetfair
) -> None:
    lost_at = 0

    def condition() -> bool:
        nonlocal lost_at
        if not lost_at and polls(betfair) >= 8:
            tell(workshop, "alter table live.sessions rename to lost")
            lost_at = polls(betfair)
        # There are ticks that cannot be stored by then.
        return bool(lost_at) and polls(betfair) >= lost_at + 4

    first = run(workshop, condition)
    assert (first.ended, first.is_stored) == ("stopped", False)
    tell(workshop, "alter table live.lost rename to sessions")
    second = run(workshop, lambda: polls(betfair) >= 20)
    rows = ask(workshop, "select ended, polls, ticks_recovered from live.sessions order by started_at")
    assert rows == [("stopped", first.figures.polls, second.recovered), ("stopped", second.figures.polls, 0)]
    assert set(stored(workshop)) == recorded(workshop.settings.home)
    assert list(Recordings(workshop.settings.home, SOURCE).folder.glob("*.end.json")) == []


def test_a_line_of_a_recording_that_is_none_keeps_nobody_from_polling(workshop: Workshop, betfair: FakeBetfair) -> None:
    run(workshop, lambda: polls(betfair) >= 3)
    (file,) = files_of(workshop)
    first, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first[:40] + first + b"".join(rest))
    assert b"marketDefinition" in first
    session = run(workshop, lambda: polls(betfair) >= 12)
    assert session.figures.polls > 0


def test_an_archive_that_is_cut_is_told_keeps_nobody_from_polling_and_the_recording_stays(
    workshop: Workshop, betfair: FakeBetfair, caplog: pytest.LogCaptureFixture
) -> None:
    run(workshop, lambda: polls(betfair) >= 3)
    (landed,) = land_recorded(workshop)
    path = workshop.archive.path(SOURCE, landed.sha256)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    before = polls(betfair)
    assert run(workshop, lambda: polls(betfair) >= before + 4).is_stored
    (refused,) = land_recorded(workshop)
    assert (refused.state, refused.is_bad) == ("failed", True)
    assert not live_console.run(workshop.settings, timedelta(seconds=1), land=True)
    assert str(path) in refused.detail
    assert "bring the archive back" in caplog.text
    path.write_bytes(whole)
    (again,) = land_recorded(workshop)
    assert (again.state, again.version) == ("landed", 2)
    assert set(stored(workshop)) == recorded(workshop.settings.home)


def test_a_file_that_a_killed_landing_left_in_the_archive_is_landed_as_well(
    workshop: Workshop, betfair: FakeBetfair, tmp_path: Path
) -> None:
    run(workshop, lambda: polls(betfair) >= 3)
    older = tmp_path / "2024-06-27.jsonl"
    older.write_bytes(files_of(workshop)[0].read_bytes())
    workshop.archive.take(older, SOURCE, older.name)
    assert [each.state for each in land_recorded(workshop)] == ["landed", "landed"]
    assert Recordings(workshop.settings.home, SOURCE).days() == []
