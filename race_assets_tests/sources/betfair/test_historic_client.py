"""The historic data client on the wire: its five operations, whole files only, its limit, what becomes of pages."""

import bz2
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from race_assets.errors import ApiRefusedError, ApiUnavailableError, PermanentError
from race_assets.http.bucket import within
from race_assets.settings import Settings
from race_assets.settings.fetching import HistoricRate
from race_assets.sources.base import Gap, Remote
from race_assets.sources.betfair import bsp_fetch, historic_client
from race_assets.sources.betfair.historic_client import Filter, HistoricClient
from race_assets.sources.betfair.historic_fetch import _remote
from race_assets.sources.betfair.identity import Identity
from race_assets_tests.fake_betfair import FakeBetfair, faults
from race_assets_tests.fake_betfair.streams import BASIC, MarketFile
from race_assets_tests.fetching import HISTORIC, Clockwork, pointed_at

JUNE = Filter("BASIC", date(2024, 6, 1), date(2024, 6, 30))


@pytest.fixture
def betfair() -> Iterator[FakeBetfair]:
    with FakeBetfair() as fake:
        yield fake


@pytest.fixture
def clockwork(betfair: FakeBetfair) -> Clockwork:
    made = Clockwork()
    betfair.historic.arrivals.clock = made.look
    return made


@pytest.fixture
def client(betfair: FakeBetfair, clockwork: Clockwork, tmp_path: Path) -> Iterator[HistoricClient]:
    settings = Settings.model_validate({"home": tmp_path, **pointed_at(betfair)})
    identity = Identity(settings.betfair, tmp_path, timing=clockwork.timing)
    source = settings.sources.betfair_historic
    made = HistoricClient(source.fetch.url, source.rate_limit, identity, clockwork.timing)
    yield made
    made.close()
    identity.close()


def of_june(betfair: FakeBetfair) -> list[MarketFile]:
    return [each for each in betfair.files.values() if (each.plan, each.kind, each.day.month) == (BASIC, "M", 6)]


def test_what_is_bought_is_told_by_plan_and_month(client: HistoricClient) -> None:
    assert {("BASIC", 2024, 1), ("PRO", 2024, 6), ("ADVANCED", 2024, 6)} <= client.my_data()


def test_options_size_and_list_are_of_the_files_the_filter_means(client: HistoricClient, betfair: FakeBetfair) -> None:
    files = of_june(betfair)
    assert client.list_of_files(JUNE) == [each.path for each in files]
    assert client.basket_size(JUNE).files == len(files)
    assert client.basket_size(JUNE).megabytes == 1
    options = client.collection_options(JUNE)
    assert sum(options.countries.values()) == sum(options.market_types.values()) == len(files)
    assert {"WIN", "PLACE", "FORECAST", "TRAP_CHALLENGE", "EXACTA"} == options.market_types.keys()
    places = Filter("BASIC", date(2024, 6, 27), date(2024, 6, 27), ["PLACE"], ["AU"])
    expected = [each.path for each in files if each.market_types == ("PLACE",) and each.country == "AU"]
    assert client.list_of_files(places) == expected


def test_a_query_is_of_one_month_at_most() -> None:
    with pytest.raises(ValueError, match="2024-06-30 to 2024-07-01 are not days of one month"):
        Filter("BASIC", date(2024, 6, 30), date(2024, 7, 1))


@pytest.mark.parametrize("ranges", [False, True])
@pytest.mark.parametrize("fault", [faults.cut, faults.truncate])
def test_a_download_cut_at_any_byte_ends_whole(
    fault: object, ranges: bool, client: HistoricClient, betfair: FakeBetfair, tmp_path: Path
) -> None:
    file = min(of_june(betfair), key=lambda each: len(each.body))
    betfair.historic.ranges = ranges
    step = max(1, len(file.body) // 16)
    for at_byte in range(0, len(file.body), step):
        betfair.fault("DownloadFile", fault(at_byte, 1))  # type: ignore[operator]
        done = client.download(file.path, tmp_path / "file.bz2")
        assert done.path.read_bytes() == file.body
        assert [path.name for path in tmp_path.iterdir() if path.is_file() and "session" not in path.name] == [
            "file.bz2"
        ]


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (faults.page(), ApiRefusedError, "a web page in place of data.*bought"),
        (faults.cut(200), ApiUnavailableError, "cannot be unpacked.*tried 6 times"),
        (faults.status(403), ApiRefusedError, "403.*country"),
    ],
    ids=["page", "cut", "forbidden"],
)
def test_a_file_that_never_comes_leaves_nothing(
    fault: faults.Fault,
    error: type[Exception],
    message: str,
    client: HistoricClient,
    betfair: FakeBetfair,
    tmp_path: Path,
) -> None:
    betfair.fault("DownloadFile", fault)
    with pytest.raises(error, match=message):
        client.download(of_june(betfair)[0].path, tmp_path / "files" / "file.bz2")
    assert list((tmp_path / "files").iterdir()) == []
    assert betfair.identity.logins == 1


