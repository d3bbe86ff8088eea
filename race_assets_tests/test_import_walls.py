"""Who may import whom: data goes one way, and Dagster stays on its own floor."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "race_assets"
GROUND = {"settings", "errors"}
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
    "settings": set(),
    "errors": set(),
}
WITH_DAGSTER = {"definitions", "assets", "automation", "resources", "observability", "console"}


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, also those it imports inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "race_assets":
            yield from (f"race_assets.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files() -> list[tuple[str, Path]]:
    """Each file with the floor it stands on."""
    found = sorted(PACKAGE.rglob("*.py"))
    return [(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path) for path in found]


def test_no_floor_imports_from_one_above_it() -> None:
    broken = [
        f"{path.relative_to(PACKAGE)} imports {module}"
        for floor, path in files()
        if floor in ALLOWED
        for module in imports(path)
        if module.startswith("race_assets.")
        and module.split(".")[1] not in {floor, *ALLOWED[floor], *(GROUND if floor not in GROUND else {"errors"})}
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


@pytest.mark.parametrize("arguments", [["sources"], ["--help"], ["rejects", "--help"]])
def test_quick_commands_import_neither_dagster_nor_pandas(arguments: list[str], environment: dict[str, str]) -> None:
    code = (
        "import sys\nfrom race_assets.cli import main\n"
        f"sys.argv = ['race-assets', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', sorted({'dagster', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"
