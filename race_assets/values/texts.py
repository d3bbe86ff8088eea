"""Texts put together from columns, and text as every store can hold it.

Postgres takes no NUL, and nothing encodes half of a surrogate pair.
"""

import re
from typing import Any

import polars as pl

NUL = "\0"
_UNPAIRED = re.compile("[\ud800-\udfff]")
_SURROGATE_IN_JSON = re.compile(rb"\\u[dD][89a-fA-F]")


def formatted(template: str, *parts: pl.Expr | str) -> pl.Expr:
    """Return a text with each `{}` replaced by a part; null where a part is.

    Polars 2.1 panics in `pl.format` on a frame whose first chunk is empty, as a filter may leave it.

    Args:
        template: text with one `{}` for each part.
        parts: expressions of any type, or names of columns.
    """
    texts = template.split("{}")
    pieces = [pl.lit(texts[0])]
    for part, text in zip(parts, texts[1:], strict=True):
        pieces += [(pl.col(part) if isinstance(part, str) else part).cast(pl.String), pl.lit(text)]
    return pl.concat_str(pieces)


def storable(text: str) -> str:
    """Return the text without NUL, and with U+FFFD for halves of surrogate pairs."""
    return _UNPAIRED.sub("\ufffd", text).replace(NUL, "")


def has_surrogates(json_text: bytes) -> bool:
    """Return whether a JSON text has escapes of surrogates, which may lack their other half."""
    return bool(_SURROGATE_IN_JSON.search(json_text))


def storable_tree(node: Any) -> Any:
    """Return a decoded JSON value with every text in it `storable`, keys included."""
    if isinstance(node, str):
        return storable(node)
    if isinstance(node, list):
        return [storable_tree(each) for each in node]
    if isinstance(node, dict):
        return {storable(key): storable_tree(value) for key, value in node.items()}
    return node
