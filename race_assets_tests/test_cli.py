"""The `race-assets` command as a user runs it: a process of its own, its output and its exit code."""

import csv
import hashlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
import typer.main

from race_assets import cli
from race_assets.pipeline import land, process
from race_assets.pipeline.judge import VALIDATED, ensure_judged
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import attempts
from race_assets.storage.lake import ACCOUNT, FINGERPRINT
from race_assets_tests.conftest import PROJECT, environment_of, run_in
from race_assets_tests.databases import Databases
from race_assets_tests.pipeline.feed import (
    BSP,
    BSP_HEADER,
    CSV,
    CSV_HEADER,
    DAY1,
    DAY2,
    DAY3,
    ask,
    bsp_name,
    bsp_row,
    csv_race,
    csv_row,
    drop,
    hold_publishing,
    release_publishing,
    waiting_for_lock,
)
from race_assets_tests.waiting import PATIENCE_S, wait_until

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]
GOOD, DATA_FAILED, USAGE = 0, 1, 2
TOP = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
# A group's commands go by both names: `rejects list`.
COMMANDS = {
    " ".join([name, *below]): found
    for name, each in TOP.items()
    for below, found in [([], each), *(([n], c) for n, c in getattr(each, "commands", {}).items())]
    if not getattr(found, "commands", {})
}


def written(folder: Path, name: str, text: str) -> Path:
    """A file with this text below the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def words(done: Done) -> str:
    """What a command printed, without boxes and line ends: those depend on the terminal."""
    return " ".join(re.sub("[│╭╮╰╯─┃━]", " ", done.stdout + done.stderr).split())


def ended(done: Done, code: int, *told: str) -> None:
    """Checks how a command ended and what it said; a traceback is never how an error is told."""
    said = words(done)
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert [each for each in told if each not in said] == [], said


@dataclass(frozen=True)
class Season:
    """A home and database with two days built through the command, and how that went.

    Attributes:
        command: runs further commands over it; they change nothing.
        landed: by source.
        ingested: of both days.
    """

    command: Command
    folder: Path
    landed: dict[str, Done]
    ingested: Done
    database: str

    def races(self) -> int:
        """How many there are, asked behind the command's back."""
        with psycopg.connect(self.database) as connection:
            (found,) = connection.execute("select count(*) from core.races").fetchall()
        return int(found[0])


@pytest.fixture(scope="module")
def season(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Season]:
    """DAY1: three dogs, a price of 0.5, a row of no known track. DAY2: three dogs, one told twice, two with a BSP."""
    folder = tmp_path_factory.mktemp("season")
    bad = csv_row(DAY1, "4. Delta", selection=4, price="0.5")
    lost = csv_row(DAY1, "5. Echo", selection=5, track="Nowhere Park")
    first = written(folder, "first.csv", CSV_HEADER + csv_race(DAY1) + bad + lost)
    again = csv_row(DAY2, "1. Alpha", selection=1)
    second = written(folder, "second.csv", CSV_HEADER + csv_race(DAY2) + again)
    prices = "".join(bsp_row(DAY2, f"{trap}. {dog}", selection=trap) for trap, dog in ((1, "Alpha"), (2, "Beta")))
    starting = written(folder, bsp_name(DAY2), BSP_HEADER + prices)
    with databases.lend() as database:
        command = run_in(environment_of(folder / "home", database))
        landed = {
            CSV: command("land", first, second, "--source", CSV),
            BSP: command("land", starting, "--source", BSP),
        }
        ingested = command("ingest", "--from", DAY1, "--to", DAY2, "--json")
        yield Season(command, folder, landed, ingested, database)


# Land, ingest, query


def test_landing_tells_of_each_file_what_it_holds(season: Season) -> None:
    ended(
        season.landed[CSV],
        GOOD,
        f"first.csv version 1, 5 records, {DAY1}, 1 whose day cannot be told",
        f"second.csv version 1, 4 records, {DAY2}",
        "2 files: 2 landed, 0 could not be read",
    )
    ended(season.landed[BSP], GOOD, f"{bsp_name(DAY2)} version 1, 2 records, {DAY2}")


