"""Put the files of the top folder that users need into the wheel; everything else is declared in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BUNDLED = ("race_assets.yaml", "dagster.yaml", "workspace.yaml", "data/samples")
"""What `race_assets.settings.project.bundled` finds: below `race_assets/bundled` in a wheel, else in the clone."""


class BuildWithBundledFiles(build_py):
    """Copy the bundled files beside the modules of a wheel; an editable installation reads them where they are."""

    def run(self) -> None:
        """Build the package, then add the files."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "race_assets", "bundled")
        shutil.rmtree(folder, ignore_errors=True)
        for name in BUNDLED:
            source, target = Path(__file__).parent / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
            else:
                shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithBundledFiles})