def test_a_session_that_has_ended_is_begun_anew_and_a_page_once_is_passing(
    client: HistoricClient, betfair: FakeBetfair
) -> None:
    betfair.fault("DownloadListOfFiles", faults.expire())
    betfair.fault("GetAdvBasketDataSize", faults.page(1))
    assert client.list_of_files(JUNE)
    assert client.basket_size(JUNE).files
    assert betfair.identity.logins == 2


def test_the_limit_is_kept_and_used(client: HistoricClient, clockwork: Clockwork) -> None:
    """By the arrivals at the fake, over half a minute of its clock."""
    for _ in range(260):
        client.my_data()
    moments = clockwork.moments
    most = max(sum(first <= each < first + 10 for each in moments) for first in moments)
    assert 81 <= most <= 90
    assert (len(moments) - 1) / (moments[-1] - moments[0]) * 10 >= 0.9 * 90


def test_the_default_rate_is_that_of_ninety_requests_in_ten_seconds() -> None:
    most = within(90, 10)
    assert most.burst_size == HistoricRate().burst_size
    assert most.requests_per_second - 0.02 < HistoricRate().requests_per_second <= most.requests_per_second


def test_nothing_is_fetched_unless_asked_for_and_no_token_goes_in_clear() -> None:
    sources = Settings().sources
    assert not sources.betfair_historic.fetch.enabled
    assert not sources.betfair_bsp.fetch.enabled
    slower = Settings.model_validate({"sources": {HISTORIC: {"rate_limit": {"requests_per_second": 2}}}})
    assert slower.sources.betfair_historic.rate_limit.burst_size == 3
    with pytest.raises(ValueError, match="must be an https URL: the session's token is sent there"):
        Settings.model_validate({"sources": {HISTORIC: {"fetch": {"url": "http://historicdata.betfair.com/api"}}}})


def test_only_whole_bzip2_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "file.bz2"
    path.write_bytes(bz2.compress(b"one") + bz2.compress(b"two"))
    historic_client.verify(path)
    path.write_bytes(b"<html>")
    with pytest.raises(PermanentError, match="no bzip2 file"):
        historic_client.verify(path)


def test_starting_prices_have_their_header_in_any_era(betfair: FakeBetfair, tmp_path: Path) -> None:
    assert {file.look for file in betfair.bsp_files.values()} >= {"upper", "bom_crlf", "bad_row"}
    path = tmp_path / "prices.csv"
    for file in betfair.bsp_files.values():
        path.write_bytes(file.body)
        bsp_fetch.verify(path)
    path.write_bytes(b"Sorry,\nwe are busy\n")
    with pytest.raises(PermanentError, match="header of starting prices"):
        bsp_fetch.verify(path)


@pytest.mark.parametrize("root", ["/xds_nfs/hdfs_supreme/", "/xds_nfs/edp_processed/", "/data/xds/historic/", ""])
def test_a_file_keeps_its_name_whatever_the_root_of_its_path(root: str) -> None:
    name = "BASIC/2017/Jan/1/28061114/1.128919106.bz2"
    assert _remote(root + name) == Remote(name, date(2017, 1, 1), root + name)


@pytest.mark.parametrize(
    "path", ["/a/BASIC/2017/Jan/1/../1.1.bz2", "/BASIC/2017/Jan/32/5/1.1.bz2", "x", "/BASIC/2017/Foo/1/5/1.1.bz2"]
)
def test_a_path_that_is_none_is_told(path: str) -> None:
    found = _remote(path)
    assert isinstance(found, Gap)
    assert found.is_failure
