"""Write a project folder: settings, Dagster's instance and workspace, drop folders, a README."""

import shlex
from pathlib import Path

from race_assets.console import report
from race_assets.errors import SettingsError
from race_assets.settings import load, project
from race_assets.sources import registry

TEMPLATES = Path(__file__).parent / "new_project"


def run(folder: Path) -> None:
    """Write the project and show what to do next.

    Raises:
        SettingsError: one of its files is there already, or the folder cannot be written.
    """
    folder = folder.absolute()
    try:
        write(folder)
    except OSError as error:
        raise SettingsError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}; name a folder this user may "
            "write: race-assets init FOLDER"
        ) from None
    path = shlex.quote(str(folder))
    report.line(f"{folder} is a race_assets project now; its README.md says what is where. Next:")
    report.line(f"cd {path}")
    report.line("race-assets doctor")
    report.line(f"DAGSTER_HOME={path} dagster dev -w {project.WORKSPACE} -h 127.0.0.1")


def write(folder: Path) -> None:
    """Write the project's files and folders; nothing is written where one of the files is there already.

    Raises:
        SettingsError: a file is there already.
        OSError: the folder cannot be written.
    """
    files = {name: project.bundled(name) for name in (project.SETTINGS, project.DAGSTER, project.WORKSPACE)}
    files |= {"README.md": TEMPLATES / "README.md", ".gitignore": TEMPLATES / "gitignore"}
    there = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        raise SettingsError(
            f"{folder} has {', '.join(there)} already, and nothing is overwritten; name another folder, or move "
            f"{'it' if len(there) == 1 else 'them'} away first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        with (folder / name).open("xb") as file:
            file.write(source.read_bytes())
    settings = load(folder / project.SETTINGS, {})
    for enabled in registry.enabled(settings):
        settings.drop_folder(enabled).mkdir(parents=True, exist_ok=True)
