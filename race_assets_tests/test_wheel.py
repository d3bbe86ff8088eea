"""The wheel holds all that a user needs: built once, installed into a folder, used from empty folders elsewhere.

It is built and installed without a network. Python finds the installed package before the one the tests run from.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from race_assets_tests.conftest import OURS, PROJECT

SOURCES_OF_THE_WHEEL = (
    "race_assets", "data/samples", "race_assets.yaml", "dagster.yaml", "workspace.yaml", "README.md", "pyproject.toml",
    "setup.py", "MANIFEST.in",
)  # fmt: skip
ALSO_IN_A_CLONE = ("race_assets_tests/__init__.py", "benchmarks/__init__.py")
FOLDER = "my dögs"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone named race_assets, without what tests and builds leave in ours."""
    clone = tmp_path_factory.mktemp("beside") / "race_assets"
    for name in SOURCES_OF_THE_WHEEL:
        source, target = PROJECT / name, clone / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "bundled"))
        else:
            shutil.copy(source, target)
    for name in ALSO_IN_A_CLONE:
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).touch()
    return clone


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, clone)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder the wheel is installed in."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--target", folder, wheel)
    return folder


def pip(command: str, *arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", command, "--quiet", "--no-deps", "--no-index", *map(str, arguments)],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )


def race_assets(
    installed: Path, folder: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command of the installed package in a folder, without anything else of the project or its settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith((OURS, "DAGSTER"))}
    return subprocess.run(
        [sys.executable, "-m", "race_assets", *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(installed), "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_has_every_file_of_the_package_and_those_of_the_clone_that_users_need(
    wheel: Path, clone: Path
) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    of_package = {f"race_assets/{name}" for name in files_below(clone / "race_assets")}
    samples = {f"data/samples/{name}" for name in files_below(clone / "data" / "samples") if not name.endswith(".py")}
    others = {"race_assets.yaml", "dagster.yaml", "workspace.yaml"}
    assert names == of_package | {f"race_assets/bundled/{name}" for name in samples | others}
    assert len(samples) > 10
    with zipfile.ZipFile(wheel) as archive:
        for name in others | samples:
            assert archive.read(f"race_assets/bundled/{name}") == (clone / name).read_bytes()


def test_a_source_archive_makes_the_same_wheel(clone: Path, wheel: Path, tmp_path: Path) -> None:
    code = "from setuptools import build_meta as b; import sys; print(b.build_sdist(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=clone, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    pip("wheel", "--no-build-isolation", "--wheel-dir", tmp_path, archive)
    (again,) = tmp_path.glob("*.whl")
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_the_demo_runs_in_an_empty_folder_writes_only_there_and_says_where(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    before = files_below(installed)

    done = race_assets(installed, folder, "demo")

    assert done.returncode == 0, done.stdout + done.stderr
    home = folder / "data" / "demo"
    assert "au-wentworth-park-20240627-1924" in done.stdout
    assert "Dulcimer Bungalow" in done.stdout
    assert f"all of it is below {home}" in done.stdout
    assert f"RACE_ASSETS_HOME='{home}' race-assets query" in done.stdout
    assert "dagster.yaml" not in done.stderr
    assert files_below(installed) == before
    assert [path.name for path in folder.iterdir()] == ["data"]
    assert [path.name for path in (folder / "data").iterdir()] == ["demo"]
    instance = yaml.safe_load((home / "dagster" / "dagster.yaml").read_text(encoding="utf-8"))
    assert instance["telemetry"] == {"enabled": False}


def test_a_demo_without_samples_fails_and_says_so(installed: Path, tmp_path: Path, database: str) -> None:
    enabled = {f"RACE_ASSETS_SOURCES__{name}__ENABLED": "false" for name in ("BETFAIR_CSV", "BETFAIR_BSP")}
    done = race_assets(installed, tmp_path, "demo", RACE_ASSETS_POSTGRES__URL=database, **enabled)
    assert done.returncode == 1
    assert "no samples of an enabled source" in done.stderr


def test_a_project_holds_all_that_is_written_and_the_doctor_knows_how_to_serve_it(
    installed: Path, tmp_path: Path, database: str
) -> None:
    project = tmp_path / FOLDER / "races"
    (tmp_path / FOLDER).mkdir()
    url = {"RACE_ASSETS_POSTGRES__URL": database}
    done = race_assets(installed, tmp_path / FOLDER, "init", "races")
    assert done.returncode == 0, done.stderr
    assert f"DAGSTER_HOME='{project}' dagster dev -w workspace.yaml" in done.stdout
    samples = installed / "race_assets" / "bundled" / "data" / "samples" / "betfair_csv"
    shutil.copytree(samples, project / "data" / "drops" / "betfair_csv", dirs_exist_ok=True)
    before = files_below(installed)

    done = race_assets(installed, project, "ingest", RACE_ASSETS_AUTOMATION__DROPS__SETTLE_SECONDS="0", **url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "betfair_csv" in done.stdout
    assert files_below(installed) == before
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {"races"}
    assert {path.name for path in project.iterdir()} == {
        ".gitignore", "README.md", "dagster.yaml", "data", "race_assets.yaml", "workspace.yaml",
    }  # fmt: skip

    done = race_assets(installed, project, "doctor", "--offline", **url)
    assert done.returncode == 0, done.stdout
    assert f"ok       settings file: {project / 'race_assets.yaml'}" in done.stdout
    assert f"next: cd '{project}' && DAGSTER_HOME='{project}' dagster dev -w workspace.yaml" in done.stdout
    assert "make" not in done.stdout.split()

    elsewhere = race_assets(installed, tmp_path, "doctor", "--offline", **url)
    assert f"warning  settings file: none in {tmp_path}" in elsewhere.stdout
    assert "next: race-assets init" in elsewhere.stdout


def test_a_script_beside_a_clone_named_race_assets_gets_the_package(clone: Path, tmp_path: Path) -> None:
    """The clone's folder has the package's name, and comes first on the path of a script beside it."""
    code = "from setuptools import build_meta as b; import sys; print(b.build_editable(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=clone, check=True, capture_output=True)
    (editable,) = tmp_path.glob("*.whl")
    site_packages = tmp_path / "site-packages"
    zipfile.ZipFile(editable).extractall(site_packages)
    script = (
        f"import site, sys; sys.path.insert(0, {str(clone.parent)!r}); site.addsitedir({str(site_packages)!r})\n"
        "import race_assets; print(race_assets.__file__, race_assets.read.__name__)"
    )
    # Without the packages of this environment, among which is an editable installation of its own.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False, cwd=clone.parent
    )
    assert done.stdout.split() == [str(clone / "race_assets" / "__init__.py"), "read"], done.stderr
