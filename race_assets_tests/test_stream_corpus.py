"""The made-up archive of the benchmarks is what it says: whole markets, each settled, whose figures hang together."""

import bz2
import dataclasses
from pathlib import Path

from benchmarks.stream_corpus import MARKETS_A_MEETING, shifted, tickets, write_market
from benchmarks.stream_market import Ticket, market_lines
from race_assets_tests.stream_replay import Market, read

MESSAGES = 600
DAY_MS = 86_400_000


def made(ticket: Ticket) -> Market:
    """The market as the naive replay has it."""
    return read(market_lines(ticket).splitlines())[ticket.market_id]


def short(*, reserve: bool) -> Ticket:
    """The first ticket that has (or has not) a reserve, with fewer messages."""
    ticket = next(ticket for ticket in tickets(240, seed=1) if bool(ticket.race.reserve) == reserve)
    return dataclasses.replace(ticket, messages=MESSAGES)


def test_the_same_ticket_gives_the_same_bytes() -> None:
    assert market_lines(short(reserve=False)) == market_lines(short(reserve=False))


def test_win_and_place_come_in_pairs() -> None:
    win, place = tickets(MARKETS_A_MEETING, seed=1)[:2]
    assert (win.kind, place.kind, win.race) == ("WIN", "PLACE", place.race)


def test_a_market_is_settled_and_its_prices_survive_the_wipe() -> None:
    found = made(short(reserve=False))
    runners = found.runners.values()
    assert sorted(runner.status for runner in runners) == ["LOSER"] * 5 + ["WINNER"]
    assert 0 <= found.actual_off - found.scheduled_off < 60_000
    for runner in runners:
        assert runner.last_traded in runner.traded
        assert 0.8 < runner.bsp / runner.last_traded < 1.25
    for point in found.grid([60]).values():
        assert point.back < point.lay


def test_a_reserve_takes_the_place_of_a_withdrawn_dog() -> None:
    ticket = short(reserve=True)
    runners = made(ticket).runners
    trap, selection, name = ticket.race.reserve
    withdrawn = runners[ticket.race.dogs[trap - 1][0], 0.0]
    assert (withdrawn.status, withdrawn.volume, withdrawn.last_traded, withdrawn.bsp) == ("REMOVED", 0, None, None)
    assert runners[selection, 0.0].definition["name"] == name
    assert runners[selection, 0.0].volume > 0


def test_a_later_day_differs_in_ids_and_times_only() -> None:
    ticket = short(reserve=False)
    lines, market_id, event_id = shifted(market_lines(ticket), ticket, 2)
    first, later = made(ticket), read(lines.splitlines())[market_id]
    assert later.scheduled_off == first.scheduled_off + 2 * DAY_MS
    assert later.actual_off == first.actual_off + 2 * DAY_MS
    assert later.definition["eventId"] == str(event_id) != first.definition["eventId"]
    assert [runner.traded for runner in later.runners.values()] == [runner.traded for runner in first.runners.values()]


def test_files_lie_where_betfair_puts_them(tmp_path: Path) -> None:
    ticket = short(reserve=False)
    written = write_market(tmp_path, 5, ticket)
    days = sorted(str(path.parent.parent.relative_to(tmp_path)) for path in tmp_path.rglob("*.bz2"))
    assert days == ["PRO/2024/Jul/1", "PRO/2024/Jun/27", "PRO/2024/Jun/28", "PRO/2024/Jun/29", "PRO/2024/Jun/30"]
    first = tmp_path / "PRO/2024/Jun/27" / str(ticket.race.event_id) / f"{ticket.market_id}.bz2"
    assert bz2.decompress(first.read_bytes()) == market_lines(ticket)
    assert written.messages == 5 * market_lines(ticket).count(b"\n")