def test_the_figures_of_an_ingest_as_json_add_up(season: Season) -> None:
    ended(season.ingested, GOOD)
    told = json.loads(season.ingested.stdout)
    account = told["account"]
    assert account["records_in"] == 4 + 4 + 2
    assert (account["accepted"], account["quarantined"]) == (3 + 3 + 2, 1)
    assert (sum(account["duplicates"].values()), account["filtered"]) == (1, {})
    assert account["rejected_by"] == {"price_range": 1}
    assert told["success_rate"] == pytest.approx(8 / 9)
    assert told["days"] == 2
    (run,) = told["runs"]
    assert (run["first"], run["last"], run["succeeded"]) == (str(DAY1), str(DAY2), True)
    assert told["records_per_s"] == pytest.approx(10 / told["duration_s"])


QUERY = "select dog_name, trap, price, finish_position from core.selections where race_date = '{}' order by trap"


def test_a_query_prints_a_table(season: Season) -> None:
    done = season.command("query", QUERY.format(DAY1))
    ended(done, GOOD)
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["dog_name", "trap", "price", "finish_position"],
        ["Alpha", "1", "3.0"],
        ["Beta", "2", "3.0"],
        ["Gamma", "3", "3.0"],
    ]


def test_a_query_prints_csv(season: Season) -> None:
    done = season.command("query", QUERY.format(DAY2), "--format", "csv")
    ended(done, GOOD)
    assert list(csv.reader(done.stdout.splitlines())) == [
        ["dog_name", "trap", "price", "finish_position"],
        ["Alpha", "1", "4.5", ""],
        ["Beta", "2", "4.5", ""],
        ["Gamma", "3", "3.0", ""],
    ]


def test_a_query_prints_json(season: Season) -> None:
    query = (
        "select race_id, race_date, start_at, sources, finish_order from core.races, (select null) as n(finish_order)"
    )
    done = season.command("query", f"{query} where race_date = '{DAY2}'", "--format", "json")
    ended(done, GOOD)
    assert json.loads(done.stdout) == [
        {
            "race_id": f"gb-romford-{DAY2:%Y%m%d}-1836",
            "race_date": str(DAY2),
            "start_at": f"{DAY2} 17:36:00+00:00",
            "sources": [BSP, CSV],
            "finish_order": None,
        }
    ]


def test_a_query_prints_objects_and_lists_as_json_in_csv(season: Season) -> None:
    done = season.command("query", "select row, rules from quarantine.rejects where source_row = 5", "--format", "csv")
    ended(done, GOOD)
    _, (row, rules) = csv.reader(done.stdout.splitlines())
    assert json.loads(row)["text"].startswith(f"{DAY1:%Y%m%d}-Romford")
    assert json.loads(rules) == ["price_range"]
    done = season.command("query", """select '{"Dún": null}'::jsonb""", "--format", "csv")
    assert done.stdout.splitlines()[1] == '"{""Dún"": null}"'


def test_numbers_that_json_cannot_write_are_null_in_json(season: Season) -> None:
    numbers = "'NaN'::float8 as a, '-Infinity'::float8 as b, 'NaN'::numeric as c, array['Infinity'::float8, 1] as d"
    done = season.command("query", f"select {numbers}", "--format", "json")
    ended(done, GOOD)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(done.stdout, parse_constant=refuse) == [{"a": None, "b": None, "c": None, "d": [None, 1]}]


def test_a_query_without_rows_prints_its_columns(season: Season) -> None:
    done = season.command("query", "select race_id, track from core.races where false", "--format", "csv")
    ended(done, GOOD)
    assert done.stdout == "race_id,track\n"


