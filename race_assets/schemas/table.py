"""How a table is declared: a pandera schema with a name, a key and a description; the tables are beside it."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandera.polars as pa
import polars as pl

INSTANT = pl.Datetime("us", "UTC")
"""A point in time; Postgres `timestamptz`."""

LOCAL_TIME = pl.Datetime("us")
"""A wall-clock time at the track; Postgres `timestamp`."""

TEXTS = pl.List(pl.String)
"""Several texts; Postgres `text[]`."""

JSON = "json"
"""Metadata mark of a text column that Postgres keeps as `jsonb`."""


def column(dtype: Any, description: str, *, required: bool = False, json: bool = False) -> pa.Column:
    """One column: its Polars type, what it means, whether it may be null, whether Postgres keeps it as jsonb."""
    return pa.Column(dtype, nullable=not required, description=description, metadata={JSON: json})


def table(name: str, description: str, key: Sequence[str], columns: dict[str, pa.Column]) -> pa.DataFrameSchema:
    """A table: exactly these columns, in this order, unique by `key`."""
    return pa.DataFrameSchema(
        columns, name=name, description=description, strict=True, ordered=True, metadata={"key": tuple(key)}
    )


def key_of(schema: pa.DataFrameSchema) -> tuple[str, ...]:
    """The columns a row of this table is unique by."""
    metadata: dict[str, Any] = schema.metadata or {}
    return tuple(metadata["key"])


def is_json(declared: pa.Column) -> bool:
    """Whether Postgres keeps this text column as jsonb."""
    return bool((declared.metadata or {}).get(JSON))


def polars_schema(schema: pa.DataFrameSchema) -> pl.Schema:
    """The table's column names and Polars types."""
    return pl.Schema({name: declared.dtype.type for name, declared in schema.columns.items()})


def conform(frame: pl.DataFrame, schema: pa.DataFrameSchema) -> pl.DataFrame:
    """Return the frame with exactly the table's columns, in their order; those it lacks are null."""
    return with_schema(frame, polars_schema(schema))


def with_schema(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return the frame with exactly the columns of the schema, in their order; those it lacks are null."""
    if not frame.height:
        # A frame without columns would get a row of nulls.
        return pl.DataFrame(schema=schema)
    return frame.select(
        pl.col(name).cast(dtype) if name in frame.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in schema.items()
    )


@cache
def shape_of(schema_id: str) -> pa.DataFrameSchema:
    """The named table's schema without its nullability: what `check_shape` compares names and types with."""
    from race_assets.schemas import catalogue

    declared = catalogue.ALL[schema_id]
    loose = {name: pa.Column(c.dtype.type, nullable=True) for name, c in declared.columns.items()}
    return pa.DataFrameSchema(loose, name=schema_id, strict=True, ordered=True)
