"""What makes a day out of date: its own files, track names, rules and, with several sources, linking; nothing else."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from race_assets.identity.tracks import own_file
from race_assets.pipeline import land
from race_assets.pipeline.configuration import former_of
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.databases import Databases
from race_assets_tests.pipeline.feed import (
    BSP,
    CSV,
    DAY1,
    DAY2,
    DAY3,
    ask,
    bsp_name,
    bsp_row,
    build_days,
    build_stale,
    csv_race,
    csv_row,
    drop,
    tables,
    tell,
)  # fmt: skip

Make = Callable[..., Settings]
DAY4, DAY5 = date(2024, 6, 29), date(2024, 6, 30)
TESTVILLE = {"id": "gb-testville", "name": "Testville", "country": "GB", "timezone": "Europe/London"}


def bsp_race(day: date, **changes: str) -> str:
    return "".join(
        bsp_row(day, f"{trap}. {dog}", selection=trap, won=int(trap == 1), **changes)
        for trap, dog in enumerate(("Alpha", "Beta", "Gamma"), start=1)
    )


def own_tracks(home: Path, aliases: dict[str, list[str]], *tracks: dict[str, object]) -> None:
    """Write the user's own tracks."""
    home.mkdir(parents=True, exist_ok=True)
    own_file(home).write_text(yaml.safe_dump({"tracks": list(tracks), "aliases": aliases}))


def stale(workshop: Workshop) -> list[date]:
    return [day for day, _ in workshop.ledger.stale_days()]


def versions(workshop: Workshop) -> dict[str, str]:
    """Return which transaction wrote each file's entry: one that was read again differs."""
    return dict(ask(workshop, "select name, xmin::text from ops.source_files"))


def again(workshop: Workshop) -> Workshop:
    """Return the tools anew, as a command has them, with outdated files read again."""
    made = Workshop(workshop.settings)
    assert all(each.state == "landed" for each in land.bring_up_to_date(made))
    assert not land.has_outdated_files(made)
    return made


# Track names


def test_an_alias_touches_the_files_and_days_that_hold_the_name_and_no_others(workshop: Workshop) -> None:
    drop(workshop, "known.csv", csv_race(DAY1) + csv_race(DAY2))
    drop(workshop, "other.csv", csv_race(DAY3, track="Elsewhere Park") + csv_race(DAY3))
    drop(workshop, "unknown.csv", csv_race(DAY1, track="Nowhere Park") + csv_race(DAY2) + csv_race(DAY4))
    build_stale(workshop)
    before = versions(workshop)

    own_tracks(workshop.settings.home, {"gb-monmore": ["Nowhere Park"]})
    workshop = again(workshop)

    after = versions(workshop)
    assert {name for name in after if after[name] != before[name]} == {"unknown.csv"}
    # The row has a day now; DAY2 and DAY4 of the same file do not hold the name.
    assert stale(workshop) == [DAY1]
    assert list(build_stale(workshop).published) == [DAY1]
    assert ask(workshop, "select distinct track_id from core.races where race_date = %s order by 1", DAY1) == [
        ("gb-monmore",), ("gb-romford",),
    ]  # fmt: skip

    own_file(workshop.settings.home).unlink()
    assert stale(again(workshop)) == [DAY1]


def test_a_name_that_states_its_date_is_not_read_again_and_makes_its_day_out_of_date(make_settings: Make) -> None:
    columns = {"track_name": "t", "start_at": "s", "selection_name": "n", "trap": "b"}
    feed = {"country": "GB", "timezone": "Europe/London", "columns": columns}
    workshop = Workshop(make_settings(sources={"csv_feeds": {"club": feed}}))
    path = workshop.settings.home / "club.csv"
    path.parent.mkdir(parents=True)
    path.write_text("t,s,n,b\nNowhere Park,2024-06-27 18:36,Alpha,1\nRomford,2024-06-28 18:36,Beta,1\n")
    list(land.land(workshop, "club", [(path, "club.csv")]))
    build_stale(workshop)
    before = versions(workshop)
    own_tracks(workshop.settings.home, {"gb-monmore": ["Nowhere Park"]})
    workshop = again(workshop)
    assert versions(workshop) == before
    assert stale(workshop) == [DAY2]


def test_another_time_zone_of_a_track_moves_its_rows_to_other_days(workshop: Workshop) -> None:
    own_tracks(workshop.settings.home, {}, TESTVILLE)
    drop(workshop, "a.csv", csv_race(DAY1, track="Testville") + csv_race(DAY4))
    build_stale(workshop)
    own_tracks(workshop.settings.home, {}, {**TESTVILLE, "timezone": "Australia/Sydney"})
    workshop = again(workshop)
    assert stale(workshop) == [DAY1, DAY2]
    build_stale(workshop)
    assert ask(workshop, "select race_date, track_id from core.races order by 1") == [
        (DAY2, "gb-testville"), (DAY4, "gb-romford"),
    ]  # fmt: skip