def test_a_cell_commands_no_terminal(season: Season) -> None:
    done = season.command("query", r"select E'a\x1b]0;b\x07c' as cell")
    assert r"a\x1b]0;b\x07c" in done.stdout


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("delete from core.races", "only what gives rows is run"),
        ("delete from core.races returning *", "cannot execute DELETE in a read-only transaction"),
        ("drop table core.races", "only what gives rows is run"),
        ("do $$ begin reset role; copy (select 1) to program 'true'; end $$", "only what gives rows is run"),
        ("select 1; delete from core.races", "cannot insert multiple commands"),
        ("commit; delete from core.races", "cannot insert multiple commands"),
        ("with gone as (delete from core.races returning 1) select * from gone", "read-only transaction"),
        ("select set_config('transaction_read_only', 'off', false)", "read-write mode"),
        ("copy (select 1) to program 'touch /tmp/race-assets-was-here'", "only what gives rows is run"),
        ("select pg_read_file('/etc/hostname')", "permission denied"),
        ("select * from core.racs", '"core.racs" does not exist'),
    ],
)
def test_a_query_that_would_change_something_or_is_wrong_is_refused(season: Season, sql: str, told: str) -> None:
    ended(season.command("query", sql), USAGE, "the query was refused", told)
    assert season.races() == 2


def test_an_ingest_of_days_tells_of_files_it_took_and_of_refused_rows_without_a_day(
    command: Command, workshop: Workshop
) -> None:
    inbox = workshop.settings.drop_folder(CSV)
    written(inbox, "lost.csv", CSV_HEADER + csv_race(DAY1, track="Nowhere Park"))
    written(inbox, "good.csv", CSV_HEADER + csv_race(DAY2))
    done = command("ingest", "--from", DAY2, "--to", DAY2)
    ended(
        done, GOOD, "lost.csv version 1, 3 records, no day, 3 whose day cannot be told", "good.csv version 1, 3 records"
    )
    ended(done, GOOD, "3 refused records have no day: `race-assets rejects` lists them first")


def test_an_ingest_with_nothing_stale_says_so(season: Season) -> None:
    ended(season.command("ingest"), GOOD, "No day is stale")


def test_an_ingest_without_dates_builds_what_is_stale_and_shows_where_every_record_went(
    command: Command, tmp_path: Path
) -> None:
    # A bad file among good ones: those are landed all the same.
    refused = csv_row(DAY1, "4. Delta", selection=4, volume="-1")
    good = written(tmp_path, "good.csv", CSV_HEADER + csv_race(DAY1) + refused)
    bad = written(tmp_path, "bad.csv", "<html><body>blocked</body></html>")
    late = written(tmp_path, "late.csv", CSV_HEADER + csv_race(DAY3, price="11/4"))
    landing = command("land", good, bad, late, "--source", CSV)
    ended(landing, DATA_FAILED, str(bad), "3 files: 2 landed, 1 could not be read (blocked_page)")
    (line,) = [line for line in landing.stdout.splitlines() if "bad.csv" in line]
    assert line.startswith("blocked_page")

    done = command("ingest")

    ended(done, GOOD, "volume 1", "2 days", "success rate 85.71%")
    assert "records/s" not in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["source", "records", "in", "accepted", "quarantined", "duplicates", "filtered", "adds", "up"] in rows
    assert [CSV, "7", "6", "1", "0", "0", "yes"] in rows
    shown = command(
        "query", "select race_date, price from core.selections where trap = 1 order by 1", "--format", "csv"
    )
    assert shown.stdout.splitlines()[1:] == [f"{DAY1},3.0", f"{DAY3},3.75"]


# What was refused


def rejects(season: Season, *arguments: str | Path | date) -> list[dict[str, Any]]:
    done = season.command("rejects", "--format", "json", *map(str, arguments))
    ended(done, GOOD)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_rejects_names_file_line_rule_and_reason_of_each_refused_row(season: Season) -> None:
    lost, bad = rejects(season)
    assert (lost["file"], lost["line"], lost["race_date"], lost["stage"]) == ("first.csv", 6, None, "land")
    assert (bad["file"], bad["line"], bad["race_date"], bad["stage"]) == ("first.csv", 5, str(DAY1), "row")
    assert (lost["rules"], bad["rules"]) == ("track_known", "price_range")
    assert "Nowhere Park" in lost["reason"]
    assert "0.5" in bad["reason"]


