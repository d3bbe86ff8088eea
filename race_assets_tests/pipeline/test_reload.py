"""A process that lives long takes over changed settings and tracks between two units of work, and keeps what it has."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from race_assets.errors import SettingsError
from race_assets.identity.tracks import own_file
from race_assets.pipeline import reload
from race_assets.pipeline.reload import Reloading
from race_assets.pipeline.service import IngestionService
from race_assets.settings import Settings
from race_assets_tests.pipeline.feed import CSV, DAY1, ask, csv_race, drop

ALIAS = "aliases: {gb-monmore: [Nowhere Park]}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file in force."""
    made = tmp_path / "race_assets.yaml"
    made.write_text("home: data\nchunk_rows: 10\n")
    monkeypatch.setenv("RACE_ASSETS_CONFIG", str(made))
    (tmp_path / "data").mkdir()
    return made


@pytest.fixture(autouse=True)
def _files_count_as_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "SETTLED_S", 0)


def test_the_same_tools_are_used_until_a_file_changes(file: Path, tmp_path: Path) -> None:
    reloading = Reloading()
    first = reloading.workshop()
    assert reloading.workshop() is first

    file.write_text("home: data\nchunk_rows: 20\n")
    second = reloading.workshop()
    assert (first.settings.chunk_rows, second.settings.chunk_rows) == (10, 20)

    own_file(tmp_path / "data").write_text(ALIAS)
    third = reloading.workshop()
    assert third.tracks.fingerprint != second.tracks.fingerprint
    assert reloading.workshop() is third

    own_file(tmp_path / "data").write_text("# tidied\n" + ALIAS)
    assert reloading.workshop() is third
    own_file(tmp_path / "data").unlink()
    assert reloading.workshop().tracks.fingerprint == first.tracks.fingerprint


@pytest.mark.usefixtures("file")
def test_a_variable_that_changes_in_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    reloading = Reloading()
    assert reloading.workshop().settings.chunk_rows == 10
    monkeypatch.setenv("RACE_ASSETS_CHUNK_ROWS", "7")
    assert reloading.workshop().settings.chunk_rows == 7


@pytest.mark.parametrize("wrong", ["chunk_rows: [", "chunk_rows: many\n", "", "no_such: 1\n"])
def test_a_file_that_is_wrong_leaves_what_is_in_force_and_is_reported_once(
    file: Path, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    reloading = Reloading()
    first = reloading.workshop()
    good = file.read_text()
    with caplog.at_level(logging.WARNING):
        if wrong:
            file.write_text(wrong)
        else:
            file.unlink()
        assert [reloading.workshop() is first for _ in range(3)] == [True] * 3
    assert len(caplog.messages) == 1
    assert str(file) in first.not_taken_over
    assert "stays in force" in first.not_taken_over
    file.write_text(good)
    assert reloading.workshop() is first
    assert first.not_taken_over == ""


@pytest.mark.usefixtures("file")
def test_tracks_that_are_wrong_leave_the_former_ones_in_force(tmp_path: Path) -> None:
    own_file(tmp_path / "data").write_text(ALIAS)
    reloading = Reloading()
    first = reloading.workshop()
    before = first.tracks.fingerprint
    own_file(tmp_path / "data").write_text("aliases: {gb-monmore: [Nowhere")
    assert reloading.workshop() is first
    assert first.tracks.fingerprint == before
    assert "tracks.yaml" in first.not_taken_over


def test_without_anything_in_force_a_wrong_file_is_an_error(file: Path) -> None:
    file.write_text("chunk_rows: many\n")
    with pytest.raises(SettingsError, match="chunk_rows"):
        Reloading().workshop()


def test_a_file_that_was_written_to_just_now_is_looked_at_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is half written may be valid, and would put defaults in force."""
    monkeypatch.setattr(reload, "SETTLED_S", 10)
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0)
    times = iter([])

    def clock() -> float:
        """The file is completed while it is looked at for the second time; some looks later it is old enough."""
        look = next(times, None)
        if look == "complete":
            file.write_text("home: data\nchunk_rows: 30\n")
        return file.stat().st_mtime + (0 if look else 11)

    reloading = Reloading(clock=clock)
    assert reloading.workshop().settings.chunk_rows == 10
    file.write_text("home: data\n")
    times = iter(["young", "young", "complete", "young", "young", "young"])
    assert reloading.workshop().settings.chunk_rows == 30


def test_a_session_of_the_service_takes_an_alias_over_with_its_next_call(
    make_settings: Callable[..., Settings],
) -> None:
    service = IngestionService(make_settings())
    drop(service.workshop, "a.csv", csv_race(DAY1, track="Nowhere Park") + csv_race(DAY1))
    service.build(service.stale_days()[0], "first")
    assert ask(service.workshop, "select count(*) from core.races") == [(1,)]
    home = service.settings.home
    own_file(home).write_text(ALIAS)
    landed = service.land_everything()
    assert [(each.source, each.state, each.undated) for each in landed] == [(CSV, "landed", 0)]
    service.build(service.stale_days()[0], "second")
    assert ask(service.workshop, "select count(*) from core.races") == [(2,)]


def test_what_is_in_force_stays_while_a_call_works(make_settings: Callable[..., Settings]) -> None:
    service = IngestionService(make_settings())
    workshop = service.workshop
    own_file(service.settings.home).parent.mkdir(parents=True, exist_ok=True)
    seen = []

    def progress(*_: object) -> None:
        own_file(service.settings.home).write_text(ALIAS)
        seen.append(service.workshop)

    drop(workshop, "a.csv", csv_race(DAY1))
    workshop.progress = progress
    service.build([DAY1], "run")
    assert seen
    assert all(each is workshop for each in seen)
    service.stale_days()
    assert service.workshop is not workshop
