"""The drop and stale-day sensors, evaluated as the daemon does, over real folders, ledger and instance."""

import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from race_assets import definitions
from race_assets.automation.ranges import END_TAG, START_TAG, contiguous
from race_assets.automation.sensors import DROP_SENSOR, STALE_SENSOR
from race_assets.errors import PermanentError
from race_assets.pipeline import drops, land, process
from race_assets.pipeline.days import chunks
from race_assets.pipeline.workshop import Workshop
from race_assets.resources.io_managers import LakeIOManager
from race_assets.resources.workshop import WorkshopResource
from race_assets.settings import StaleSensorSettings
from race_assets.sources.betfair.betfair_csv import BetfairCsv
from race_assets.storage import day_attempts
from race_assets_tests.conftest import SAMPLES
from race_assets_tests.pipeline.feed import build_days, tell

FEED = SAMPLES / "betfair_csv" / "greyhounds_2024-06-27.csv"
Tick = Callable[[str], dg.SensorResult | dg.SkipReason]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "drops" / "betfair_csv"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def tick(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tick]:
    """Evaluates a sensor of these definitions once, as the daemon does at a tick."""
    monkeypatch.setenv("RACE_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    monkeypatch.setenv("RACE_ASSETS_AUTOMATION__DROPS__SETTLE_SECONDS", "0")
    repository = definitions.build(definitions.settings.load()).get_repository_def()

    def evaluate(name: str) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(
            instance=instance, repository_def=repository, resources={"workshop": WorkshopResource()}
        ) as context:
            told = repository.get_sensor_def(name)(context)
            assert isinstance(told, dg.SensorResult | dg.SkipReason)
            return told

    with dg.DagsterInstance.ephemeral() as instance:
        yield evaluate


def requests(told: dg.SensorResult | dg.SkipReason) -> int:
    return len(told.run_requests or []) if isinstance(told, dg.SensorResult) else 0


def test_a_file_is_asked_for_when_two_looks_found_it_unchanged(tick: Tick, inbox: Path) -> None:
    (inbox / "day.csv").write_bytes(FEED.read_bytes())
    assert requests(tick(DROP_SENSOR)) == 0
    assert requests(tick(DROP_SENSOR)) == 1


def test_a_file_that_still_grows_is_left_alone(tick: Tick, inbox: Path) -> None:
    text = FEED.read_bytes()
    (inbox / "day.csv").write_bytes(text[:500])
    assert requests(tick(DROP_SENSOR)) == 0
    (inbox / "day.csv").write_bytes(text[:900])
    assert requests(tick(DROP_SENSOR)) == 0
    (inbox / "day.csv").write_bytes(text)
    assert requests(tick(DROP_SENSOR)) == 0
    assert requests(tick(DROP_SENSOR)) == 1


def test_a_done_marker_settles_a_file_at_once(tick: Tick, inbox: Path) -> None:
    (inbox / "day.csv").write_bytes(FEED.read_bytes())
    (inbox / "day.csv.done").touch()
    assert requests(tick(DROP_SENSOR)) == 1


@pytest.mark.parametrize("name", [".hidden.csv", "day.csv.part", "day.tmp", "day.csv.crdownload", "day.csv~"])
def test_hidden_and_temporary_names_are_left(tick: Tick, inbox: Path, name: str) -> None:
    (inbox / name).write_bytes(FEED.read_bytes())
    assert [requests(tick(DROP_SENSOR)) for _ in range(3)] == [0, 0, 0]


def later(workshop: Workshop, seconds: float) -> None:
    """Let time pass for the sensors: they go by when they last asked."""
    tell(workshop, f"update ops.watched_files set asked_at = asked_at - interval '{seconds} s'")
    tell(workshop, f"update ops.day_attempts set last_at = last_at - interval '{seconds} s'")


def asked_after(workshop: Workshop, tick: Tick, name: str, pauses: list[float]) -> list[int]:
    """How many runs a sensor asks for at once, and then after each of these pauses."""
    told = [requests(tick(name))]
    for seconds in pauses:
        later(workshop, seconds)
        told.append(requests(tick(name)))
    return told


def test_a_file_is_asked_for_after_growing_pauses_a_bounded_number_of_times_and_then_named(
    tick: Tick, workshop: Workshop, inbox: Path
) -> None:
    (inbox / "day.csv").write_bytes(FEED.read_bytes())
    (inbox / "day.csv.done").touch()
    assert asked_after(workshop, tick, DROP_SENSOR, [0, 30, 30, 60, 30, 30]) == [1, 0, 0, 1, 0, 0, 1]
    with pytest.raises(PermanentError, match=r"betfair_csv/day\.csv"):
        tick(DROP_SENSOR)
    (inbox / "day.csv").write_bytes(FEED.read_bytes() + b"\n")
    assert requests(tick(DROP_SENSOR)) == 1


def test_a_folder_that_cannot_be_read_is_an_error_and_holds_no_other_up(
    tick: Tick, inbox: Path, tmp_path: Path
) -> None:
    (tmp_path / "home" / "drops" / "betfair_bsp").write_text("a file where the folder should be")
    (inbox / "day.csv").write_bytes(FEED.read_bytes())
    (inbox / "day.csv.done").touch()
    assert requests(tick(DROP_SENSOR)) == 1
    (inbox / "day.csv").unlink()
    with pytest.raises(PermanentError, match=r"drop folder of betfair_bsp.*cannot be read"):
        tick(DROP_SENSOR)


def test_a_folder_that_is_not_there_is_an_error_and_never_no_files(
    make_settings: Callable[..., object], tmp_path: Path
) -> None:
    missing = {"betfair_csv": {"path": tmp_path / "unmounted"}}
    workshop = Workshop(make_settings(sources=missing))  # type: ignore[arg-type]
    with pytest.raises(PermanentError, match="unmounted"):
        drops.look(workshop, "betfair_csv")


def test_landing_takes_what_settled_once_and_a_changed_file_is_its_next_version(
    workshop: Workshop, inbox: Path
) -> None:
    file = inbox / "day.csv"
    file.write_bytes(FEED.read_bytes())
    first = drops.land_by_hand(workshop, "betfair_csv")
    assert [(each.state, each.version) for each in first] == [("landed", 1)]
    assert drops.land_by_hand(workshop, "betfair_csv") == []

    lines = FEED.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    second = drops.land_by_hand(workshop, "betfair_csv")
    assert [(each.state, each.version) for each in second] == [("landed", 2)]
    assert file.exists()


def test_one_bad_file_stops_nobody(workshop: Workshop, inbox: Path) -> None:
    (inbox / "a_bad.csv").write_bytes(b"<html>blocked</html>")
    (inbox / "b_good.csv").write_bytes(FEED.read_bytes())
    (inbox / "sub").mkdir()
    (inbox / "sub" / "c_good.csv").write_bytes((SAMPLES / "betfair_csv" / "greyhounds_2024-03-31.csv").read_bytes())
    states = {os.path.relpath(each.path, inbox): each.state for each in drops.land_by_hand(workshop, "betfair_csv")}
    assert states == {"a_bad.csv": "blocked_page", "b_good.csv": "landed", "sub/c_good.csv": "landed"}


def test_links_that_lead_nowhere_or_round_in_circles_stop_nobody(
    workshop: Workshop, inbox: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (inbox / "good.csv").write_bytes(FEED.read_bytes())
    (inbox / "sub").mkdir()
    (inbox / "sub" / "up").symlink_to(inbox)
    (inbox / "itself.csv").symlink_to(inbox / "itself.csv")
    (inbox / "gone.csv").symlink_to(inbox / "not there")
    assert [each.state for each in drops.land_by_hand(workshop, "betfair_csv")] == ["landed"]
    told = {record.file for record in caplog.records if "link" in record.message}  # type: ignore[attr-defined]
    assert told == {"sub/up", "itself.csv", "gone.csv"}


def test_a_run_of_the_daemon_leaves_a_file_that_was_just_written_to(
    tick: Tick, workshop: Workshop, inbox: Path
) -> None:
    del tick  # its settings are those of the run
    raw = definitions.build(definitions.settings.load()).get_assets_def(dg.AssetKey(["raw", "betfair_csv"]))
    (inbox / "day.csv").write_bytes(FEED.read_bytes())

    def run(**tags: str) -> int:
        with dg.DagsterInstance.ephemeral() as instance:
            done = dg.materialize(
                [raw],
                instance=instance,
                resources={"workshop": WorkshopResource(), "lake": LakeIOManager()},
                partition_key="2024-06-27",
                tags=tags,
            )
            assert done.success
        return len(workshop.ledger.files("betfair_csv"))

    sensed = {"dagster/sensor_name": DROP_SENSOR}
    assert run(**sensed) == 0
    os.utime(inbox / "day.csv", (1_700_000_000, 1_700_000_000))
    assert run(**sensed) == 1
    (inbox / "more.csv").write_bytes(b"".join(FEED.read_bytes().splitlines(keepends=True)[:9]))
    assert run() == 2


def test_stale_days_are_asked_for_as_stretches_a_bounded_number_of_times(tick: Tick, workshop: Workshop) -> None:
    files = sorted((SAMPLES / "betfair_csv").glob("*.csv"))
    landed = list(land.land(workshop, "betfair_csv", land.named(files)))
    days = {day for each in landed for day in each.days}
    told = tick(STALE_SENSOR)
    assert isinstance(told, dg.SensorResult)
    asked = [(each.tags[START_TAG], each.tags[END_TAG]) for each in told.run_requests or []]
    assert asked == [
        ("2024-03-31", "2024-03-31"),
        ("2024-06-27", "2024-06-28"),
        ("2024-10-27", "2024-10-27"),
    ]
    assert len(days) == 4
    assert asked_after(workshop, tick, STALE_SENSOR, [59, 1, 119, 1]) == [0, 0, 3, 0, 3]
    with pytest.raises(PermanentError, match="2024-06-28"):
        tick(STALE_SENSOR)


def test_a_day_whose_inputs_changed_again_is_asked_for_again(tick: Tick, workshop: Workshop, inbox: Path) -> None:
    list(land.land(workshop, "betfair_csv", [(FEED, "day.csv")]))
    assert asked_after(workshop, tick, STALE_SENSOR, [60, 120]) == [1, 1, 1]
    (inbox / "more.csv").write_bytes(b"".join(FEED.read_bytes().splitlines(keepends=True)[:9]))
    list(land.land(workshop, "betfair_csv", [(inbox / "more.csv", "more.csv")]))
    assert requests(tick(STALE_SENSOR)) == 1


def test_a_day_that_cannot_be_built_is_asked_for_once_and_named_with_the_reason(
    tick: Tick, workshop: Workshop, inbox: Path
) -> None:
    list(land.land(workshop, "betfair_csv", [(FEED, "day.csv")]))
    assert requests(tick(STALE_SENSOR)) == 1
    workshop.ledger.give_up({dt.date(2024, 6, 27): "a count does not add up"})
    later(workshop, 7200)
    assert requests(tick(STALE_SENSOR)) == 1
    workshop.ledger.give_up({dt.date(2024, 6, 28): "neither does this"})
    with pytest.raises(PermanentError, match="2024-06-27: a count does not add up; 2024-06-28: neither does this"):
        tick(STALE_SENSOR)
    (inbox / "more.csv").write_bytes(b"".join(FEED.read_bytes().splitlines(keepends=True)[:9]))
    list(land.land(workshop, "betfair_csv", [(inbox / "more.csv", "more.csv")]))
    assert requests(tick(STALE_SENSOR)) == 1


def test_a_day_whose_build_was_killed_too_often_is_left_out_and_named(tick: Tick, workshop: Workshop) -> None:
    list(land.land(workshop, "betfair_csv", [(FEED, "day.csv")]))
    killed, other = sorted(workshop.ledger.stale_days())
    gone = f"{process.process_mark().split(maxsplit=1)[0]} 999999999 1.00"
    for _ in range(3):
        day_attempts.begin(workshop.warehouse, dict([killed]), gone)
        assert len(list(chunks(workshop, [killed[0]]))) == 1
    told = tick(STALE_SENSOR)
    assert isinstance(told, dg.SensorResult)
    assert [each.tags[START_TAG] for each in told.run_requests or []] == [str(other[0])]
    build_days(workshop, [other[0]])
    with pytest.raises(PermanentError, match=f"{killed[0]}: its build was killed 3 times.*ingest --from {killed[0]}"):
        tick(STALE_SENSOR)


def test_a_part_of_a_drop_folder_that_cannot_be_read_is_named_and_no_run_is_asked_for_it(
    tick: Tick, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "shut").mkdir()
    (inbox / "day.csv").write_bytes(FEED.read_bytes())
    (inbox / "day.csv.done").touch()
    unbroken = os.scandir

    def scandir(path: str | Path) -> object:
        if path == inbox / "shut":
            raise PermissionError(13, "Permission denied")
        return unbroken(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert requests(tick(DROP_SENSOR)) == 1
    (inbox / "day.csv").unlink()
    for _ in range(2):
        with pytest.raises(PermanentError, match=f"{inbox}/shut: Permission denied.*chmod"):
            tick(DROP_SENSOR)


def test_a_file_whose_reading_failed_is_asked_for_after_a_pause(
    tick: Tick, workshop: Workshop, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> object:
        raise MemoryError

    monkeypatch.setattr(BetfairCsv, "read", read)
    assert [each.state for each in land.land(workshop, "betfair_csv", [(FEED, "day.csv")])] == ["failed"]
    assert inbox.is_dir()
    assert requests(tick(DROP_SENSOR)) == 0
    tell(workshop, "update ops.file_attempts set last_at = last_at - interval '1 hour'")
    assert requests(tick(DROP_SENSOR)) == 1


def test_pauses_between_attempts_double_up_to_a_limit() -> None:
    told = StaleSensorSettings(backoff_seconds=60, max_backoff_seconds=600)
    assert [told.pause_s(attempts) for attempts in range(7)] == [0, 60, 120, 240, 480, 600, 600]


def test_days_become_ranges_without_gaps() -> None:
    day = dt.date(2024, 2, 28)
    days = [day + dt.timedelta(days=n) for n in (2, 0, 1, 5)]
    assert contiguous(days) == [
        (dt.date(2024, 2, 28), dt.date(2024, 3, 1)),
        (dt.date(2024, 3, 4), dt.date(2024, 3, 4)),
    ]