@pytest.mark.parametrize(
    ("arguments", "rules"),
    [
        (["--rule", "price_range"], ["price_range"]),
        (["--rule", "volume"], []),
        (["--day", str(DAY1)], ["price_range"]),
        (["--day", str(DAY2)], []),
        (["--source", BSP], []),
        (["--source", CSV, "--rule", "track_known"], ["track_known"]),
        (["--state", "replayed"], []),
    ],
)
def test_rejects_are_narrowed_down(season: Season, arguments: list[str], rules: list[str]) -> None:
    assert [each["rules"] for each in rejects(season, *arguments)] == rules


def test_rejects_says_when_there_are_more_than_it_shows(season: Season) -> None:
    ended(season.command("rejects", "--limit", "1"), GOOD, "track_known", "1 of 2; --limit shows more")


# What there is


def table(done: Done) -> dict[str, list[str]]:
    """The lines of a table by their first cell; cells stand two blanks apart."""
    return {cells[0]: cells[1:] for line in done.stdout.splitlines() if (cells := re.split(r"\s{2,}", line.strip()))}


def test_sources_lists_each_source_and_whether_it_is_enabled(season: Season) -> None:
    done = season.command("sources", RACE_ASSETS_SOURCES__BETFAIR_BSP__ENABLED="false")
    ended(done, GOOD)
    listed = table(done)
    racing_post = {f"racing_post_{what}" for what in ("races", "form", "analysis")}
    assert listed.keys() == {
        "source",
        CSV,
        BSP,
        "betfair_historic",
        "betfair_exchange",
        "gbgb_results",
        "betfair_hub",
        *racing_post,
    }
    drops = season.folder / "home" / "drops"
    assert listed[CSV][:2] == ["yes", str(drops / CSV)]
    assert listed[BSP][:2] == ["no", str(drops / BSP)]


def test_schedule_lists_each_schedule_and_sensor_with_its_next_ticks(season: Season) -> None:
    on = {"HISTORICAL_SYNC__ENABLED": "true", "DROPS__ENABLED": "false", "STALE_DAYS__INTERVAL_SECONDS": "45"}
    settings = {f"RACE_ASSETS_AUTOMATION__{name}": value for name, value in on.items()}
    settings["RACE_ASSETS_SOURCES__BETFAIR_BSP__FETCH__CRON"] = "30 13 * * *"
    done = season.command("schedule", "--ticks", "2", **settings)
    ended(done, GOOD)
    listed = table(done)
    schedules = {"historical_sync", "historical_sync_betfair_bsp", "live_session", "upcoming_cards"}
    assert listed.keys() == {"name", *schedules, "drop_folders", "stale_days"}
    assert listed["historical_sync_betfair_bsp"][:2] == ["schedule", "on"]
    assert len(re.findall(r"13:30 Europe/London", listed["historical_sync_betfair_bsp"][2])) == 2
    assert listed["upcoming_cards"][:2] == ["schedule", "off"]
    assert listed["drop_folders"][:2] == ["sensor", "off"]
    assert listed["stale_days"] == ["sensor", "on", "every 45 s while the daemon runs"]
    kind, state, ticks = listed["historical_sync"]
    assert (kind, state) == ("schedule", "on")
    first, second = re.findall(r"(\d{4}-\d\d-\d\d) 02:00 Europe/London", ticks)
    assert date.fromisoformat(second) - date.fromisoformat(first) == timedelta(days=1)


