"""What is said of settings that are wrong: where, who says so, and what is allowed; a credential is never shown."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from race_assets.settings.secrets import Secret
from race_assets.settings.shape import all_paths, holds, is_node, is_or_may_be, keys_at, kind_at

SAID = {
    "tuple_type": "must be a list",
    "model_type": "must have settings below it",
    "dict_type": "must have names below it",
}
"""Where pydantic speaks of Python's types, which nobody sees in a file."""

PREFIX = "RACE_ASSETS_"
"""How the variables begin that are settings."""

ALIKE, NEAR = 0.6, 0.5
"""How alike two words must be to count as one, and two paths for one to be offered in place of the other."""

SLIP = 0.85
"""How alike two keys of one branch must be for one to be a slip of the other."""

LONGER = 2
"""Letters by which one of two alike words may be longer."""

MOST_EXPLAINED = 20
"""Mistakes that are explained, each with the nearest settings there are; the others are counted."""

LONGEST_SHOWN = 200
"""Characters of a value that are shown."""

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
    problems = error.errors()
    for problem in problems[:MOST_EXPLAINED]:
        path = tuple(map(str, problem["loc"]))
        where = _blamed(path, layers)
        if problem["type"] == "extra_forbidden":
            allowed = ", ".join(keys_at(root, path[:-1]))
            yield f"{where}: {'.'.join(path)} is not a setting.{_hint(root, path, where)} Allowed here: {allowed}"
        elif problem["type"] == "missing":
            yield f"{where}: {'.'.join(path)} is missing"
        else:
            message = SAID.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
            yield f"{where}: {'.'.join(path)} is {_shown(root, path, problem.get('input'))}: {message}"
    if len(problems) > MOST_EXPLAINED:
        yield f"and {len(problems) - MOST_EXPLAINED:,} more mistakes"


def _hint(root: Any, path: tuple[str, ...], where: str) -> str:
    """Return the question whether the nearest setting was meant: its key where it is beside, else its path."""
    meant = nearest(root, path)
    if meant is None:
        return ""
    is_beside = meant[:-1] == path[:-1]
    variable = f" ({PREFIX}{'__'.join(meant).upper()})" if where.startswith(PREFIX) and not is_beside else ""
    return f" Did you mean {meant[-1] if is_beside else '.'.join(meant)!r}{variable}?"


def nearest(root: Any, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the path of the setting whose words are nearest to those of an unknown one, at whatever level it is.

    Two paths are compared as sets of words, any of which may be misspelt: twice the words they share, by how alike
    they are, over the words of both. At least one word of the unknown key itself must be among them. A key of the same
    branch that only a slip of the finger differs from comes before all others.

    Args:
        root: the type of the whole tree.
        path: of a key that its branch does not have.
    """
    beside = keys_at(root, path[:-1])
    if slips := difflib.get_close_matches(path[-1], beside, 1, SLIP):
        return (*path[:-1], slips[0])
    candidates = [*((*path[:-1], key) for key in beside), *all_paths(root)]
    scored = {each: _likeness(path, each) for each in candidates if each != path[: len(each)]}
    meant = max(scored, key=lambda each: scored[each], default=())
    return meant if scored.get(meant, 0.0) >= NEAR else None


def _likeness(unknown: tuple[str, ...], known: tuple[str, ...]) -> float:
    asked = [(word, is_key) for level, is_key in _levels(unknown) for word in _words(level)]
    left = [word for level in known for word in _words(level)]
    total, shared, is_key_found = len(asked) + len(left), 0.0, False
    for word, is_key in asked:
        if not left:
            break
        ratio, found = max((_alike(word, each), each) for each in left)
        if ratio >= ALIKE:
            left.remove(found)
            shared, is_key_found = shared + ratio, is_key_found or is_key
    return 2 * shared / total if is_key_found else 0.0


def _alike(word: str, known: str) -> float:
    """Return how alike two words are, 0 to 1; 0 where one is so much longer that it is another word, not a slip."""
    is_cut = known.startswith(word) or word.startswith(known)
    if abs(len(word) - len(known)) > LONGER and not is_cut:
        return 0.0
    return difflib.SequenceMatcher(None, word, known).ratio()


def _levels(path: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Return the levels of a path, and whether each is the last."""
    return [(level, number == len(path) - 1) for number, level in enumerate(path)]


def _words(level: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", level.lower()) if word]


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
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… ({len(text):,} characters)"


def _is_near_a_secret(root: Any, path: tuple[str, ...]) -> bool:
    """Whether a credential belongs at the path, below it, or beside it: it may have been written a line too high."""
    if "url" in path:
        return True
    while path and kind_at(root, path) is None:
        path = path[:-1]
    kind, parent = kind_at(root, path), kind_at(root, path[:-1])
    beside = parent.model_fields.values() if is_node(parent) and path else ()
    return holds(kind, Secret) or any(is_or_may_be(each.annotation, Secret) for each in beside)