def test_rows_that_change_places_between_two_days_make_both_out_of_date(workshop: Workshop) -> None:
    """The numbers of records of the days stay the same."""
    other = {**TESTVILLE, "id": "gb-other", "name": "Other"}
    own_tracks(workshop.settings.home, {}, TESTVILLE, {**other, "timezone": "Australia/Sydney"})
    drop(workshop, "a.csv", csv_race(DAY1, track="Testville") + csv_race(DAY1, track="Other", dogs="Delta Eta Zeta"))
    build_stale(workshop)
    own_tracks(workshop.settings.home, {}, {**TESTVILLE, "timezone": "Australia/Sydney"}, other)
    workshop = again(workshop)
    build_stale(workshop)
    assert ask(workshop, "select race_date, track_id from core.races order by 1") == [
        (DAY1, "gb-other"), (DAY2, "gb-testville"),
    ]  # fmt: skip


# Settings


def test_a_setting_touches_the_days_it_can_change(make_settings: Make) -> None:
    workshop = Workshop(make_settings())
    drop(workshop, "one.csv", csv_race(DAY1))
    drop(workshop, "two.csv", csv_race(DAY5))
    drop(workshop, bsp_name(DAY5), bsp_race(DAY5), BSP)
    build_stale(workshop)

    def out_of_date(**changes: object) -> list[date]:
        days = stale(Workshop(make_settings(**changes)))
        assert stale(Workshop(make_settings())) == []
        return days

    assert out_of_date(linking={"min_score": 0.95}) == [DAY5]
    assert out_of_date(precedence={"price": [CSV, BSP]}) == [DAY5]
    # The order of sources that no day has together is no matter.
    assert out_of_date(precedence={"price": ["racing_post_races", "betfair_historic"]}) == []
    assert out_of_date(sources={BSP: {"rules": {"price_range": {"max": 500}}}}) == [DAY5]
    assert out_of_date(rules={"start_window": {"severity": "off", "past_days": 7}}) == []
    assert out_of_date(rules={"winner": {"severity": "reject"}}) == [DAY1, DAY5]
    assert out_of_date(chunk_rows=10, logging={"level": "DEBUG"}) == []


def test_the_comparison_of_clocks_touches_days_beside_those_of_other_sources(make_settings: Make) -> None:
    workshop = Workshop(make_settings())
    drop(workshop, "one.csv", csv_race(DAY1))
    drop(workshop, bsp_name(DAY3), bsp_race(DAY3), BSP)
    drop(workshop, "far.csv", csv_race(date(2024, 7, 10)))
    build_stale(workshop)
    assert stale(Workshop(make_settings(linking={"clock": {"min_races": 5}}))) == [DAY1, DAY3]


# Upgrades


def test_days_of_a_ledger_without_track_names_stay_up_to_date_and_get_their_names(make_settings: Make) -> None:
    workshop = Workshop(make_settings())
    drop(workshop, "a.csv", csv_race(DAY1) + csv_race(DAY2))
    drop(workshop, bsp_name(DAY2), bsp_race(DAY2), BSP)
    drop(workshop, "late.csv", csv_race(DAY3))
    build_stale(workshop)
    names = ask(workshop, "select name, race_date_tracks from ops.source_files order by name")
    # As it was before names were kept, with one day that was out of date.
    former = former_of(workshop.settings, workshop.tracks)
    tell(workshop, "truncate ops.track_names, ops.track_sets")
    tell(
        workshop,
        """update ops.source_files set race_date_tracks = '{}', race_date_zones = '{}', dating_names = '{}',
                                       dated_by = %s""",
        f"{workshop.tracks.fingerprint} {workshop.settings.partitions.start}",
    )
    tell(
        workshop,
        "update ops.configuration set fingerprint = %s, source_rules = '{}', tracks = null, linking = null,"
        " precedence = null",
        former.fingerprint,
    )
    tell(workshop, "update ops.built_days as b set fingerprint = w.fingerprint from ops.wanted_days as w"
                   " where w.race_date = b.race_date and b.race_date <> %s", DAY3)  # fmt: skip

    upgraded = Workshop(make_settings())
    assert stale(upgraded) == [DAY3]
    assert land.has_outdated_files(upgraded)
    assert land.bring_up_to_date(upgraded) == []
    assert not land.has_outdated_files(upgraded)
    assert stale(upgraded) == [DAY3]
    assert ask(upgraded, "select name, race_date_tracks from ops.source_files order by name") == names
    build_stale(upgraded)

    own_tracks(upgraded.settings.home, {"gb-romford": ["Nowhere Park"]})
    assert stale(again(upgraded)) == []


def test_a_ledger_that_was_built_by_other_settings_before_is_built_again(make_settings: Make) -> None:
    workshop = Workshop(make_settings())
    drop(workshop, "a.csv", csv_race(DAY1))
    build_stale(workshop)
    tell(workshop, "update ops.configuration set fingerprint = 'other', tracks = null")
    tell(workshop, "update ops.built_days as b set fingerprint = w.fingerprint from ops.wanted_days as w"
                   " where w.race_date = b.race_date")  # fmt: skip
    assert stale(Workshop(make_settings())) == [DAY1]