# Usage


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["land", "first.csv", "--source", "betfair_cvs"], ["betfair_cvs", "available: betfair_bsp, betfair_csv"]),
        (["land", "nowhere.csv", "--source", CSV], ["no such file", "nowhere.csv"]),
        (["land", "first.csv"], ["land needs files and --source"]),
        (["land", "--source", CSV], ["land needs files and --source"]),
        (["land", "first.csv", "--source", CSV, "--withdraw", "abc"], ["--withdraw", "no files"]),
        (["land", "--withdraw", ""], ["--withdraw", "hash"]),
        (["ingest", "--from", "2024-02-30"], ["--from", "2024-02-30", "not a date"]),
        (["ingest", "--from", "2024-06-01", "--to", "yesterday"], ["--to", "yesterday", "not a date"]),
        (["ingest", "--from", "2024-06-02", "--to", "2024-06-01"], ["--from 2024-06-02 is after --to 2024-06-01"]),
        (["ingest", "--refresh"], ["--refresh needs --from and --to"]),
        (["ingest", "--source", "betfair_cvs"], ["betfair_cvs", "available"]),
        (["ingest", "--form", "2024-06-02"], ["No such option", "--form"]),
        (["rejects", "--day", "27.06.2024"], ["--day", "27.06.2024", "not a date"]),
        (["rejects", "--source", "betfair_cvs"], ["betfair_cvs", "available"]),
        (["rejects", "--state", "gone"], ["gone", "open", "replayed", "discarded"]),
        (["rejects", "--limit", "-1"], ["--limit", "greater than or equal to 0"]),
        (["query"], ["Missing argument"]),
        (["query", ""], ["the query says nothing; give one SELECT"]),
        (["query", " -- all; "], ["the query says nothing; give one SELECT"]),
        (["ingest", "--from", "1999-01-01"], ["1999-01-01", "2008-05-01", "partitions.start"]),
        (
            ["ingest", "--from", "2024-06-26", "--to", "2999-01-01"],
            ["2999-01-01", "2008-05-01", "partitions.end_offset"],
        ),
        (["feed", "suggest", "first.csv", "--name", "My Feed"], ["--name", "'My Feed' is no name of a source"]),
        (["feed", "suggest", "first.csv", "--name", CSV], ["--name", f"{CSV} is the name of another source"]),
        (["query", "select 1", "--format", "xml"], ["xml", "table", "csv", "json"]),
        (["status", "--source", "nope"], ["there is no source 'nope'"]),
        (["diff", "2024-06-27", "--source", "nope"], ["there is no source 'nope'"]),
        (["live", "--for", "99999999999999999999h"], ["--for", "is no duration"]),
        (["schedule", "--ticks", "0"], ["--ticks", "greater than or equal to 1"]),
        (["ingset"], ["No such command", "ingest"]),
    ],
)
def test_a_mistake_in_the_arguments_is_told_and_ends_with_2(
    season: Season, arguments: list[str], told: list[str]
) -> None:
    placed = [str(season.folder / each) if each == "first.csv" else each for each in arguments]
    ended(season.command(*placed), USAGE, *told)


@pytest.mark.parametrize("arguments", [["land", "first.csv", "--source", BSP], ["ingest", "--source", BSP]])
def test_a_source_that_is_disabled_is_refused_by_its_name(season: Season, arguments: list[str]) -> None:
    placed = [str(season.folder / each) if each == "first.csv" else each for each in arguments]
    done = season.command(*placed, RACE_ASSETS_SOURCES__BETFAIR_BSP__ENABLED="false")
    ended(done, USAGE, "source betfair_bsp is not enabled", "sources.betfair_bsp.enabled")


def test_a_mistake_in_the_settings_is_told_and_ends_with_2(season: Season) -> None:
    ended(season.command("sources", RACE_ASSETS_HOEM="x"), USAGE, "RACE_ASSETS_HOEM: hoem is not a setting", "'home'")


@pytest.mark.parametrize(
    "arguments",
    [
        ["land", "first.csv", "--source", CSV],
        ["ingest"],
        ["query", "select 1"],
        ["tracks", "add-alias", "gb-romford", "Romfrd"],
        ["rejects", "replay", "--all"],
        ["demo"],
    ],
)
@pytest.mark.parametrize("home", ["first.csv/home", "first.csv"])
def test_a_home_that_cannot_be_written_is_told_and_ends_with_2(season: Season, arguments: list[str], home: str) -> None:
    placed = [str(season.folder / each) if each == "first.csv" else each for each in arguments]
    path = str(season.folder / home)
    done = season.command(*placed, RACE_ASSETS_HOME=path, RACE_ASSETS_POSTGRES__URL="")
    ended(done, USAGE, f"home {path}", "cannot be written", "RACE_ASSETS_HOME")


