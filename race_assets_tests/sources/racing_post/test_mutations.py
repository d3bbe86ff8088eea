"""No payload is so odd that reading it raises anything but a refusal of the file, and every runner is accounted for."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import UnreadableFileError
from race_assets.schemas.beside import KINDS
from race_assets.schemas.records import PARSED
from race_assets.schemas.table import conform
from race_assets.sources.base import ReadReport
from race_assets.sources.beside import taken_off
from race_assets_tests.fake_racing_post import payloads, world
from race_assets_tests.sources.racing_post.payload import WHERE, source

RACE = world(days=1)[1]
PAYLOADS: dict[str, Any] = {
    "races": {"data": [payloads.race(RACE)]},
    "form": {"data": [{**WHERE, **item} for item in payloads.form(RACE)]},
    "analysis": {"data": [{**WHERE, **item} for item in payloads.analysis(RACE)]},
}
ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just([]) | st.just({})
    | st.sampled_from(["", "1", "18", "-1", "99999", "5/2", "11/0", "NR", "2024-06-27", "9999-99-99 99:99", "&#xD800;"])
    | st.just("\ud800") | st.just("\0")
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in below for place in places(each, (*path, key)))]


def with_value(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A copy in which something else stands at one place."""
    if not path:
        return odd
    copied = dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else None
    if copied is None or path[0] not in dict(_pairs(copied)):
        return value
    copied[path[0]] = with_value(copied[path[0]], path[1:], odd)
    return copied


def _pairs(value: Any) -> Any:
    return value.items() if isinstance(value, dict) else enumerate(value)


def read(kind: str, data: bytes) -> None:
    made = source(kind)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.json"
        path.write_bytes(data)
        report = ReadReport()
        try:
            (frame,) = made.read(path, path.name, report)
        except UnreadableFileError:
            return
        assert frame.height == report.rows_read > 0
        records, beside = taken_off(conform(frame, PARSED), frame)
        assert frame["source_row"].to_list() == list(range(1, frame.height + 1))
        for each in KINDS:
            if each.name in beside:
                told = beside[each.name]
                assert told.height == records[each.count].sum()
                assert not told.select("source_row", *each.order).is_duplicated().any()
        offsets = frame["byte_offset"].to_list()
        assert made.rows_as_read(path, offsets).keys() == set(offsets)


@pytest.mark.parametrize("kind", PAYLOADS)
@settings(max_examples=20)
@given(data=st.data())
def test_odd_values_anywhere(kind: str, data: st.DataObject) -> None:
    payload = PAYLOADS[kind]
    draw: Callable[..., Any] = data.draw
    for place in draw(st.lists(st.sampled_from(places(payload)), min_size=1, max_size=4)):
        payload = with_value(payload, place, draw(ODD))
    read(kind, json.dumps(payload).encode())


@pytest.mark.parametrize("kind", PAYLOADS)
@settings(max_examples=30)
@given(data=st.data())
def test_cut_and_damaged_bytes(kind: str, data: st.DataObject) -> None:
    text = bytearray(json.dumps(PAYLOADS[kind]).encode())
    for place in data.draw(st.lists(st.integers(0, len(text) - 1), max_size=3)):
        text[place] = data.draw(st.integers(0, 255))
    read(kind, bytes(text[: data.draw(st.integers(0, len(text)))]))


@pytest.mark.parametrize("wrapped", ['{"runners": [%s]}', "[%s]", '{"data": %s}', '{"error": %s}'])
@pytest.mark.parametrize("depth", [100, 600, *range(800, 1000, 20), 5000])
def test_any_depth_of_nesting(wrapped: str, depth: int) -> None:
    read("races", (wrapped % ("[" * depth + "]" * depth)).encode())
