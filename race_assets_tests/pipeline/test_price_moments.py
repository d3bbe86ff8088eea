"""The moment of a price in core: never when its file was landed or its market settled, nor before the race was off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.pipeline.feed import BSP, CSV_HEADER, DAY2, ask, bsp_name, bsp_row, build_stale, csv_race, drop
from race_assets_tests.sources.test_betfair_historic import LATER, OFF, TRADE, life


def moments(workshop: Workshop) -> dict[tuple[str, str], set[datetime | None]]:
    """By source and kind of price, the moments of its rows."""
    found: dict[tuple[str, str], set[datetime | None]] = {}
    for source, kind, at in ask(workshop, "select source, price_kind, observed_at from core.prices"):
        found.setdefault((source, kind), set()).add(at)
    return found


def test_prices_of_files_are_of_the_off_or_of_no_moment(workshop: Workshop) -> None:
    drop(workshop, "a.csv", csv_race(DAY2))
    drop(workshop, bsp_name(DAY2), bsp_row(DAY2, "1. Alpha", selection=1).replace("4.4,,", "4.4,4.2,"), BSP)
    build_stale(workshop)
    off = datetime(2024, 6, 27, 17, 36, tzinfo=UTC)
    assert moments(workshop) == {
        ("betfair_csv", "PRICE"): {None},
        ("betfair_bsp", "BSP"): {off},
        ("betfair_bsp", "PRE_OFF_WAP"): {off},
        ("betfair_bsp", "MORNING_WAP"): {None},
    }


def test_each_price_of_a_stream_has_its_own_moment(workshop: Workshop) -> None:
    path = workshop.settings.home / "1.23"
    drop(workshop, "other.csv", csv_race(DAY2, track="Hove"))
    path.write_bytes(life((300, TRADE), (90, LATER)))
    list(land.land(workshop, "betfair_historic", [(path, path.name)]))
    build_stale(workshop)
    off = OFF + timedelta(seconds=20)
    found = moments(workshop)
    del found["betfair_csv", "PRICE"]
    assert found == {
        ("betfair_historic", "BSP"): {off},
        ("betfair_historic", "LAST_TRADED"): {OFF - timedelta(seconds=90)},
        ("betfair_historic", "PRE_OFF_WAP"): {off},
        ("betfair_historic", "PRE_OFF_MAX"): {off},
        ("betfair_historic", "PRE_OFF_MIN"): {off},
    }


def test_a_starting_price_is_not_before_the_off_that_stands_for_the_race(
    make_settings: Callable[..., Settings],
) -> None:
    """The CSV source, whose off stands for the race, has it three minutes later."""
    workshop = Workshop(make_settings(precedence={"start": ["betfair_csv", "betfair_bsp"]}))
    path = workshop.settings.home / "late.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CSV_HEADER + csv_race(DAY2).replace("17:36", "17:39"))
    list(land.land(workshop, "betfair_csv", [(path, path.name)]))
    rows = "".join(bsp_row(DAY2, f"{n}. {dog}", selection=n) for n, dog in enumerate(("Alpha", "Beta", "Gamma"), 1))
    drop(workshop, bsp_name(DAY2), rows, BSP)
    build_stale(workshop)
    assert ask(workshop, "select start_at from core.races") == [(datetime(2024, 6, 27, 17, 39, tzinfo=UTC),)]
    assert moments(workshop)["betfair_bsp", "BSP"] == {datetime(2024, 6, 27, 17, 39, tzinfo=UTC)}