def test_a_warehouse_that_cannot_be_reached_is_told_without_its_password(season: Season) -> None:
    url = "postgresql://racing:hunter2@127.0.0.1:1/races"
    done = season.command("query", "select 1", RACE_ASSETS_POSTGRES__URL=url)
    ended(done, DATA_FAILED, "Postgres cannot be reached", "postgres.url")
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_of_a_command_explains_it_and_all_its_options(name: str) -> None:
    done = run_in({**os.environ, "COLUMNS": "160", "NO_COLOR": "1"})(*name.split(), "--help")
    ended(done, GOOD, f"Usage: race-assets {name}")
    said = words(done)
    declared = COMMANDS[name].params
    assert [option for each in declared for option in each.opts if option.startswith("--") and option not in said] == []
    assert [each.name for each in declared if not each.help] == []
    told = [each for each in declared if each.help.split()[0] in said]
    assert told == declared
    # A sentence that says what it does; those who stand alone explain themselves with more, or with an example.
    summary, *more = COMMANDS[name].help.split("\n\n")
    assert summary.endswith(".")
    assert more or " " in name
    assert not more or more[-1].split()[-1] in said


def test_the_command_by_itself_teaches_what_there_is() -> None:
    done = run_in(dict(os.environ))()
    said = words(done)
    assert [name for name in (*TOP, "Exit codes", "core.races", "data/drops") if name not in said] == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--", "-Atc", "select 41 + 1"], 0, "42"),
        (["-Atc", "select count(*) from core.races"], 0, "2"),
        (["-c", "selec 1"], 1, "syntax error"),
    ],
)
def test_psql_is_given_the_arguments_and_gives_its_exit_code(
    season: Season, arguments: list[str], code: int, told: str
) -> None:
    ended(season.command("psql", *arguments), code, told)


# Taking a file back


def test_a_file_is_withdrawn_by_the_start_of_its_hash(command: Command, tmp_path: Path) -> None:
    texts = (CSV_HEADER + csv_race(DAY1 + timedelta(days=n)) for n in itertools.count())
    by_first: dict[str, list[bytes]] = {}
    twins: list[bytes] = []
    while len(twins) < 2:
        data = next(texts).encode()
        twins = by_first.setdefault(hashlib.sha256(data).hexdigest()[:6], [])
        twins.append(data)
    paths = [written(tmp_path, f"twin{n}.csv", data.decode()) for n, data in enumerate(twins)]
    hashes = [hashlib.sha256(data).hexdigest() for data in twins]
    ended(command("land", *paths, "--source", CSV), GOOD)

    short = command("land", "--withdraw", hashes[0][:5])
    assert (short.returncode, "name at least 6 characters" in words(short)) == (USAGE, True)
    ambiguous = command("land", "--withdraw", hashes[0][:6])
    assert ambiguous.returncode != GOOD
    assert [part for part in (hashes[0][:12], hashes[1][:12], "exactly one") if part not in words(ambiguous)] == []
    unknown = command("land", "--withdraw", "0g0g0g")
    assert unknown.returncode != GOOD
    assert "--withdraw 0g0g0g: must begin the hash of exactly one landed file; found: none" in words(unknown)

    ended(command("land", "--withdraw", hashes[0][:16]), GOOD, f"twin0.csv ({hashes[0][:12]}) is withdrawn")
    again = command("land", "--withdraw", hashes[0][:16])
    assert again.returncode != GOOD
    assert "twin0.csv was withdrawn on" in words(again)
    query = "select name, withdrawn_at is not null as gone from ops.source_files order by name"
    shown = command("query", query, "--format", "csv")
    assert shown.stdout.splitlines()[1:] == ["twin0.csv,True", "twin1.csv,False"]


