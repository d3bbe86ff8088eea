"""The project: which settings file is in force, and whether Dagster's instance is the one that belongs to it."""

import os
from collections.abc import Iterator
from pathlib import Path

from race_assets.pipeline.doctor.finding import PROBLEM, WARNING, Finding, well
from race_assets.settings import Settings, find_file, project

INSTANCE = "Dagster's instance"
STORAGE = "WarehouseStorage"
"""The class that dagster.yaml must name, so that Dagster's runs are in the same database."""


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at the settings file, then at Dagster's instance."""
    file = find_file(os.environ)
    yield _settings_file(settings, file)
    yield _instance(project.instance_folder(file, settings.home), os.environ.get("DAGSTER_HOME"))


def _settings_file(settings: Settings, file: Path | None) -> Finding:
    if file is not None:
        return well("settings file", str(file))
    said = f"none in {Path.cwd()}: every setting has its default, and everything is written below {settings.home}"
    step = "race-assets init writes a project folder; or go to the one you have, or name its file in RACE_ASSETS_CONFIG"
    return Finding("settings file", WARNING, said, step)


def _instance(own: Path, named: str | None) -> Finding:
    """Check the folder that `DAGSTER_HOME` names; commands use the project's own where it is not set."""
    if not named:
        return well(INSTANCE, f"commands use {own}, as DAGSTER_HOME is not set")
    folder = Path(named)
    step = f"unset DAGSTER_HOME, or set it to {own}"
    if not folder.is_absolute() or not folder.is_dir():
        said = f"DAGSTER_HOME {named} is not the absolute path of a folder"
        return Finding(INSTANCE, PROBLEM, said, step, is_credentials=True)
    file = folder / project.DAGSTER
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        said = f"DAGSTER_HOME {named} has no dagster.yaml: Dagster stores its runs there, and sends usage telemetry"
        return Finding(INSTANCE, WARNING, said, step)
    except OSError as error:
        return Finding(INSTANCE, PROBLEM, f"{file} cannot be read: {error.strerror}", f"chmod u+r {file}")
    if STORAGE not in text:
        said = f"{file} does not name race_assets' storage, so Dagster's runs are not in the database of the tables"
        return Finding(INSTANCE, WARNING, said, f"{step}; or take the storage from {project.bundled(project.DAGSTER)}")
    return well(INSTANCE, f"DAGSTER_HOME is {named}")
