"""Fetching from the fake Betfair into the archive and on into Postgres, whatever goes wrong on the way."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from race_assets.errors import LoginRefusedError, SettingsError
from race_assets.pipeline import fetch, land
from race_assets.pipeline.fetch import PATIENCE, REST, Fetched
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.fake_betfair import FakeBetfair, faults, fixtures
from race_assets_tests.fake_betfair.fixtures import Shelf
from race_assets_tests.fake_betfair.streams import BASIC, PRO, MarketFile
from race_assets_tests.fetching import BSP, HISTORIC, Clockwork, meant, pointed_at, published
from race_assets_tests.pipeline.feed import ask, build_stale

FIRST = date(2024, 5, 1)
DAYS = 2
MAY = [FIRST + timedelta(days=number) for number in range(31)]
ASKED = {"GetMyData", "DownloadListOfFiles", "DownloadFile"}
Make = Callable[..., Settings]


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    """Days of May, and what is to be left out: another plan, files per event."""
    return fixtures.month(FIRST, days=DAYS, plans=(BASIC, PRO), events=True)


@pytest.fixture
def betfair(shelf: Shelf) -> Iterator[FakeBetfair]:
    with FakeBetfair(shelf) as fake:
        yield fake


@pytest.fixture
def clockwork(betfair: FakeBetfair) -> Clockwork:
    """The clock of our side and of the fake's limit."""
    made = Clockwork()
    betfair.historic.arrivals.clock = made.look
    return made


@pytest.fixture
def workshop(make_settings: Make, betfair: FakeBetfair) -> Workshop:
    return Workshop(make_settings(**pointed_at(betfair)))


@pytest.fixture
def run(workshop: Workshop, clockwork: Clockwork) -> Callable[..., Fetched]:
    def run(source: str = HISTORIC, days: list[date] = MAY, run_id: str = "") -> Fetched:
        return fetch.fetch(workshop, source, days, run_id, timing=clockwork.timing)

    return run


def wanted_of(betfair: FakeBetfair) -> list[MarketFile]:
    return [each for each in betfair.files.values() if (each.kind, each.plan) == ("M", BASIC)]


def once_each(betfair: FakeBetfair) -> Counter[str]:
    return Counter(each.path for each in wanted_of(betfair))


def on_the_way(workshop: Workshop) -> list[Path]:
    return [path for path in (workshop.settings.home / "fetching").rglob("*") if path.is_file()]


# Historic data


def test_a_month_is_fetched_once_and_is_in_postgres_what_the_fake_means(
    run: Callable[..., Fetched], workshop: Workshop, betfair: FakeBetfair
) -> None:
    done = run(run_id="this-run")

    assert not done.problems
    assert betfair.downloads == once_each(betfair)
    assert betfair.identity.logins == 1
    assert on_the_way(workshop) == []
    build_stale(workshop)
    assert published(workshop) == meant(wanted_of(betfair))

    files = len(wanted_of(betfair))
    traffic = ask(workshop, "select * from (select race_date, records_in, api_requests, api_retries, bytes_in, notes"
                  " from ops.ingestion_runs where run_id = 'this-run' and source = %s) as row", HISTORIC)  # fmt: skip
    sent = [each for each in betfair.requests if each.route in ASKED]
    assert traffic == [(None, 0, len(sent), 0, sum(each.size for each in sent), {"files_fetched": files, "gaps": 1})]
    assert len(sent) == files + 2

    again = run(run_id="this-run")
    assert (again.landed, again.known, betfair.downloads) == ([], files, once_each(betfair))
    ((requests,),) = ask(workshop, "select api_requests from ops.ingestion_runs where run_id = 'this-run'")
    assert requests == files + 4