def test_days_far_ahead_are_refused_and_those_that_are_no_partitions_yet_are_told(
    command: Command, tmp_path: Path
) -> None:
    today = datetime.now(UTC).date()
    soon, late = today + timedelta(days=20), today + timedelta(days=365)
    path = written(tmp_path, "ahead.csv", CSV_HEADER + csv_race(soon) + csv_race(late))
    ended(command("land", path, "--source", CSV), GOOD, f"6 records, {soon}, 3 whose day cannot be told")
    done = command("ingest")
    ended(done, GOOD, f"1 stale days are no partitions yet or any more, {soon} to {soon}")
    assert "No day is stale" not in words(done)
    shown = command("query", "select rules, messages[1] as said from quarantine.rejects", "--format", "json")
    assert {tuple(row["rules"]) for row in json.loads(shown.stdout)} == {("start_time",)}
    assert f"race date {late} is over 92 days ahead of this machine's, {today}" in shown.stdout


# When things go wrong


def test_a_day_that_does_not_add_up_fails_by_name_and_numbers_and_is_not_published(
    command: Command, workshop: Workshop
) -> None:
    drop(workshop, "first.csv", csv_race(DAY1))
    drop(workshop, "second.csv", csv_race(DAY2))
    ensure_judged(workshop, workshop.wanted([DAY1, DAY2]))
    told = workshop.lake.metadata(VALIDATED, DAY1)
    records = pl.read_parquet(workshop.lake.day_path(VALIDATED, DAY1))
    workshop.lake.write_day(VALIDATED, DAY1, records.head(2), told[FINGERPRINT], {ACCOUNT: told[ACCOUNT]})

    done = command("ingest", "--from", DAY1, "--to", DAY2)

    ended(done, DATA_FAILED)
    said = " ".join(done.stderr.split())
    assert f"{DAY1}: {CSV}: 3 records came in, 2 are accounted for (2 accepted, 0 quarantined" in said
    assert f"{DAY2}: " not in said
    published = "select race_date, count(*) from core.selections group by race_date"
    assert ask(workshop, published) == [(DAY2, 3)]
    assert ask(workshop, "select distinct race_date from core.races") == [(DAY2,)]
    # What the message says to do helps.
    assert f"race-assets ingest --from {DAY1} --to {DAY1} --refresh" in said
    ended(command("ingest", "--from", DAY1, "--to", DAY1, "--refresh"), GOOD)
    assert ask(workshop, f"{published} order by 1") == [(DAY1, 3), (DAY2, 3)]


