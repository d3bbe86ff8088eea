"""A reject is not the end of a row: with the cause mended, exactly the rows it was about pass, and once is enough."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

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
    """A sheet of a club, landed and built; its settings may change."""

    def __init__(self, command: Callable[..., Done], folder: Path, database: str) -> None:
        self.command, self.folder, self.database = command, folder, database
        self.config = folder / "race_assets.yaml"
        self.feed(FEED)
        (folder / "sheet.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
        self.run("land", folder / "sheet.csv", "--source", "club")
        self.run("ingest", "--from", "2024-06-27", "--to", "2024-06-28")

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


@pytest.fixture
def club(command: Callable[..., Done], tmp_path: Path, database: str) -> Club:
    return Club(command, tmp_path, database)


def test_an_alias_and_a_replay_bring_in_the_rows_of_that_track_and_no_others(club: Club) -> None:
    assert [(each["line"], each["rules"]) for each in club.rejects()] == [
        (4, "track_known"), (6, "trap"), (7, "number"), (5, "track_known"),
    ]  # fmt: skip
    assert "nearest" in club.run("tracks", "find", "Nowhere Park")
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
    club.run("rejects", "reopen", gone["reject"])
    assert len(club.rejects()) == 4


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rejects", "explain", "zzz"], "exactly one refused row; found: none"),
        (["rejects", "replay"], "say which rejects are meant"),
        (["rejects", "replay", "--all", "--rule", "trap"], "say which rejects are meant"),
        (["rejects", "discard", "--rule", "no_such", "--reason", "x"], "--rule 'no_such' is no rule"),
        (["tracks", "add-alias", "gb-romfrod", "X"], "nearest ids: gb-romford"),
        (["tracks", "add-alias", "gb-hove", "Romford"], "one name means two tracks"),
        (["feed", "check", "nope", "sheet.csv"], "there is no feed 'nope'"),
    ],
)
def test_what_is_not_there_is_named(command: Callable[..., Done], arguments: list[str], told: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr
