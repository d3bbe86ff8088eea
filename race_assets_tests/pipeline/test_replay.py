"""A reject is not the end of a row: with the cause mended, exactly the rows it was about pass, and once is enough."""

import bz2
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.conftest import environment_of, run_in
from race_assets_tests.databases import Databases, name_of
from race_assets_tests.pipeline.feed import DAY1, ask, build_stale, csv_race, drop
from race_assets_tests.sources.test_betfair_historic import TRADE, life

Done = subprocess.CompletedProcess[str]
HEADER = "Venue;Day;Off;Box;Dog;Odds"
ROWS = (
    "Romford;27/06/2024;18:36;1;Alpha;3,50",
    "Romford;27/06/2024;18:36;2;Beta;4,00",
    "Nowhere Park;27/06/2024;18:51;1;Gamma;2,10",
    "Nowhere Park;28/06/2024;18:51;2;Delta;2,20",
    "Romford;27/06/2024;18:36;9;Eps;5,00",
    "Romford;27/06/2024;18:36;3;Zeta;evns",
)
FEED: dict[str, Any] = {
    "columns": {
        "track_name": "Venue",
        "start_at": "{Day} {Off}",
        "trap": "Box",
        "selection_name": "Dog",
        "price": {"column": "Odds"},
    }
}


class Club:
    """A club's home and database; its settings may change."""

    def __init__(self, folder: Path, database: str) -> None:
        self.command, self.database = run_in(environment_of(folder / "home", database)), database
        self.config = folder / "race_assets.yaml"
        self.feed(FEED)

    def feed(self, feed: dict[str, Any]) -> None:
        self.config.write_text(yaml.safe_dump({"sources": {"csv_feeds": {"club": feed}}}))

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        done = self.command(*arguments, RACE_ASSETS_CONFIG=str(self.config))
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def rejects(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("rejects", "list", "--format", "json", *arguments))
        return found

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query.encode()).fetchall()

    @property
    def dogs(self) -> set[str]:
        return {dog for (dog,) in self.ask("select dog_name from core.selections")}

    @property
    def written(self) -> list[tuple[Any, ...]]:
        """Which transaction wrote each row last."""
        return self.ask(
            "select 'c', selection_id, xmin::text from core.selections union all "
            "select 'q', reject_id, xmin::text from quarantine.rejects order by 1, 2"
        )


