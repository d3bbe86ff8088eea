"""Open Dagster's instance for a command, wherever it was started; keep what Dagster writes to disk below home."""

import os
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._serdes import ConfigurableClassData

from race_assets import settings
from race_assets.errors import SettingsError
from race_assets.settings import project
from race_assets.storage.files import replacing

DAGSTER_HOME = "DAGSTER_HOME"


def open_instance() -> dg.DagsterInstance:
    """Open the instance of `DAGSTER_HOME`; without that variable, the one of the settings in force.

    Raises:
        SettingsError: `DAGSTER_HOME` names no folder, or a folder below home cannot be written.
    """
    if not os.environ.get(DAGSTER_HOME):
        file = settings.find_file(os.environ)
        folder = project.instance_folder(file, settings.load(file).home)
        use_instance(folder, is_ours=file is None or folder != file.parent)
    folder = Path(os.environ[DAGSTER_HOME])
    if not folder.is_absolute() or not folder.is_dir():
        raise SettingsError(
            f"DAGSTER_HOME {folder} is not the absolute path of a folder; set it to the folder that holds "
            "dagster.yaml, or unset it"
        )
    return dg.DagsterInstance.get()


def use_instance(folder: Path, *, is_ours: bool = True) -> None:
    """Set `DAGSTER_HOME` for this process and those it starts.

    Args:
        is_ours: the folder is below home, and gets a dagster.yaml if it has none.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        if is_ours and not (folder / project.DAGSTER).exists():
            with replacing(folder / project.DAGSTER) as part:
                part.write_bytes(project.bundled(project.DAGSTER).read_bytes())
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be written: {error.strerror or error}; Dagster needs it, so give this user the right to, "
            "or set home in race_assets.yaml (or RACE_ASSETS_HOME) to another folder"
        ) from None
    os.environ[DAGSTER_HOME] = str(folder)


def _folder() -> str:
    return str(project.instance_below(settings.load().home))


class HomeArtifactStorage(LocalArtifactStorage):
    """Files of runs below home, whatever folder the process was started in."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Accept no configuration: the settings of race_assets name the folder."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "HomeArtifactStorage":
        """Make the storage in the home of the settings in force."""
        del config_value
        return cls(_folder(), inst_data=inst_data)


class HomeComputeLogs(LocalComputeLogManager):
    """What steps print, in files below home, whatever folder the process was started in."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Accept no configuration: the settings of race_assets name the folder."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "HomeComputeLogs":
        """Make the log manager in the home of the settings in force."""
        del config_value
        return cls(str(Path(_folder(), "compute_logs")), inst_data=inst_data)
