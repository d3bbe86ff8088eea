"""Text as every store can hold it: Postgres takes no NUL, and nothing encodes half of a surrogate pair."""

import re
from typing import Any

NUL = "\0"
_UNPAIRED = re.compile("[\ud800-\udfff]")
_SURROGATE_IN_JSON = re.compile(rb"\\u[dD][89a-fA-F]")


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
