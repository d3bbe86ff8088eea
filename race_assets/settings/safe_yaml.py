"""The YAML loader of settings, shipped feeds and track registry; what they hold is said where they are read."""

from typing import Any

import yaml

SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML has it, eight times as fast; either makes plain data only."""