@pytest.fixture(scope="module")
def built(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Folder and database of a club whose sheet is landed and built, to copy from."""
    folder = tmp_path_factory.mktemp("club")
    with databases.lend() as database:
        club = Club(folder, database)
        (folder / "sheet.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
        club.run("land", folder / "sheet.csv", "--source", "club")
        club.run("ingest", "--from", "2024-06-27", "--to", "2024-06-28")
        yield folder, name_of(database)


@pytest.fixture
def club(databases: Databases, built: tuple[Path, str], tmp_path: Path) -> Iterator[Club]:
    """A copy of the club that is this test's own."""
    folder, template = built
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with databases.copy_of(template) as database:
        yield Club(tmp_path, database)


def test_an_alias_and_a_replay_bring_in_the_rows_of_that_track_and_no_others(club: Club) -> None:
    assert [(each["line"], each["rules"]) for each in club.rejects()] == [
        (4, "track_known"), (6, "trap"), (7, "number"), (5, "track_known"),
    ]  # fmt: skip
    assert "nearest" in club.run("tracks", "find", "Nowhere Park")
    assert "did you mean Temora (au-temora)?" in club.run("tracks", "find", "Temo", "--country", "AU")
    assert "from now on" in club.run("tracks", "add-alias", "gb-hove", "Nowhere Park")
    assert "nothing changes" in club.run("tracks", "add-alias", "gb-hove", "nowhere park")
    said = club.run("rejects", "replay", "--rule", "track_known", "--day", "2024-06-27")
    assert "1 rejects tried again, 1 days built: 1 pass now, 0 are still refused" in said
    assert club.dogs == {"Alpha", "Beta", "Gamma"}
    club.run("rejects", "replay", "--rule", "track_known")
    assert club.dogs == {"Alpha", "Beta", "Gamma", "Delta"}
    assert [each["line"] for each in club.rejects("--state", "replayed")] == [4, 5]
    assert [each["line"] for each in club.rejects()] == [6, 7]


def test_a_corrected_mapping_and_a_replay_accept_exactly_the_corrected_rows_once(club: Club) -> None:
    price = {"column": "Odds", "values": {"evns": "Evens"}}
    club.feed({"columns": {**FEED["columns"], "price": price}})
    said = club.run("rejects", "replay", "--all")
    assert "4 rejects tried again, 2 days built: 1 pass now, 3 are still refused" in said
    assert "track_known: 2" in said
    assert club.ask("select price from core.selections where dog_name = 'Zeta'") == [(2.0,)]
    assert [each["line"] for each in club.rejects("--state", "replayed")] == [7]
    before = club.written
    assert "no day had changed" in club.run("rejects", "replay", "--all")
    assert club.written == before


def test_a_discarded_reject_stays_discarded_with_its_reason_until_it_is_reopened(club: Club) -> None:
    assert "must say why" in club.run("rejects", "discard", "--rule", "trap", "--reason", " ", code=2)
    assert "1 discarded" in club.run("rejects", "discard", "--rule", "trap", "--reason", "a typo of the club's")
    club.run("ingest", "--from", "2024-06-27", "--to", "2024-06-27", "--refresh")
    (gone,) = club.rejects("--state", "discarded")
    assert club.ask(f"select state_reason from quarantine.rejects where reject_id like '{gone['reject']}%'") == [
        ("a typo of the club's",)
    ]
    assert club.ask("select count(*) from quarantine.rejects") == [(4,)]
    said = club.run("rejects", "explain", gone["reject"])
    assert "discarded (a typo of the club's)" in said
    assert f"rejects reopen {gone['reject']}" in said
    assert "rejects discard" not in said
    club.run("rejects", "reopen", gone["reject"])
    assert len(club.rejects()) == 4


def test_a_reopened_reject_is_judged_again_by_the_next_ingest(club: Club) -> None:
    club.run("rejects", "discard", "--all", "--reason", "all wrong")
    trap, lost = (club.rejects("--state", "discarded", "--rule", each)[0] for each in ("trap", "track_known"))
    # What lies behind these rows was mended while they were set aside.
    club.run("tracks", "add-alias", "gb-hove", "Nowhere Park")
    club.feed({"columns": {**FEED["columns"], "trap": {"column": "Box", "values": {"9": "4"}}}})
    club.run("ingest")
    assert club.dogs == {"Alpha", "Beta", "Gamma", "Delta", "Eps"}
    assert len(club.rejects("--state", "discarded")) == 4
    said = club.run("rejects", "reopen", trap["reject"], lost["reject"])
    assert "2 open again" in said
    assert "stale now, and judged again by the next `race-assets ingest`: 2024-06-27" in said
    club.run("ingest")
    assert {each["reject"] for each in club.rejects("--state", "replayed")} == {trap["reject"], lost["reject"]}
    assert club.rejects() == []


def test_a_reopened_reject_without_a_day_has_its_file_read_again(
    command: Callable[..., Done], workshop: Workshop
) -> None:
    drop(workshop, "a.csv", csv_race(DAY1, track="Nowhere Park", dogs="Alpha"))
    (lost,) = ask(workshop, "select reject_id from quarantine.rejects where race_date is null")[0]
    command("rejects", "discard", lost, "--reason", "no such place")
    command("tracks", "add-alias", "gb-hove", "Nowhere Park")
    command("ingest")
    told = command("rejects", "reopen", lost)
    assert "1 of no known day: the next `race-assets ingest` reads their files again" in told.stdout
    command("ingest")
    assert ask(workshop, "select state from quarantine.rejects") == [("replayed",)]


def test_ids_in_another_state_are_told_one_by_one_and_nothing_done_ends_with_2(club: Club) -> None:
    one, other = (each["reject"] for each in club.rejects("--rule", "track_known"))
    said = club.run("rejects", "discard", one, "zzz", "--reason", "not ours")
    assert "1 discarded" in said
    assert "reject 'zzz': must begin the id of exactly one" in said
    again = club.run("rejects", "discard", one, "--reason", "twice", code=2)
    assert f"reject '{one}' is discarded (not ours), not open: nothing is changed" in again
    assert f"reject '{other}' is open, not discarded" in club.run("rejects", "reopen", other, code=2)
    assert "1 open again" in club.run("rejects", "reopen", one, other)
    assert "no open reject is meant" in club.run("rejects", "discard", "--rule", "volume", "--reason", "x", code=2)


def test_a_row_that_is_refused_with_its_race_instead_still_fails(club: Club) -> None:
    columns = {**FEED["columns"], "price": {"column": "Odds", "values": {"evns": "Evens"}}}
    # Zeta reads well now, in the trap that Alpha stands in: their race is refused.
    columns |= {"trap": {"column": "Box", "values": {"3": "1"}}, "selection_id": "Dog"}
    club.feed({"columns": columns})
    said = club.run("rejects", "replay", "--rule", "number")
    assert "1 rejects tried again, 2 days built: 0 pass now, 1 are still refused" in said
    assert "trap_once: 1" in said


def test_explain_gives_the_commands_that_name_an_unknown_track(club: Club) -> None:
    reject = club.rejects("--rule", "track_known")[0]
    said = club.run("rejects", "explain", reject["reject"])
    (first, *_) = [line.split() for line in said.splitlines() if line.startswith("  race-assets tracks add-alias")]
    assert first[:3] == ["race-assets", "tracks", "add-alias"]
    assert " ".join(first[4:]) == "'Nowhere Park'"
    assert "from now on" in club.run("tracks", "add-alias", first[3], "Nowhere Park")


def test_explain_shows_the_row_its_place_its_rules_and_what_would_pass(club: Club) -> None:
    (reject,) = club.rejects("--rule", "trap")
    said = club.run("rejects", "explain", reject["reject"])
    for told in (
        "sheet.csv version 1, line 6", "in force", ROWS[4], "box", "9", "trap 9 in GB: traps run from 1 to 8",
        "GB 1 to 8", "rejects replay", "rejects discard",
    ):  # fmt: skip
        assert told in said
    shown = json.loads(club.run("rejects", "show", reject["reject"], "--format", "json"))
    assert (shown["source_row"], shown["row"]["text"]) == (6, ROWS[4])


def test_explain_and_the_table_of_rules_have_the_limits_of_the_rejects_own_source(club: Club) -> None:
    club.feed({**FEED, "rules": {"trap": {"most": {"GB": 7}}, "number": {"severity": "warn"}}})
    club.run("ingest")
    (reject,) = club.rejects("--rule", "trap")
    said = club.run("rejects", "explain", reject["reject"])
    assert "trap 9 in GB: traps run from 1 to 7" in said
    assert "GB 1 to 7" in said
    assert "Zeta" in club.dogs
    rules = [line.split()[:3] for line in club.run("sources", "--rules").splitlines()]
    assert ["number", "every", "source"] in rules
    assert ["number", "club", "warn"] in rules
    assert ["trap", "club", "reject,"] in rules


def test_explain_of_a_stream_that_is_cut_asks_for_a_whole_one(
    command: Callable[..., Done], workshop: Workshop, tmp_path: Path
) -> None:
    # With a whole member beside it: a file of which nothing can be read is `unreadable` and has no rejects.
    members = {
        "1.24.bz2": bz2.compress(life((300, TRADE))),
        "1.23.bz2": bz2.compress(b"never read" * 99)[:-20],
    }
    cut = tmp_path / "day.tar"
    with tarfile.open(cut, "w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    (landed,) = land.land(workshop, "betfair_historic", [(cut, "PRO/day.tar")])
    assert landed.state == "landed"
    (reject,) = ask(workshop, "select reject_id from quarantine.rejects")[0]
    said = command("rejects", "explain", reject).stdout
    for told in (
        "PRO/day.tar version 1", "1.23.bz2", "nothing: what stands there cannot be read", "bzip2 data end at byte",
        "land a better one as PRO/day.tar",
    ):  # fmt: skip
        assert told in said
    assert "(no column)" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rejects", "explain", "zzz"], "exactly one refused row; found: none"),
        (["rejects", "replay"], "say which rejects are meant"),
        (["rejects", "replay", "--all", "--rule", "trap"], "say which rejects are meant"),
        (["rejects", "discard", "--rule", "no_such", "--reason", "x"], "--rule 'no_such' is no rule"),
        (["tracks", "add-alias", "gb-romfrod", "X"], "nearest ids: gb-romford"),
        (["tracks", "add-alias", "gb-hove", "Romford"], "one name cannot mean two tracks"),
        (["tracks", "add-alias", "au-sandown-park", "Romford"], "by writing 'Romford (AU)'"),
        (["tracks", "add-alias", "au-sandown-park", "Romford (NZL)"], "bears the tag of NZ"),
        (["tracks", "add-alias", "gb-hove", "The Stadium"], "nothing to be found by"),
        (["tracks", "list", "--country", "XX"], "--country 'XX' has no tracks; there are AU, GB, IE, NZ"),
        (["tracks", "find", "Romford", "--country", "XX"], "there are AU, GB, IE, NZ"),
        (["feed", "check", "nope", "sheet.csv"], "there is no feed 'nope'"),
    ],
)
def test_what_is_not_there_is_named(command: Callable[..., Done], arguments: list[str], told: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr


@pytest.mark.parametrize(
    ("zone", "offs"),
    [
        ("track", {("gb-romford", "2024-06-26 17:36:00+00"), ("au-cannington", "2024-06-26 10:36:00+00")}),
        ("Europe/London", {("gb-romford", "2024-06-26 17:36:00+00"), ("au-cannington", "2024-06-26 17:36:00+00")}),
    ],
)
def test_rows_without_an_offset_come_back_once_their_zone_is_set(
    make_settings: Callable[..., Settings], zone: str, offs: set[tuple[str, str]]
) -> None:
    without = "".join(csv_race(DAY1, track=track) for track in ("Romford", "Cannington"))
    without = without.replace("T17:36:00Z", " 18:36")
    before = Workshop(make_settings())
    landed = drop(before, "cards.csv", without)
    assert (landed.records, landed.undated) == (6, 6)
    assert ask(before, "select distinct rules from quarantine.rejects") == [(["start_time"],)]

    after = Workshop(make_settings(sources={"betfair_csv": {"timezone": zone}}))
    (again,) = land.bring_up_to_date(after)
    build_stale(after)

    assert (again.state, again.undated) == ("landed", 0)
    found = ask(after, "select track_id, start_at::text from core.races")
    assert set(found) == offs
    assert ask(after, "select count(*) from core.selections") == [(6,)]
    assert ask(after, "select distinct state from quarantine.rejects") == [("replayed",)]
