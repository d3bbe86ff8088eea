"""Find the project (a clone, a folder that `race-assets init` wrote, or none) and the files that come with the package.

The wheel carries the files of the clone's top folder that a user needs in `race_assets/bundled`, where setup.py puts
them.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

SETTINGS, DAGSTER, WORKSPACE = "race_assets.yaml", "dagster.yaml", "workspace.yaml"
PACKAGE = Path(__file__).absolute().parent.parent
BUNDLED = PACKAGE / "bundled"


def clone() -> Path | None:
    """Return the clone this package runs from; None where it was installed from a wheel."""
    return None if BUNDLED.is_dir() else PACKAGE.parent


def bundled(name: str) -> Path:
    """Return where a file or folder that comes with the package is: `race_assets.yaml`, `data/samples` and so on."""
    return (clone() or BUNDLED) / name


def search_path(environment: Mapping[str, str]) -> list[Path]:
    """Return the folders that may hold the settings file, the first that does counts."""
    dagster_home = environment.get("DAGSTER_HOME")
    folders = [Path.cwd(), Path(dagster_home).absolute() if dagster_home else None, clone()]
    return [folder for folder in folders if folder is not None]


def instance_folder(settings_file: Path | None, home: Path) -> Path:
    """Return the folder of the settings file if it has a dagster.yaml, which Dagster needs, or one below home."""
    if settings_file is not None and (settings_file.parent / DAGSTER).is_file():
        return settings_file.parent
    return instance_below(home)


def instance_below(home: Path) -> Path:
    """Return the folder below home that holds what Dagster writes to disk."""
    return home / "dagster"


def serve_command(settings_file: Path | None) -> str:
    """Return what starts the UI and the daemon for these settings."""
    folder = settings_file.parent if settings_file is not None else None
    if folder is not None and folder == clone():
        return f"make -C {shlex.quote(str(folder))} dev"
    if folder is not None and (folder / DAGSTER).is_file() and (folder / WORKSPACE).is_file():
        path = shlex.quote(str(folder))
        return f"cd {path} && DAGSTER_HOME={path} dagster dev -w {WORKSPACE}"
    return "race-assets init, then dagster dev as the README of the new project says"


def update_advice() -> str:
    """Return how to get the version of race_assets that a newer database needs."""
    if (folder := clone()) is not None:
        return f"update the clone {folder} to the newer race_assets that made them"
    return "pip install the newer race_assets that made them"