def test_with_everything_going_wrong_the_tables_are_the_same_and_each_file_is_served_once(
    run: Callable[..., Fetched], workshop: Workshop, betfair: FakeBetfair
) -> None:
    # Of a request's six tries: two are left for those that are sent down a connection that a fault has closed.
    betfair.faults.mercy = 3
    betfair.fault("*", faults.sometimes(0.1, seed=5))
    betfair.fault("GetMyData", faults.too_many(1, retry_after=faults.AS_DATE, seconds=2))
    betfair.fault("DownloadListOfFiles", faults.duplicate(1))
    betfair.fault("DownloadFile", faults.too_many(2, retry_after=faults.IN_SECONDS, after=2))
    betfair.fault("DownloadFile", faults.reset(2, after=6))
    # Far apart: a file that gets two pages is believed not to be bought.
    betfair.fault("DownloadFile", faults.expire(after=4))
    betfair.fault("DownloadFile", faults.page(1, after=20))
    for number, at_byte in enumerate((0, 1, 3, 200)):
        betfair.fault("DownloadFile", faults.cut(at_byte, 1, after=3 * number))
        betfair.fault("DownloadFile", faults.truncate(at_byte, 1, after=3 * number + 1))

    done = run()

    assert not done.problems
    assert betfair.downloads == once_each(betfair)
    assert on_the_way(workshop) == []
    build_stale(workshop)
    assert published(workshop) == meant(wanted_of(betfair))
    shown = {fault for each in betfair.requests for fault in each.faults}
    assert shown == {"sometimes", "too_many", "duplicate", "reset", "page", "expire", "cut", "truncate"}
    sent = [each for each in betfair.requests if each.route in ASKED]
    # Where a server hangs up without a word, the next request may be sent down a dead connection: it never arrives.
    hung_up = [each for each in sent if {"reset", "truncate"} & set(each.faults)]
    assert len(sent) <= done.traffic.requests <= len(sent) + len(hung_up)
    assert betfair.identity.logins == 2


def test_months_not_bought_are_told_from_months_without_racing(make_settings: Make, shelf: Shelf) -> None:
    days = [date(2024, 5, 20), date(2024, 6, 10), date(2024, 7, 15), date(2024, 7, 30)]
    with FakeBetfair(shelf, owned={(BASIC, 2024, 5), (PRO, 2024, 6)}) as betfair:
        workshop = Workshop(make_settings(**pointed_at(betfair)))
        done = fetch.fetch(workshop, HISTORIC, days, timing=Clockwork(date(2024, 7, 20)).timing)
        asked = betfair.requests_to("DownloadListOfFiles")
    may, june, july = done.gaps
    assert (may.is_failure, june.is_failure, july.is_failure) == (False, True, False)
    assert "is bought, and has no files of WIN, PLACE in GB, IE, AU, NZ" in may.reason
    for told in (
        "2024-06-09 to 2024-06-10",
        "BASIC plan of June 2024 is not bought",
        "https://historicdata.betfair.com",
    ):
        assert told in june.reason
    assert "BASIC plan of July 2024 is not bought; it may not be on sale yet" in july.reason
    assert [(each.params["fromDay"], each.params["toDay"], each.params["toMonth"]) for each in asked] == [(19, 20, 5)]
    assert done.problems == [june.reason]


def test_a_login_that_is_refused_ends_it_at_once_and_is_not_tried_again(
    run: Callable[..., Fetched], betfair: FakeBetfair
) -> None:
    betfair.identity.password = "changed"  # noqa: S105 - of a fake
    for _ in range(2):
        with pytest.raises(LoginRefusedError, match=r"INVALID_USERNAME_OR_PASSWORD: .*betfair\.password"):
            run()
    assert [each.route for each in betfair.requests] == ["login"]


def test_files_that_fail_take_no_others_along_and_are_asked_for_again(
    run: Callable[..., Fetched], betfair: FakeBetfair
) -> None:
    first = min(wanted_of(betfair), key=lambda each: each.path)
    body = betfair.files.pop(first.path)
    betfair.files[first.path] = replace(body, body=b"PK\x03\x04 this is another kind of file")
    done = run()
    ((name, reason),) = done.failed.items()
    assert first.path.endswith(name)
    assert "is no bzip2 file" in reason
    assert len(done.landed) == len(wanted_of(betfair)) - 1
    betfair.files[first.path] = body
    again = run()
    assert [(each.path, each.state) for each in again.landed] == [(name, "landed")]


def test_when_nothing_comes_the_rest_is_left_to_another_time(run: Callable[..., Fetched], betfair: FakeBetfair) -> None:
    betfair.fault("DownloadFile", faults.status(403))
    done = run()
    assert done.landed == []
    assert done.failed.pop(REST) == f"{PATIENCE} files in a row failed; left to the next fetch"
    assert len(done.failed) == PATIENCE
    assert all("whether the API allows this country" in reason for reason in done.failed.values())


