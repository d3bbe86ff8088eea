"""Every source: empty days, files twice, bad rows, bad files, conservation, and a graph that asks nobody anything."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from race_assets import settings
from race_assets.pipeline import land
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.catalogue import CORE
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets_tests.conformance.specimens import DAY, DOGS, SPECIMENS, Specimen
from race_assets_tests.pipeline.feed import ask, build_days, build_stale, tables
from race_assets_tests.waiting import PATIENCE_S

BAD_FILES = [
    (b"", "unreadable"),
    (b"<html><body>Sorry, you are not allowed</body></html>", "blocked_page"),
    (b"\x00\x01\x02\x03" * 50, "unreadable"),
    (b"\x1f\x8b\x08\x00cut", "unreadable"),
    (b"colour,size\nred,1\n", "unreadable"),
]

every_source = pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)


def landed(workshop: Workshop, specimen: Specimen, data: str | bytes, name: str = "") -> Landed:
    path = workshop.settings.home / "inbox" / (name or specimen.file)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = "cp1252" if specimen.name == "gbgb_results" else "utf-8"
    path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding))
    (done,) = land.land(workshop, specimen.name, [(path, path.name)])
    return done


def account(workshop: Workshop) -> list[tuple[object, ...]]:
    """records_in, accepted, quarantined, duplicates, filtered of the newest run of each day."""
    return ask(
        workshop,
        """select records_in, accepted, quarantined, duplicates, filtered from ops.ingestion_runs
           where race_date is not null and started_at = (select max(started_at) from ops.ingestion_runs)""",
    )


def test_every_source_has_its_specimen() -> None:
    assert {specimen.name for specimen in SPECIMENS} == set(registry.available(Settings()))


@every_source
def test_a_race_comes_through_whole(workshop: Workshop, specimen: Specimen) -> None:
    done = landed(workshop, specimen, specimen.text())
    assert (done.state, done.days, done.undated) == ("landed", (DAY,), 0)
    build_stale(workshop)
    dogs = [dog for (dog,) in ask(workshop, "select dog_name from core.selections order by trap, dog_name")]
    assert dogs == (list(DOGS) if specimen.has_traps else sorted(DOGS))
    assert ask(workshop, "select race_date, runner_count, sources from core.races") == [(DAY, 4, [specimen.name])]
    assert account(workshop) == [(4 * specimen.records, 4 * specimen.records, 0, {}, {})]


@every_source
def test_a_bad_row_is_quarantined_alone_and_found_again_as_read(workshop: Workshop, specimen: Specimen) -> None:
    text = specimen.text(bad=["Beta"])
    landed(workshop, specimen, text)
    build_stale(workshop)
    assert {dog for (dog,) in ask(workshop, "select dog_name from core.selections")} == {"Alpha", "Gamma", "Delta"}
    rejects = ask(workshop, "select source_row, rules, \"row\" ->> 'text' from quarantine.rejects")
    row, told = specimen.bad_row(text, 2)
    assert rejects == [(row, [specimen.bad_rule], told)] * specimen.records
    assert account(workshop) == [(4 * specimen.records, 3 * specimen.records, specimen.records, {}, {})]


@every_source
def test_a_line_that_is_no_row_is_accounted_for_without_a_day(workshop: Workshop, specimen: Specimen) -> None:
    done = landed(workshop, specimen, specimen.text() + "only,three,fields\n")
    assert (done.undated, done.rows_careful) == (1, specimen.careful)
    build_stale(workshop)
    assert ask(workshop, "select source_row, stage, rules, race_date from quarantine.rejects") == [
        (specimen.junk_row, "land", [specimen.junk_rule], None)
    ]


@every_source
def test_bad_files_are_told_and_their_neighbour_is_taken(workshop: Workshop, specimen: Specimen) -> None:
    for number, (data, state) in enumerate(BAD_FILES):
        bad = landed(workshop, specimen, data, f"bad{number}.csv")
        assert (bad.state, bool(bad.detail), bad.is_bad) == (state, True, True)
    assert ask(workshop, "select count(*) from quarantine.rejects") == [(0,)]
    assert landed(workshop, specimen, specimen.text()).state == "landed"
    build_stale(workshop)
    assert ask(workshop, "select count(*) from core.selections") == [(4,)]


@every_source
def test_a_header_without_rows_is_no_data(workshop: Workshop, specimen: Specimen) -> None:
    if specimen.takes:
        pytest.skip("it has no header; an empty file of it is among the bad ones")
    assert landed(workshop, specimen, specimen.header).state == "no_data"


@every_source
def test_the_same_bytes_and_a_second_build_change_nothing(workshop: Workshop, specimen: Specimen) -> None:
    landed(workshop, specimen, specimen.text(bad=["Beta"]))
    build_stale(workshop)
    query = "select selection_id, xmin::text from core.selections order by 1"
    before = ask(workshop, query)
    assert landed(workshop, specimen, specimen.text(bad=["Beta"])).state == "known"
    assert landed(workshop, specimen, specimen.text(bad=["Beta"]), "again.csv").state == "known"
    assert build_days(workshop, [DAY]).unchanged == [DAY]
    assert ask(workshop, query) == before


@every_source
def test_rows_of_two_files_count_once(workshop: Workshop, specimen: Specimen) -> None:
    landed(workshop, specimen, specimen.text())
    landed(workshop, specimen, specimen.text(DOGS[:2]) + "\n", f"other-{specimen.file}")
    build_stale(workshop)
    records = specimen.records
    assert account(workshop) == [(6 * records, 4 * records, 0, {"between_files": 2 * records}, {})]


@every_source
def test_a_newer_version_takes_the_place_of_the_older(workshop: Workshop, specimen: Specimen) -> None:
    landed(workshop, specimen, specimen.text(bad=["Beta"]))
    build_stale(workshop)
    landed(workshop, specimen, specimen.text(DOGS[:3]))
    build_stale(workshop)
    assert {dog for (dog,) in ask(workshop, "select dog_name from core.selections")} == set(DOGS[:3])
    assert ask(workshop, "select distinct state from quarantine.rejects") == [("replayed",)]


@every_source
def test_an_empty_day_is_published_empty(workshop: Workshop, specimen: Specimen) -> None:
    landed(workshop, specimen, specimen.text())
    other = DAY + timedelta(days=1)
    built = build_days(workshop, [other])
    assert built.published[other] == dict.fromkeys(CORE, 0)


@every_source
def test_the_order_of_landing_does_not_matter(workshop: Workshop, specimen: Specimen) -> None:
    first, second = (specimen.file, specimen.text()), (f"x-{specimen.file}", specimen.text(DOGS[:2]) + "\n")
    states = []
    for files in ((first, second), (second, first)):
        for name, data in files:
            landed(workshop, specimen, data, name)
        build_stale(workshop)
        states.append(tables(workshop))
        for (sha,) in ask(workshop, "select sha256 from ops.source_files where withdrawn_at is null"):
            workshop.ledger.withdraw(specimen.name, sha)
        build_stale(workshop)
    assert states[0] == states[1]


def test_naming_and_making_sources_touches_no_network_and_no_disk(tmp_path: Path) -> None:
    names = [each.name for each in SPECIMENS]
    program = (
        "import socket\n"
        "def refuse(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "from race_assets import definitions\n"
        "from race_assets.settings import load\n"
        "from race_assets.sources import registry\n"
        f"for name in {names}: print(registry.create(name, load()).name)\n"
    )
    environment = {"RACE_ASSETS_HOME": str(tmp_path / "home"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stdout.split() == names, done.stderr
    assert not (tmp_path / "home").exists()


@every_source
def test_no_message_or_repr_holds_a_secret(specimen: Specimen, tmp_path: Path) -> None:
    secret = "hunter2"  # noqa: S105 - what must not be seen
    loaded = settings.load(
        environment={
            "RACE_ASSETS_POSTGRES__URL": f"postgresql://u:{secret}@127.0.0.1:1/x",
            "RACE_ASSETS_HOME": str(tmp_path),
        }
    )
    source = registry.create(specimen.name, loaded)
    assert secret not in repr(loaded) + repr(source) + repr(vars(source))
