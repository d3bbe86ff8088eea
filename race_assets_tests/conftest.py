"""What every test may ask for: a database of its own on a real Postgres, a home folder, the samples, the real files.

Without RACE_ASSETS_POSTGRES__URL an embedded server is started once per test process; with it, the suite runs on that
server, in databases it creates and drops.
"""

import gc
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from race_assets import settings as settings_module
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.storage import embedded, embedded_roles
from race_assets_tests import commands
from race_assets_tests.databases import Databases, reader_url

PROJECT = Path(__file__).parent.parent
SAMPLES = PROJECT / "data" / "samples"
OURS = "RACE_ASSETS_"

# No test depends on how fast the machine is. A test that sets health checks of its own would switch these on again.
hypothesis_settings.register_profile(
    "any_speed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("any_speed")


def environment_of(home: Path, url: str) -> dict[str, str]:
    """The environment of a command that is to use this home and database."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {
        **inherited,
        "RACE_ASSETS_HOME": str(home),
        "RACE_ASSETS_POSTGRES__URL": url,
        "RACE_ASSETS_POSTGRES__READER_URL": reader_url(url),
        "RACE_ASSETS_AUTOMATION__DROPS__SETTLE_SECONDS": "0",
        "DAGSTER_HOME": str(PROJECT),
        "NO_COLOR": "1",
    }


def run_in(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `race-assets` with arguments in this environment, as a user would, and gives its output and exit code."""

    def run(*arguments: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
        return commands.run([*map(str, arguments)], {**environment, **extra}, PROJECT)

    return run


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Postgres server to make databases on."""
    if url := os.environ.get("RACE_ASSETS_POSTGRES__URL"):
        yield url
        return
    home = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        # Tests make databases and roles.
        patch.setattr(embedded_roles, "OWNER_RIGHTS", "login superuser")
        url = embedded.ensure(home)
    yield url
    embedded.release(home)


@pytest.fixture(scope="session")
def databases(server: str) -> Iterator[Databases]:
    """Where databases are lent."""
    lender = Databases(server)
    yield lender
    lender.close()


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """URL of a migrated, empty database that is this test's own."""
    with databases.lend() as url:
        yield url


@pytest.fixture
def make_settings(tmp_path: Path, database: str) -> Callable[..., Settings]:
    """Settings over this test's home and database, with changes given as nested dicts."""

    def make(**changes: object) -> Settings:
        base = {"home": tmp_path / "home", "postgres": {"url": database, "reader_url": reader_url(database)}}
        base["automation"] = {"drops": {"settle_seconds": 0}}
        return Settings.model_validate({**base, **changes})

    return make


@pytest.fixture
def workshop(make_settings: Callable[..., Settings]) -> Workshop:
    """The pipeline's tools over this test's home and database."""
    return Workshop(make_settings())


@pytest.fixture
def environment(tmp_path: Path, database: str) -> dict[str, str]:
    """The environment of a command that is to use this test's home and database."""
    return environment_of(tmp_path / "home", database)


@pytest.fixture
def command(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`race-assets` over this test's home and database."""
    return run_in(environment)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real files; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("RACE_ASSETS_REALDATA", PROJECT.parent / "shared" / "realdata"))
    if not folder.is_dir():
        pytest.skip(f"real files are not at {folder}; RACE_ASSETS_REALDATA names their folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that say they take minutes come first: behind all others they would hold up the end alone."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """The tests and what they import stay to the end: they need not be looked through for garbage after each."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings reaches a test."""
    for name in list(os.environ):
        if name.startswith(OURS) and name.removeprefix(OURS) not in settings_module.NOT_SETTINGS:
            monkeypatch.delenv(name)