# All of it: whatever changes, building what is out of date leaves the same tables as building everything from nothing


@dataclass
class World:
    """Settings and tracks, drawn at random, over always the same files."""

    chance: random.Random
    settings: dict[str, Any] = field(default_factory=dict)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    zone: str = "Europe/London"
    testville: str = "Testville"

    def change(self) -> None:
        """Change one thing."""
        chance, settings = self.chance, self.settings
        match chance.randrange(8):
            case 0:
                self.aliases = chance.choice([{}, {"gb-monmore": ["Nowhere Park"]}, {"gb-hove": ["Nowhere Park"]}])
            case 1:
                self.zone = chance.choice(["Europe/London", "Australia/Sydney", "Asia/Tokyo"])
            case 2:
                maximum = chance.choice([3.5, 4.45, 1000])
                settings["rules"] = {"price_range": {"max": maximum, "severity": chance.choice(["reject", "warn"])}}
            case 3:
                severity = chance.choice(["reject", "warn", "off"])
                settings["rules"] = {chance.choice(["over_round", "winner", "runners", "trap"]): {"severity": severity}}
            case 4:
                settings["linking"] = chance.choice(
                    [{}, {"window_minutes": 100}, {"min_score": 0.99, "possible_score": 0.9},
                     {"clock": {"min_races": 1, "min_meetings": 1, "min_shift_minutes": 5}}]
                )  # fmt: skip
            case 5:
                order = [CSV, BSP]
                chance.shuffle(order)
                settings["precedence"] = {chance.choice(["start", "price", "result", "name"]): order}
            case 6:
                rules = chance.choice([{}, {"price_range": {"min": 4.0}}, {"volume": {"severity": "off"}}])
                settings["sources"] = {chance.choice([CSV, BSP]): {"rules": rules}}
            case _:
                settings["sources"] = {BSP: {"enabled": chance.choice([True, False])}}

    def opened(self, home: Path, url: str) -> Workshop:
        """Return the tools over a home and a database, with the settings and tracks as they are."""
        own_tracks(home, self.aliases, {**TESTVILLE, "timezone": self.zone})
        base = {"home": home, "postgres": {"url": url}}
        made = Workshop(Settings.model_validate({**base, **self.settings}))
        made.clock = lambda: datetime(2024, 7, 1, tzinfo=UTC)
        return made


def land_all(workshop: Workshop) -> None:
    """Land files of one source and of two, with known, unknown and own tracks, and offs that differ by ten minutes."""
    late = csv_race(DAY2).replace("T17:36", "T17:46")
    odd = csv_row(DAY1, "4. Delta", selection=4, price="1.001") + csv_row(DAY1, "9. Eta", selection=5, volume="-1")
    drop(workshop, "a.csv", csv_race(DAY1) + odd + csv_race(DAY2, track="Nowhere Park"))
    drop(workshop, "b.csv", late + csv_race(DAY3, track="Testville") + csv_race(DAY4, price="4.2"))
    drop(workshop, "c.csv", csv_race(DAY5, track="Nowhere Park", dogs="Zeta Theta Iota"))
    for day in (DAY2, DAY3, DAY5):
        drop(workshop, bsp_name(day), bsp_race(day, bsp="4.4" if day == DAY2 else "3.1"), BSP)


def said(workshop: Workshop) -> dict[str, list[tuple[Any, ...]]]:
    """Return the tables, with the rejects that are open; which track an unknown name may mean is advice of its time."""
    found = tables(workshop, rejects="state = 'open'")
    found["quarantine.rejects"] = ask(
        workshop,
        """select reject_id, race_date, stage, rules,
                  array(select regexp_replace(m, '; (nearest|did you mean).*', '') from unnest(messages) as m)
           from quarantine.rejects where state = 'open' order by 1""",
    )
    return found


@pytest.mark.parametrize("seed", range(4))
def test_building_what_is_out_of_date_gives_what_building_everything_gives(
    seed: int, databases: Databases, tmp_path: Path
) -> None:
    world = World(random.Random(seed))  # noqa: S311 - drawn the same way each time
    with databases.lend() as url:
        workshop = world.opened(tmp_path / "home", url)
        land_all(workshop)
        build_stale(workshop)
        for step in range(4):
            world.change()
            workshop = again_with(world, workshop)
            build_until_settled(workshop)
            with databases.lend() as other:
                scratch = world.opened(tmp_path / f"scratch{step}", other)
                land_all(scratch)
                build_until_settled(scratch)
                assert said(workshop) == said(scratch), (seed, step, world)


def again_with(world: World, workshop: Workshop) -> Workshop:
    url = workshop.settings.postgres.url
    assert url is not None
    made = world.opened(workshop.settings.home, url.reveal(workshop.settings.aws))
    land.bring_up_to_date(made)
    return made


def build_until_settled(workshop: Workshop) -> None:
    """Build until nothing is out of date: a built day may change what is held of the clocks of days beside it."""
    while days := stale(workshop):
        assert not build_days(workshop, days).failed
