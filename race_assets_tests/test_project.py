"""Which folder is the project, what `race-assets init` writes into one, and which Dagster instance belongs to it."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from race_assets import settings as settings_module
from race_assets.console import init
from race_assets.errors import SettingsError
from race_assets.pipeline.doctor import project as doctor
from race_assets.resources import instance
from race_assets.settings import Settings, find_file, project
from race_assets.sources import registry
from race_assets_tests.conftest import PROJECT

WRITTEN = {".gitignore", "README.md", "dagster.yaml", "data", "race_assets.yaml", "workspace.yaml"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that init wrote."""
    folder = tmp_path / "my dögs"
    init.write(folder)
    return folder


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder of somebody who installed the wheel."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(project, "clone", lambda: None)
    monkeypatch.setattr(project, "BUNDLED", PROJECT)
    return empty


# Init


def test_init_writes_the_documented_defaults_and_the_drop_folders_of_enabled_sources(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == WRITTEN
    for name in ("race_assets.yaml", "dagster.yaml", "workspace.yaml"):
        assert (folder / name).read_bytes() == (PROJECT / name).read_bytes()
    settings = settings_module.load(folder / "race_assets.yaml", {})
    assert settings.home == folder / "data"
    drops = {path.name for path in (folder / "data" / "drops").iterdir()}
    assert drops == set(registry.enabled(settings)) >= {"betfair_csv", "betfair_bsp"}


@pytest.mark.parametrize("name", sorted(WRITTEN - {"data"}))
def test_init_overwrites_nothing_and_writes_nothing_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match=rf"has {name} already, and nothing is overwritten.*move it away"):
        init.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_init_does_not_follow_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=r"has dagster\.yaml already"):
        init.write(tmp_path)


def test_init_where_nothing_can_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"file cannot be written: .*race-assets init FOLDER"):
        init.run(tmp_path / "file")


def test_init_is_a_command_with_exit_code_2_where_it_refuses(
    command: Callable[..., SimpleNamespace], tmp_path: Path
) -> None:
    assert command("init", tmp_path / "races").returncode == 0
    again = command("init", tmp_path / "races")
    assert (again.returncode, "nothing is overwritten" in again.stderr) == (2, True)


def test_the_instance_of_a_project_sends_no_telemetry_and_writes_below_home(folder: Path) -> None:
    written = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8"))
    assert written["telemetry"] == {"enabled": False}
    assert "base_dir" not in str(written)


# Which file


def test_the_settings_file_is_in_the_working_folder_or_in_dagster_home_or_in_the_clone(
    empty: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_file({}) is None
    assert find_file({"DAGSTER_HOME": str(empty)}) is None
    assert find_file({"DAGSTER_HOME": str(folder)}) == folder / "race_assets.yaml"
    monkeypatch.setattr(project, "clone", lambda: PROJECT)
    assert find_file({}) == PROJECT / "race_assets.yaml"
    assert find_file({"DAGSTER_HOME": str(folder)}) == folder / "race_assets.yaml"
    (empty / "race_assets.yaml").touch()
    assert find_file({"DAGSTER_HOME": str(folder)}) == empty / "race_assets.yaml"


def test_without_a_file_everything_is_below_the_working_folder(empty: Path) -> None:
    assert settings_module.load().home == empty / "data"


# Dagster's instance


def test_the_instance_is_the_projects_or_one_below_home(empty: Path, folder: Path) -> None:
    assert project.instance_folder(folder / "race_assets.yaml", folder / "data") == folder
    assert project.instance_folder(None, empty / "data") == empty / "data" / "dagster"
    (folder / "dagster.yaml").unlink()
    assert project.instance_folder(folder / "race_assets.yaml", folder / "data") == folder / "data" / "dagster"


@pytest.mark.parametrize("in_project", [True, False])
def test_a_command_opens_the_instance_that_belongs_to_the_settings(
    empty: Path, folder: Path, database: str, monkeypatch: pytest.MonkeyPatch, in_project: bool
) -> None:
    monkeypatch.setenv("RACE_ASSETS_POSTGRES__URL", database)
    if in_project:
        monkeypatch.chdir(folder)
    expected, home = (folder, folder / "data") if in_project else (empty / "data" / "dagster", empty / "data")
    with instance.open_instance() as opened:
        assert opened.root_directory == str(home / "dagster")
        assert not opened.telemetry_enabled
        assert opened.compute_log_manager._base_dir == str(home / "dagster" / "compute_logs")  # type: ignore[attr-defined]
    assert os.environ["DAGSTER_HOME"] == str(expected)
    assert {path.name for path in empty.iterdir()} <= {"data"}


@pytest.mark.parametrize("named", ["relative", "/nowhere/at/all"])
def test_a_dagster_home_that_is_no_folder_is_refused(empty: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    (empty / "relative").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", named)
    with pytest.raises(SettingsError, match=f"DAGSTER_HOME {named} is not the absolute path of a folder"):
        instance.open_instance()


def test_an_instance_that_cannot_be_written_is_refused(empty: Path) -> None:
    (empty / "data").touch()
    with pytest.raises(SettingsError, match=r"data/dagster cannot be written: .*set home in race_assets\.yaml"):
        instance.open_instance()


# What the doctor says


def test_the_ui_is_started_as_the_installation_needs_it(
    empty: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shlex.quote(str(folder))
    assert project.serve_command(None).startswith("race-assets init")
    assert project.serve_command(folder / "race_assets.yaml") == (
        f"cd {path} && DAGSTER_HOME={path} dagster dev -w workspace.yaml"
    )
    (empty / "race_assets.yaml").touch()
    assert project.serve_command(empty / "race_assets.yaml").startswith("race-assets init")
    assert project.update_advice().startswith("pip install")
    monkeypatch.setattr(project, "clone", lambda: PROJECT)
    assert project.serve_command(PROJECT / "race_assets.yaml") == f"make -C {shlex.quote(str(PROJECT))} dev"
    assert project.update_advice().startswith(f"update the clone {PROJECT}")


def test_the_doctor_tells_settings_and_instance(empty: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.model_validate({"home": empty / "data"})

    def found() -> list[tuple[str, str]]:
        return [(each.state, each.said) for each in doctor.findings(settings)]

    assert found() == [
        ("warning", f"none in {empty}: every setting has its default, and everything is written below {empty}/data"),
        ("ok", f"commands use {empty}/data/dagster, as DAGSTER_HOME is not set"),
    ]
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    assert found() == [("ok", str(folder / "race_assets.yaml")), ("ok", f"DAGSTER_HOME is {folder}")]


@pytest.mark.parametrize(
    ("text", "state", "said"),
    [
        (None, "warning", "has no dagster.yaml: Dagster stores its runs there, and sends usage telemetry"),
        ("telemetry: {enabled: false}", "warning", "does not name race_assets' storage"),
    ],
)
def test_the_doctor_knows_an_instance_of_something_else(
    empty: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, state: str, said: str
) -> None:
    if text is not None:
        (empty / "dagster.yaml").write_text(text)
    monkeypatch.setenv("DAGSTER_HOME", str(empty))
    _, of_instance = doctor.findings(Settings.model_validate({"home": empty / "data"}))
    assert (of_instance.state, said in of_instance.said) == (state, True)
    assert f"unset DAGSTER_HOME, or set it to {empty}/data/dagster" in of_instance.step


def test_the_doctor_refuses_a_dagster_home_that_is_no_folder(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(empty / "nowhere"))
    _, of_instance = doctor.findings(Settings.model_validate({"home": empty / "data"}))
    assert (of_instance.state, of_instance.is_credentials) == ("problem", True)
