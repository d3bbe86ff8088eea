"""The settings every source has."""

from pathlib import Path

from pydantic import Field

from race_assets.settings.nodes import Node
from race_assets.settings.rules import SourceRules


class SourceSettings(Node):
    """What every source has."""

    enabled: bool = True
    path: Path | None = Field(None, description="its drop folder; none means `<home>/drops/<source>`")
    rules: SourceRules = Field(SourceRules(), description="what differs for this source from `rules`")