def test_whole_files_that_a_killed_process_left_are_landed_and_half_ones_begun_anew(
    run: Callable[..., Fetched], workshop: Workshop, betfair: FakeBetfair
) -> None:
    whole, half, *_ = wanted_of(betfair)
    folder = workshop.settings.home / "fetching" / HISTORIC
    for file, prefix, suffix, size in ((whole, "", "", None), (half, ".", ".download", 99)):
        path = folder / file.path.removeprefix("/xds_nfs/edp_processed/")
        path = path.with_name(f"{prefix}{path.name}{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.body[:size])
    assert not run().problems
    assert betfair.downloads == once_each(betfair) - Counter([whole.path])
    assert on_the_way(workshop) == []
    assert {each.state for each in workshop.ledger.files(HISTORIC)} == {"landed"}


def test_the_outlook_says_what_and_how_much_and_fetches_nothing(
    run: Callable[..., Fetched], workshop: Workshop, betfair: FakeBetfair, clockwork: Clockwork
) -> None:
    run(days=MAY[:1])
    before = Counter(betfair.downloads)
    outlook = fetch.outlook(workshop, HISTORIC, MAY, timing=clockwork.timing)
    assert outlook.known == len(before)
    assert len(outlook.remotes) == len(wanted_of(betfair)) - len(before)
    assert (outlook.extent.files, outlook.extent.megabytes) == (len(wanted_of(betfair)), 1)
    assert {"WIN", "PLACE", "GB"} <= outlook.extent.kinds.keys()
    assert betfair.downloads == before


def test_a_source_without_an_api_is_refused(workshop: Workshop) -> None:
    with pytest.raises(SettingsError, match=r"betfair_csv has no API.*betfair_bsp, betfair_historic"):
        fetch.fetch(workshop, "betfair_csv", MAY)


# Starting prices


def test_a_race_day_is_in_the_files_of_its_name_and_of_the_next_without_an_account(
    run: Callable[..., Fetched], workshop: Workshop, betfair: FakeBetfair
) -> None:
    done = run(BSP, [FIRST])
    asked = [each.path.rpartition("/")[2] for each in betfair.requests]
    names = [f"dwbfgreyhound{kind}{day}052024.csv" for day in ("01", "02") for kind in ("win", "place")]
    assert asked == names
    assert [each.path for each in done.landed] == names[2:]
    assert [gap.reason for gap in done.gaps] == [f"{name}: the site has no such file (404)" for name in names[:2]]
    assert not done.problems
    # The bucket starts empty: a second before each request.
    assert done.traffic.waited_s >= len(names)
    build_stale(workshop)
    rows = {(row.kind.upper(), row.name, row.start) for name in names[2:] for row in betfair.bsp_files[name].rows}
    assert {(market, name, start) for market, _, start, _, name, *_ in published(workshop)} == rows


def test_only_in_the_trailing_window_files_are_asked_for_again_and_a_new_issue_is_a_new_version(
    make_settings: Make, betfair: FakeBetfair
) -> None:
    workshop = Workshop(make_settings(**pointed_at(betfair)))

    def on(today: date) -> Fetched:
        return fetch.fetch(workshop, BSP, MAY[:2], timing=Clockwork(today).timing)

    first = on(date(2024, 5, 3))
    assert [gap.reason.partition(":")[2] for gap in first.gaps] == [" not published yet"] * 2
    same = on(date(2024, 5, 4))
    assert [each.state for each in same.landed] == ["known"] * 4
    name = "dwbfgreyhoundwin03052024.csv"
    issued = betfair.bsp_files[name]
    betfair.bsp_files[name] = replace(issued, body=issued.body.replace(b",1,1,", b",2,2,"))
    (anew,) = [each for each in on(date(2024, 5, 10)).landed if each.state != "known"]
    assert (anew.path, anew.version) == (name, 2)

    land.withdraw(workshop, anew.sha256)
    kept = on(date(2024, 5, 10))
    assert f"{name}: these bytes were withdrawn by hand, and stay so" in [gap.reason for gap in kept.gaps]
    assert workshop.ledger.matching(anew.sha256)[0].withdrawn_at is not None

    count = len(betfair.requests)
    late = on(date(2024, 5, 20))
    assert (late.landed, late.known) == ([], 4)
    assert len(betfair.requests) - count == len(late.gaps) == 2


def test_a_page_or_half_a_file_in_place_of_prices_is_refused_and_its_neighbours_come(
    run: Callable[..., Fetched], workshop: Workshop, betfair: FakeBetfair
) -> None:
    betfair.fault("bsp-file", faults.page(1, after=2))
    betfair.fault("bsp-file", faults.cut(900, 1))
    done = run(BSP, MAY[:2])
    ((name, reason),) = done.failed.items()
    assert name == "dwbfgreyhoundwin02052024.csv"
    assert "a web page in place of data" in reason
    assert len(done.landed) == 3
    assert done.traffic.retries == 1
    assert on_the_way(workshop) == []
    assert run(BSP, MAY[:2]).failed == {}
    bodies = {file.sha256: workshop.archive.path(BSP, file.sha256).read_bytes() for file in workshop.ledger.files(BSP)}
    assert {*bodies.values()} == {betfair.bsp_files[name].body for name in betfair.bsp_files if name[-12:-8] != "0405"}
