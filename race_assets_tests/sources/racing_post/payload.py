"""Payloads made by hand and read by a source; every expectation stands in the tests."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from race_assets.schemas.beside import KINDS
from race_assets.schemas.records import PARSED
from race_assets.schemas.table import conform, polars_schema
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.sources.base import FileSource, ReadReport

Item = dict[str, Any]
WHERE: Item = {"raceId": "2050001", "trackId": "76", "track": "Kinsley", "raceDate": "2024-06-27T15:52:00+01:00"}


def runner(trap: int = 1, **changes: object) -> Item:
    """A runner of GetRaceInfo; a change to None leaves the field out."""
    told = {"dogId": f"60000{trap}", "dogName": f"Dog {'ABCDEFGH'[trap - 1]}", "trapNum": str(trap), **changes}
    return {key: value for key, value in told.items() if value is not None}


def race(*runners: object, **changes: object) -> Item:
    """An item of GetRaceInfo."""
    return {**WHERE, "runners": list(runners), **changes}


def dog(*forms: object, **changes: object) -> Item:
    """An item of GetHorseForm that says itself which race it is for."""
    return {**WHERE, "dogId": "600001", "dogName": "Dog A", "forms": list(forms), **changes}


def source(kind: str, **settings: Any) -> FileSource:
    """A source, with changes to the settings of `racing_post`."""
    return registry.create(f"racing_post_{kind}", Settings.model_validate({"racing_post": settings}))


def read(folder: Path, kind: str, payload: object, report: ReadReport | None = None, **settings: Any) -> pl.DataFrame:
    """The records of a payload, which may be text or bytes; all columns of PARSED, and the lists beside them."""
    path = folder / f"{kind}.json"
    data = payload if isinstance(payload, str | bytes) else json.dumps(payload)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    made = source(kind, **settings)
    (frame,) = made.read(path, path.name, report or ReadReport())
    beside = [name for name in frame.columns if name in {each.name for each in KINDS}]
    assert set(frame.columns) <= {*polars_schema(PARSED), *beside}
    found = made.rows_as_read(path, frame["byte_offset"].to_list())
    assert len(found) == frame["byte_offset"].n_unique()
    return conform(frame, PARSED).with_columns(frame[name] for name in beside)


def rules(frame: pl.DataFrame) -> list[list[str]]:
    """The rules each record breaks, as the parser has it."""
    return [[problem["rule"] for problem in entry or []] for entry in frame["problems"].to_list()]
