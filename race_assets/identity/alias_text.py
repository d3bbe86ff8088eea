"""A further name put into the text of a `tracks.yaml`, all else left as it stands; what names mean is `tracks.py`."""

import copy
import math
from typing import Any

import yaml

from race_assets.display import visible
from race_assets.errors import SettingsError

ALIASES = "aliases"


def with_alias(text: str, track_id: str, name: str) -> str:
    """The text with one more name of a track.

    Args:
        text: YAML as `TrackRegistry.load` takes it, or nothing.
        track_id: whose name it is.
        name: the name.

    Raises:
        SettingsError: the text is written in a way that this cannot add to; says what to add by hand.
    """
    before = yaml.safe_load(text) or {}
    wanted = copy.deepcopy(before)
    aliases = wanted[ALIASES] = wanted.get(ALIASES) or {}
    aliases[track_id] = [*(aliases.get(track_id) or []), name]
    grown = _grown(text, track_id, name)
    if _read(grown) != wanted:
        raise SettingsError(
            f"this cannot be added without changing what else is there; add {_flow(name)} to {track_id} below "
            f"{ALIASES} by hand"
        )
    return grown


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _grown(text: str, track_id: str, name: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, yaml.SafeLoader)
    if root is None or _is_nothing(root):
        start = text if text.endswith("\n") or not text else text + newline
        return start + newline.join([f"{ALIASES}:", f"  {track_id}:", f"    - {_flow(name)}", ""])
    aliases = _value(root, ALIASES)
    if aliases is None:
        return _with_pair(text, root, ALIASES, f"{{{track_id}: [{_flow(name)}]}}", newline)
    if _is_nothing(aliases):
        return _replaced(text, aliases, f"{{{track_id}: [{_flow(name)}]}}")
    names = _value(aliases, track_id)
    if names is None:
        return _with_pair(text, aliases, track_id, f"[{_flow(name)}]", newline)
    if _is_nothing(names):
        return _replaced(text, names, f"[{_flow(name)}]")
    return _with_item(text, names, _flow(name), newline)


def _flow(name: str) -> str:
    """The name as YAML, in quotes where it needs them anywhere."""
    is_visible = visible(name) == name
    dumped: str = yaml.safe_dump([name], default_flow_style=True, allow_unicode=is_visible, width=math.inf)
    return dumped.strip().removeprefix("[").removesuffix("]")


def _value(mapping: Any, key: str) -> Any:
    return next((value for name, value in mapping.value if name.value == key), None)


def _is_nothing(node: Any) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _replaced(text: str, node: Any, value: str) -> str:
    """The text with another value where this one stands; nothing may stand there."""
    start, end = node.start_mark.index, node.end_mark.index
    return f"{text[:start]}{'' if end > start else ' '}{value}{text[end:]}"


def _with_pair(text: str, mapping: Any, key: str, value: str, newline: str) -> str:
    if mapping.flow_style:
        return _with_flow(text, mapping, f"{key}: {value}", [each for _, each in mapping.value])
    return _with_line(text, mapping, f"{key}: {value}", newline)


def _with_item(text: str, items: Any, value: str, newline: str) -> str:
    if items.flow_style:
        return _with_flow(text, items, value, items.value)
    return _with_line(text, items, f"- {value}", newline)


def _with_flow(text: str, node: Any, added: str, inside: list[Any]) -> str:
    """Added behind the last of what stands between brackets, so that comments behind it stay behind it."""
    at = _end(inside[-1]) if inside else node.start_mark.index + 1
    return f"{text[:at]}{', ' if inside else ''}{added}{text[at:]}"


def _with_line(text: str, node: Any, added: str, newline: str) -> str:
    """Added as a line behind the last of a block, at its depth."""
    end = text.find("\n", _end(node))
    if end < 0:
        return f"{text}{newline}{' ' * node.start_mark.column}{added}"
    return f"{text[: end + 1]}{' ' * node.start_mark.column}{added}{newline}{text[end + 1 :]}"


def _end(node: Any) -> int:
    """Where what is written of a node ends; the mark of a block stands behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)
