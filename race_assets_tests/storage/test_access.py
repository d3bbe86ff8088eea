"""What lies below a home is read by its owner, and by its group where the settings say so; people's folders stay."""

import os
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from race_assets.pipeline.doctor import machine
from race_assets.pipeline.land import land, named
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage import access
from race_assets.storage.files import prepare_home, replacing
from race_assets.storage.lake import Lake
from race_assets.storage.recording import Recorder, Recordings
from race_assets_tests.conftest import SAMPLES

DAY = date(2024, 6, 27)
FILE = SAMPLES / "betfair_csv" / "greyhounds_2024-06-27.csv"


@pytest.fixture(autouse=True)
def _usual_umask() -> object:
    """Files are made for everybody to read, where nothing else is said."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def modes_below(home: Path, without: tuple[str, ...] = ("drops",)) -> tuple[set[int], set[int]]:
    """The modes of the folders and of the files below home."""
    paths = [path for path in home.rglob("*") if path.relative_to(home).parts[0] not in without]
    return {mode(path) for path in paths if path.is_dir()}, {mode(path) for path in paths if path.is_file()}


def use(settings: Settings) -> None:
    """Write a bit of everything: a landed and a built file, a record of its days, a recording."""
    service = IngestionService(settings)
    assert [each.state for each in land(service.workshop, "betfair_csv", named([FILE]))] == ["landed"]
    days, _ = service.stale_days()
    service.build(days, "a-run")
    recordings = Recordings(settings.home, "betfair_exchange")
    with recordings.held():
        recorder = Recorder(recordings, "session")
        recorder.append(DAY, b"{}\n")
        recorder.close()


@pytest.mark.parametrize(("is_group", "folders", "files"), [(False, {0o700}, {0o600}), (True, {0o750}, {0o640})])
def test_all_that_is_written_is_closed_to_other_accounts(
    make_settings: Callable[..., Settings], *, is_group: bool, folders: set[int], files: set[int]
) -> None:
    settings = make_settings(home_group=is_group)
    use(settings)
    assert mode(settings.home) in folders
    assert modes_below(settings.home) == (folders, files)
    assert {path.name for path in settings.home.iterdir()} >= {"archive", "lake", "recordings"}


def test_a_home_of_before_is_closed_at_the_next_start_and_what_is_people_s_stays(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "lake" / "raw", home / "archive", home / "drops" / "club", home / "mine", elsewhere):
        folder.mkdir(parents=True)
    for folder in (home, *home.rglob("*"), elsewhere):
        folder.chmod(0o755)
    day = home / "lake" / "raw" / "day.parquet"
    day.write_bytes(b"rows")
    (home / "recordings").symlink_to(elsewhere)
    prepare_home(home, is_group=False)
    assert [mode(path) for path in (home / "lake", day.parent, day, home / "archive")] == [0o700, 0o700, 0o600, 0o700]
    assert [mode(path) for path in (home, home / "drops", home / "drops" / "club", home / "mine", elsewhere)] == [
        0o755
    ] * 5
    prepare_home(home, is_group=True)
    assert [mode(path) for path in (home / "lake", day.parent, day, home / "archive")] == [0o750, 0o750, 0o640, 0o750]
    prepare_home(home, is_group=False)
    assert [mode(path) for path in (home / "lake", day.parent, day)] == [0o700, 0o700, 0o600]
    # What a link leads to is told, since it is not changed.
    assert list(access.open_to_others(home)) == [home / "recordings"]


def test_a_folder_that_hands_its_group_on_goes_on_doing_so(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    lake.chmod(0o2775)
    prepare_home(tmp_path, is_group=True)
    assert mode(lake) == 0o2750


def test_a_user_s_own_tracks_keep_their_mode(tmp_path: Path) -> None:
    file = tmp_path / "tracks.yaml"
    file.write_text("{}")
    file.chmod(0o644)
    prepare_home(tmp_path, is_group=False)
    assert mode(file) == 0o644


def test_a_file_in_a_folder_for_everybody_is_for_its_owner(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with replacing(tmp_path / "below" / "file") as part:
        part.write_bytes(b"rows")
    assert [mode(tmp_path / "below"), mode(tmp_path / "below" / "file")] == [0o700, 0o600]


def test_a_copy_of_a_day_on_another_disk_is_closed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    lake = Lake(tmp_path)
    lake.write_day("raw", DAY, pl.DataFrame({"race_date": [DAY]}), "x")
    lake.copy_day("raw", DAY, tmp_path / "published" / "day.parquet")
    assert mode(tmp_path / "published" / "day.parquet") == 0o600


def test_doctor_tells_of_folders_that_every_account_may_read(workshop: Workshop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    home = workshop.settings.home
    home.mkdir()
    for folder in (home, elsewhere):
        folder.chmod(0o755)
    (home / "lake").symlink_to(elsewhere)
    (found,) = (each for each in machine.findings(workshop.settings) if each.thing == "rights")
    assert str(home / "lake") in found.said
    assert found.step == f"chmod -R o-rwx {home / 'lake'}"
    home.chmod(0o700)
    assert not [each for each in machine.findings(workshop.settings) if each.thing == "rights"]
