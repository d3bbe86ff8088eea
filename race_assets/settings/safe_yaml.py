"""Read YAML that people write, settings, feeds and track registry, in time and memory bounded by its length.

A text is looked through before anything is made of it, since a few lines of aliases can stand for billions of values.
"""

from pathlib import Path
from typing import Any

import yaml

LARGEST = 4 << 20
"""Characters of a text; the settings that come with race_assets have 15,000."""
DEEPEST = 60
MOST_VALUES = 200_000
"""Values and keys of a text, those that aliases repeat counted each time."""
PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}

MERGE = "tag:yaml.org,2002:merge"

SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML has it, eight times as fast; either makes plain data only."""


class StrictLoader(SAFE_LOADER):  # type: ignore[misc]  # which of two classes it is, is known when it runs
    """The safe loader, which rejects a key that stands twice at one level.

    The second would silently take the place of the first, and of all below it.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node."""
        names = set()
        for key, _ in node.value:
            if key.tag == MERGE:
                continue
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str | int | float | bool | None):
                problem = "a name of a setting is a text; this one is a list or has names below it"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if name in names:
                problem = f"{name} stands twice at one level; write what is below it in one place"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            names.add(name)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def text_of(path: Path) -> str:
    """Return the text of a file, or of one that is too large as much as shows `check` that it is.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read, or is not UTF-8.
    """
    with path.open(encoding="utf-8") as file:
        return file.read(LARGEST + 1)


def load(text: str, loader: Any = StrictLoader) -> Any:
    """Return what a YAML text holds.

    Args:
        text: of one document.
        loader: the class of the loader that makes the values.

    Raises:
        yaml.YAMLError: it cannot be read, is too large or nested too deep, or names a type that settings do not have;
            `problem` says why, `problem_mark` where.
    """
    check(text)
    try:
        return yaml.load(text, loader)  # noqa: S506 - a safe loader
    except (ValueError, OverflowError, RecursionError) as error:
        # Python's own reading of numbers and dates: one of 5,000 digits, 31 February.
        raise yaml.constructor.ConstructorError(None, None, f"a value in it cannot be read: {error}") from None


def check(text: str) -> None:
    """Check that a text can be loaded in time and memory bounded by its length.

    Raises:
        yaml.YAMLError: as `load`.
    """
    if len(text) > LARGEST:
        raise _refusal(f"it has more than {LARGEST:,} characters; is this the right file?")
    sizes = _Sizes()
    for event in yaml.parse(text, SAFE_LOADER):
        sizes.take(event)


class _Sizes:
    """How many values each anchor of a text stands for, and each list or mapping that is open."""

    def __init__(self) -> None:
        self._of_anchors: dict[str | None, int] = {}
        # The anchor of the document and of what is open in it, the innermost last, and the values in each so far.
        self._open: list[tuple[str | None, int]] = [(None, 0)]

    def take(self, event: Any) -> None:
        """Count one more part of the text."""
        if isinstance(event, yaml.AliasEvent):
            self._add(event, self._repeated(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            _check_tag(event)
            self._open.append((event.anchor, 1))
            if len(self._open) > DEEPEST:
                raise _refusal(f"it is nested more than {DEEPEST} levels deep", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = self._open.pop()
            self._of_anchors[anchor] = size
            self._add(event, size)
        elif isinstance(event, yaml.ScalarEvent):
            _check_tag(event)
            self._of_anchors[event.anchor] = 1
            self._add(event, 1)

    def _repeated(self, event: Any) -> int:
        """Return how many values an alias stands for."""
        if any(event.anchor == anchor for anchor, _ in self._open):
            raise _refusal(f"*{event.anchor} stands within &{event.anchor}, which would hold itself", event.start_mark)
        return self._of_anchors.get(event.anchor, 1)

    def _add(self, event: Any, size: int) -> None:
        """Add values to the innermost list or mapping, which is added to what is around it at its end."""
        anchor, inside = self._open[-1]
        self._open[-1] = (anchor, inside + size)
        if inside + size > MOST_VALUES:
            raise _refusal(
                f"it stands for more than {MOST_VALUES:,} values, those that aliases (*name) repeat among them",
                event.start_mark,
            )


def _check_tag(event: Any) -> None:
    if event.tag is not None and event.tag != "!" and event.tag not in PLAIN_TAGS:
        raise _refusal(f"{event.tag!r} is no type of a setting; leave the tag out", event.start_mark)


def _refusal(problem: str, mark: Any = None) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)
