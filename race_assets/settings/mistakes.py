"""What is said of settings that are wrong: where, who says so, and what is allowed; a credential is never shown."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from race_assets.settings.secrets import Secret
from race_assets.settings.shape import holds, is_node, is_or_may_be, keys_at, kind_at

SAID = {
    "tuple_type": "must be a list",
    "model_type": "must have settings below it",
    "dict_type": "must have names below it",
}
"""Where pydantic speaks of Python's types, which nobody sees in a file."""

NOTHING = object()
"""Stands for a value that nobody gives; None is one that somebody may."""


@dataclass(frozen=True)
class Layer:
    """What one place says of the settings, and its name for people: the file, or a variable."""

    name: str
    tree: dict[str, Any]


def explained(error: ValidationError, layers: Sequence[Layer], root: Any) -> Iterator[str]:
    """A line for each mistake.

    Args:
        error: as pydantic raises it.
        layers: what the settings were put together from, the stronger ones last.
        root: the type of the whole tree.
    """
    for problem in error.errors():
        path = tuple(map(str, problem["loc"]))
        where = _blamed(path, layers)
        if problem["type"] == "extra_forbidden":
            allowed = keys_at(root, path[:-1])
            close = difflib.get_close_matches(path[-1], allowed, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            yield f"{where}: {'.'.join(path)} is not a setting.{hint} Allowed here: {', '.join(allowed)}"
        elif problem["type"] == "missing":
            yield f"{where}: {'.'.join(path)} is missing"
        else:
            message = SAID.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
            yield f"{where}: {'.'.join(path)} is {_shown(root, path, problem.get('input'))}: {message}"


def _blamed(path: tuple[str, ...], layers: Sequence[Layer]) -> str:
    """The names of those that say what stands at a path: the strongest, and those that it only adds to.

    A problem may lie at a path that nobody has, such as that of a key left out: then it is about what lacks the key.
    """
    for length in range(len(path), 0, -1):
        names: list[str] = []
        below: Any = NOTHING
        for layer in layers:
            found = _at(layer.tree, path[:length])
            if found is not NOTHING and layer.name:
                is_added = isinstance(found, dict) and isinstance(below, dict)
                names = [*(names if is_added else []), layer.name]
                below = found
        if names:
            return ", ".join(names)
    return "the settings"


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    """What a tree has at a path, keys in any case; `NOTHING` if it has not."""
    for level in path:
        if isinstance(tree, dict):
            tree = next((value for key, value in tree.items() if str(key).lower() == level.lower()), NOTHING)
        elif isinstance(tree, list) and level.isdigit() and int(level) < len(tree):
            tree = tree[int(level)]
        else:
            return NOTHING
    return tree


def _shown(root: Any, path: tuple[str, ...], value: Any) -> str:
    """The value, unless it is or may hold a credential, or is long: then what it is."""
    if _is_near_a_secret(root, path) or "://" in str(value):
        return "(hidden)"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "settings"
    return repr(value)


def _is_near_a_secret(root: Any, path: tuple[str, ...]) -> bool:
    """Whether a credential belongs at the path, below it, or beside it: it may have been written a line too high."""
    if "url" in path:
        return True
    while path and kind_at(root, path) is None:
        path = path[:-1]
    kind, parent = kind_at(root, path), kind_at(root, path[:-1])
    beside = parent.model_fields.values() if is_node(parent) and path else ()
    return holds(kind, Secret) or any(is_or_may_be(each.annotation, Secret) for each in beside)
