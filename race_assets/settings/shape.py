"""Questions about the declared tree of settings: what is where; values and what they do are elsewhere."""

from collections.abc import Iterator, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def is_node(kind: Any) -> bool:
    """Whether a type is a branch of the tree."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def kind_at(root: Any, path: Sequence[str]) -> Any:
    """The type that is declared at a path below a type; None where nothing is."""
    for level in path:
        root = _below(root, level)
    return root


def keys_at(root: Any, path: Sequence[str]) -> list[str]:
    """The keys that a branch may have."""
    kind = kind_at(root, path)
    return sorted({name for each in (kind, *get_args(kind)) if is_node(each) for name in each.model_fields})


def _below(kind: Any, level: str) -> Any:
    """What is declared for a key of a node, or for the items of a mapping or list."""
    if is_node(kind):
        declared = kind.model_fields.get(level)
        return declared.annotation if declared else None
    if get_origin(kind) is Annotated:
        return _below(get_args(kind)[0], level)
    if get_origin(kind) in {Union, UnionType}:
        return next((found for each in get_args(kind) if (found := _below(each, level)) is not None), None)
    if get_origin(kind) is tuple:
        return get_args(kind)[0]
    return get_args(kind)[-1] if get_origin(kind) in {dict, list} else None


@cache
def is_or_may_be(kind: Any, wanted: type) -> bool:
    """Whether a value of this type may be a `wanted`: it, or a union with it."""
    return kind is wanted or (get_origin(kind) in {Union, UnionType} and wanted in get_args(kind))


def holds(kind: Any, wanted: type) -> bool:
    """Whether a value of this type may be a `wanted`, or have one anywhere below."""
    if is_node(kind):
        return any(holds(field.annotation, wanted) for field in kind.model_fields.values())
    arguments = get_args(kind)[:1] if get_origin(kind) is Annotated else get_args(kind)
    return kind is wanted or any(holds(each, wanted) for each in arguments)


def all_paths(root: Any) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all settings, branches too, but for those within mappings and lists."""
    for name, field in root.model_fields.items():
        yield (name,)
        if is_node(field.annotation):
            yield from ((name, *path) for path in all_paths(field.annotation))


def paths_of(root: Any, wanted: type) -> Iterator[tuple[str, ...]]:
    """The paths of all settings that may be a `wanted`, but for those within mappings and lists."""
    for name, field in root.model_fields.items():
        if is_or_may_be(field.annotation, wanted):
            yield (name,)
        elif is_node(field.annotation):
            yield from ((name, *path) for path in paths_of(field.annotation, wanted))
