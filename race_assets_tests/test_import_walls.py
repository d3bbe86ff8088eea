"""Who may import whom: data goes one way, and Dagster stays on its own floor."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from race_assets_tests.conftest import SAMPLES

PACKAGE = Path(__file__).parent.parent / "race_assets"
GROUND = {"settings", "errors", "ahead", "backoff", "display"}
ALLOWED = {
    "values": set(),
    "schemas": set(),
    "http": set(),
    "sources": {"http", "values", "schemas"},
    "validation": {"values", "schemas"},
    "identity": {"values", "schemas"},
    "normalise": {"identity", "values", "schemas"},
    "storage": {"schemas"},
    "pipeline": {"sources", "validation", "identity", "normalise", "storage", "http", "values", "schemas"},
    "settings": {"backoff"},
    "errors": {"display"},
    "display": set(),
    "ahead": set(),
    "backoff": set(),
}
WITH_DAGSTER = {"definitions", "assets", "automation", "resources", "observability", "console", "retries"}
DAGSTERS_FLOOR = ("assets", "automation", "resources", "observability")
BELOW = set(ALLOWED) - GROUND
# By the letter of ARCHITECTURE section 2: who stands on one floor does not import his neighbours there.
ALLOWED |= dict.fromkeys(DAGSTERS_FLOOR, BELOW | {"retries"}) | {"retries": set()}
ALLOWED |= dict.fromkeys(("definitions", "console", "__init__"), BELOW.union(DAGSTERS_FLOOR))
# `console` counts with `cli`, whose other half it is; `race_assets.read`, in `__init__`, is one more door to the house.
# The command runs what `definitions` puts together, rather than putting it together again (docs/decisions.md).
ALLOWED["console"] = ALLOWED["console"] | {"definitions"}
ALLOWED |= {"cli": BELOW.union(DAGSTERS_FLOOR, {"console"}), "__main__": {"cli"}}


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, also those it imports inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.level or not node.module):
            # A relative import names no floor: it would pass through every wall.
            yield "race_assets.(a relative import)"
        elif isinstance(node, ast.ImportFrom) and node.module == "race_assets":
            yield from (f"race_assets.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def named(path: Path) -> Iterator[str]:
    """Every module of ours that a file names as text, to be imported by that name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"^(race_assets\.[a-z_.]+):\w", node.value)


def files() -> list[tuple[str, Path]]:
    """Each file with the floor it stands on."""
    found = sorted(PACKAGE.rglob("*.py"))
    return [(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path) for path in found]


def test_every_module_stands_on_a_floor() -> None:
    assert {floor for floor, _ in files()} <= ALLOWED.keys()


@pytest.mark.parametrize("floor", sorted({floor for floor, _ in files()}))
def test_a_floor_imports_only_from_those_below_it(floor: str) -> None:
    below = {floor, *ALLOWED[floor], *({"errors"} if floor in GROUND else GROUND)}
    broken = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for stands_on, path in files()
        if stands_on == floor
        for module in (*imports(path), *named(path))
        if module.startswith("race_assets.") and module.split(".")[1] not in below
    ]
    assert not broken


def test_only_the_floors_above_the_pipeline_know_dagster() -> None:
    broken = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for floor, path in files()
        if floor not in WITH_DAGSTER
        for module in imports(path)
        if module.split(".")[0].startswith("dagster")
    ]
    assert not broken


def test_http_needs_requests_and_nothing_else_that_is_not_python_s_own() -> None:
    allowed = {*sys.stdlib_module_names, "race_assets", "requests", "urllib3"}
    broken = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for floor, path in files()
        if floor == "http"
        for module in imports(path)
        if module.split(".")[0] not in allowed
    ]
    assert not broken


def test_packages_of_sources_do_not_import_each_other() -> None:
    sources = PACKAGE / "sources"
    packages = {path.name for path in sources.iterdir() if path.is_dir()}
    broken = [
        f"{path.relative_to(sources)} imports {module}"
        for path in sorted(sources.rglob("*/*.py"))
        for module in imports(path)
        if module.startswith("race_assets.sources.")
        and module.split(".")[2] in packages - {path.relative_to(sources).parts[0]}
    ]
    assert not broken


def loaded(arguments: list[str], environment: dict[str, str]) -> set[str]:
    """Which packages a command has loaded when it ends."""
    code = (
        "import sys\nfrom race_assets.cli import main\n"
        f"sys.argv = ['race-assets', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    word, *names = done.stdout.splitlines()[-1].split()
    assert word == "LOADED"
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["sources"],
        ["query", "select * from core.races"],
        ["rejects"],
        ["land", str(SAMPLES / "betfair_csv" / "greyhounds_2024-06-27.csv"), "--source", "betfair_csv"],
        ["psql", "-c", "select 1"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_quick_commands_import_no_library_they_do_not_need(arguments: list[str], environment: dict[str, str]) -> None:
    names = loaded(arguments, environment)
    assert "race_assets" in names
    assert {name for name in names if name.startswith("dagster")} == set()
    assert names & {"pandas", "requests", "boto3"} == set()
