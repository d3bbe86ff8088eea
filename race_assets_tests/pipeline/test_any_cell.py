"""Whatever stands in a cell of a file: its neighbours are published, and each record is accounted for."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.pipeline.feed import BSP, BSP_HEADER, CSV, CSV_HEADER, ask, build_days, wipe

FEED = "mixed"
FEED_SETTINGS = {
    "columns": {
        "track_name": "track", "start_at": "{day} {off}", "race_date": "day", "race_number": "race", "trap": "trap",
        "selection_name": "dog", "selection_id": "dog_id", "price": "price", "volume": "matched", "result": "result",
        "distance_m": "metres", "event_name": "card", "sp_fraction": "sp", "is_dead_heat": "shared",
    },
    "currency": "GBP",
    "timezone": "track",
}  # fmt: skip
CELLS = {
    CSV: ("3001", "Hove card", "Hove", "2024-06-27T19:36:00+01:00", "9", "1. Odd", "3.5", "20.5"),
    BSP: (
        "230100900", "Hove 27th Jun", "A5 500m", "27-06-2024 19:36", "9", "1. Odd", "0", "4.5", "4.4", "3.9", "5", "4",
        "1", "1001", "10.5", "100.00", "0",
    ),
    FEED: ("Hove", "27/06/2024", "19:36", "3", "1", "Odd", "9", "3.5", "20.5", "LOSER", "500", "BAGS", "5/2F", "no"),
}  # fmt: skip
HEADERS = {
    CSV: CSV_HEADER.strip(),
    BSP: BSP_HEADER.strip(),
    FEED: "track,day,off,race,trap,dog,dog_id,price,matched,result,metres,card,sp,shared",
}
PLACES = {CSV: (0, 2, 4, 5), BSP: (0, 1, 4, 5), FEED: (None, 0, 6, 5)}
"""Where the market, the track, the dog's id and its name stand."""

LONG = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz ", k=9000)).encode()  # noqa: S311
"""A text that does not get short when it is compressed, and so fits no index."""
ODD = [
    b"\0", b"\xef\xbb\xbf", b"Od\xef\xbb\xbfd", b"\xed\xa0\x80", b"\xff\xfe", "a\u2028b\u2029c\x85d".encode(),
    b"x" * 100_000, LONG, b"7. " + LONG, b"*" * 3000, "ß".encode() * 2000, "e\u0301".encode(), "\u202e\u200b".encode(),
    b'"' * 3, b'"', b'a"b"c', b'"a"b"', b"a\rb", b"\r", b"a\nb", b'"a\nb"', b"1,2", b"\x1b[31m", b"\x7f",
    b"NaN", b"inf", b"-Infinity", b"1e400", b"1e-400", b"-0", b"9" * 400, b"0x1F", "١٢".encode(), "½".encode(), b"1/0",
    b"0/0", b"99999999999/3", b"-1", b"32768", b"1.50.", b"7-4", b"6.67E+07", "\U0010ffff".encode(),
    b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00+14:00", b"31/12/9999", b"01/01/0001", b"31-12-9999 23:59", b"24:00",
    b"=1+1", b"\\N", b"''", b"(res)", b" ", b"1. ", b"9999. X", b"99999. X", b"{}", b"%s",
]  # fmt: skip
cells = st.one_of(
    st.sampled_from(ODD),
    st.binary(max_size=30),
    st.text(st.characters(exclude_categories=()), max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
Change = tuple[int, bytes]
changes = st.lists(st.tuples(st.integers(0, 16), cells), min_size=1, max_size=30)


def line(source: str, number: int, *, track: str = "Hove", dog: str = "", change: Change | None = None) -> bytes:
    """A good row of a runner of its own, but for one cell."""
    made = [cell.encode() for cell in CELLS[source]]
    market, track_at, dog_id, name = PLACES[source]
    if market is not None:
        made[market] = f"{230_000_000 + (900 if track == 'Hove' else 100)}".encode()
    if source == BSP:
        made[track_at] = f"{track} 27th Jun".encode()
    else:
        made[track_at] = track.encode()
    made[dog_id] = str(number).encode()
    written = dog or f"Odd {number}"
    made[name] = (written if source == FEED else f"{number % 6 + 1}. {written}").encode()
    if source == FEED:
        made[4] = str(number % 6 + 1).encode()
    if change is not None:
        made[change[0] % len(made)] = change[1]
    return b",".join(made)


def file(source: str, odd: Sequence[Change], ending: bytes) -> bytes:
    """Odd rows of a race at Hove, between and beside the three good ones of a race at Romford."""
    good = [line(source, number, track="Romford", dog=dog) for number, dog in enumerate(("Alpha", "Beta", "Gamma"))]
    rows = [line(source, 100 + number, change=change) for number, change in enumerate(odd)]
    middle = len(rows) // 2
    return ending.join([HEADERS[source].encode(), good[0], *rows[:middle], good[1], *rows[middle:], good[2], b""])


def assert_neighbours_are_published(workshop: Workshop, source: str, data: bytes) -> None:
    """Land and build the file: it is landed, no day fails, Romford's dogs are in core, each record is in one place."""
    path = workshop.settings.home / "odd.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    [landed] = land.land(workshop, source, [(path, path.name)])
    assert landed.state == "landed", landed.detail
    built = build_days(workshop, [day for day, _ in workshop.ledger.stale_days()])
    assert built.failed == {}
    assert workshop.ledger.stale_days() == []
    dogs = ask(
        workshop,
        "select dog_name from core.selections join core.races using (race_date, race_id)"
        " where track_id = 'gb-romford' order by 1",
    )
    assert dogs == [("Alpha",), ("Beta",), ("Gamma",)]
    [(records,)] = ask(workshop, "select records from ops.source_files")
    [(into, accepted, quarantined, filtered)] = ask(
        workshop,
        """select sum(records_in), sum(accepted), sum(quarantined),
                  sum((select coalesce(sum(value::bigint), 0) from jsonb_each_text(filtered))
                      + (select coalesce(sum(value::bigint), 0) from jsonb_each_text(duplicates)))
           from ops.ingestion_runs where records_in > 0""",
    )
    assert records == landed.rows_read == into == accepted + quarantined + filtered
    assert ask(workshop, "select count(*) from quarantine.rejects where state = 'open'") == [(quarantined,)]


@pytest.fixture
def opened(make_settings: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Workshop]:
    """Open a home and a warehouse in which nothing has happened yet."""

    def fresh() -> Workshop:
        home = tmp_path_factory.mktemp("home")
        workshop = Workshop(make_settings(home=home, sources={"csv_feeds": {FEED: FEED_SETTINGS}}))
        wipe(workshop)
        return workshop

    return fresh


@pytest.mark.parametrize("source", [CSV, BSP, FEED])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_every_odd_text_in_every_column_costs_no_neighbour_anything(
    opened: Callable[[], Workshop], source: str, ending: bytes
) -> None:
    odd = [(column, text) for column in range(len(CELLS[source])) for text in ODD]
    assert_neighbours_are_published(opened(), source, file(source, odd, ending))


@pytest.mark.parametrize("source", [CSV, BSP, FEED])
@settings(max_examples=8)
@given(odd=changes, ending=st.sampled_from([b"\n", b"\r\n"]))
def test_any_text_in_any_cell_costs_no_neighbour_anything(
    opened: Callable[[], Workshop], source: str, odd: list[Change], ending: bytes
) -> None:
    assert_neighbours_are_published(opened(), source, file(source, odd, ending))