@pytest.mark.parametrize("is_let_finish", [True, False])
def test_a_terminated_ingest_finishes_or_drops_the_transaction_in_flight_and_leaves_whole_days(
    is_let_finish: bool, environment: dict[str, str], workshop: Workshop, database: str
) -> None:
    for day in (DAY1, DAY2, DAY3):
        drop(workshop, f"{day}.csv", csv_race(day))
    small = {"RACE_ASSETS_CHUNK_ROWS": "3", "RACE_ASSETS_SHUTDOWN_TIMEOUT_SECONDS": "30" if is_let_finish else "0.5"}
    with psycopg.connect(database, autocommit=True) as holding:
        hold_publishing(holding)
        process = subprocess.Popen(
            [sys.executable, "-m", "race_assets", "ingest"],
            env={**environment, **small},
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            wait_until(lambda: bool(waiting_for_lock(holding)) or process.poll() is not None)
            process.send_signal(signal.SIGTERM)
            if is_let_finish:
                release_publishing(holding)
            out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0, out + errors
    built = [day for (day,) in ask(workshop, "select race_date from ops.built_days order by 1")]
    assert (DAY1 in built) is is_let_finish
    whole = [(day, 1, 3, 3) for day in built]
    counts = """select race_date, (select count(*) from core.races as r where r.race_date = b.race_date),
                    (select count(*) from core.selections as s where s.race_date = b.race_date),
                    (select count(*) from core.prices as p where p.race_date = b.race_date)
                from ops.built_days as b order by 1"""
    assert ask(workshop, counts) == whole
    assert ask(workshop, "select count(*) from core.races") == [(len(built),)]
    assert ask(workshop, "select status from dagster.runs") == [("FAILURE",)]


def test_a_terminated_ingest_begins_no_further_stretch_and_names_it(
    environment: dict[str, str], workshop: Workshop, database: str
) -> None:
    later = DAY1 + timedelta(days=40)
    for day in (DAY1, later):
        drop(workshop, f"{day}.csv", csv_race(day))
    with psycopg.connect(database, autocommit=True) as holding:
        hold_publishing(holding)
        process = subprocess.Popen(
            [sys.executable, "-m", "race_assets", "ingest"],
            env=environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            wait_until(lambda: bool(waiting_for_lock(holding)) or process.poll() is not None)
            process.send_signal(signal.SIGTERM)
            release_publishing(holding)
            out, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0, out + errors
    assert ask(workshop, "select race_date from ops.built_days") == [(DAY1,)]
    assert ask(workshop, "select count(*) from dagster.runs") == [(1,)]
    said = " ".join((out + errors).split())
    assert f"{later} to {later}" in said
    assert "not begun" in said


@pytest.mark.parametrize("pattern", ["%", "_", ""])
def test_withdraw_takes_its_argument_as_text_and_never_as_a_pattern(
    pattern: str, command: Command, workshop: Workshop
) -> None:
    drop(workshop, "a.csv", csv_race(DAY1))
    ended(command("land", "--withdraw", pattern), USAGE)
    assert ask(workshop, "select count(*) from ops.source_files where withdrawn_at is null") == [(1,)]


def test_a_copy_is_refused_like_any_other_query_that_gives_no_rows(command: Command) -> None:
    ended(command("query", "copy core.races to stdout"), USAGE, "refused")


def test_json_keeps_both_of_two_columns_of_one_name(command: Command) -> None:
    done = command("query", "select 1 as a, 2 as a, 3 as a_2", "--format", "json")
    assert json.loads(done.stdout) == [{"a": 1, "a_3": 2, "a_2": 3}]


def test_a_drop_folder_that_cannot_be_read_fails_the_ingest_and_holds_no_other_source_up(
    command: Command, workshop: Workshop
) -> None:
    drops = workshop.settings.home / "drops"
    written(drops, "betfair_bsp", "a file where the folder should be")
    written(drops, f"{CSV}/a.csv", CSV_HEADER + csv_race(DAY1))
    done = command("ingest")
    assert done.returncode == DATA_FAILED
    assert "drop folder of betfair_bsp" in " ".join((done.stdout + done.stderr).split())
    assert ask(workshop, "select race_date from ops.built_days") == [(DAY1,)]


# Files that fail


def test_a_file_that_was_set_aside_is_told_by_doctor_and_read_again_by_its_hash(
    command: Command, workshop: Workshop, tmp_path: Path
) -> None:
    path = written(tmp_path, "a.csv", CSV_HEADER + csv_race(DAY1))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    archived = workshop.archive.take(path, CSV, path.name)
    gone = f"{process.process_mark().split(maxsplit=1)[0]} 999999999 1.00"
    for _ in range(3):
        version = workshop.source(CSV).parser_version
        attempts.begin(workshop.warehouse, CSV, archived.sha256, path.name, version, gone)
        list(land.read_failed_again(workshop, datetime.now(UTC) + timedelta(days=1)))
    other = written(tmp_path, "b.csv", CSV_HEADER + csv_race(DAY2))
    ended(command("land", other, "--source", CSV), GOOD, "1 file: 1 landed")
    doctor = command("doctor", "--offline")
    assert doctor.returncode == DATA_FAILED
    assert "a.csv of betfair_csv is set aside" in words(doctor)
    assert f"land --retry {sha256[:12]}" in words(doctor)
    assert (
        'race_assets_files_not_read{source="betfair_csv",state="set_aside"} 1.0' in command("metrics", "--once").stdout
    )
    ended(command("land", path, "--source", CSV), DATA_FAILED, "set_aside", "1 file: 1 set aside")
    refused = command("land", path, "--source", CSV, "--retry", sha256[:8])
    assert (refused.returncode, "--retry takes the start" in words(refused)) == (USAGE, True)
    ended(command("land", "--retry", sha256[:8]), GOOD, "landed", "3 records")
