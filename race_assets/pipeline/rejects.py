"""Refused records as rows of `quarantine.rejects`, with their text as read; why they are refused is given."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from race_assets.identity.keys import reject_id
from race_assets.schemas.ops import REJECTED
from race_assets.schemas.table import conform, polars_schema
from race_assets.sources.base import FileSource, RowAsRead
from race_assets.sources.record_files import reader_of


def as_rejects(refused: pl.DataFrame, run_id: str, files: Mapping[str, Path], parser: FileSource) -> pl.DataFrame:
    """Return the rejects of one source, in the shape of REJECTED.

    Args:
        refused: `source`, `source_file`, `source_row`, `byte_offset`, `market_type`, `race_date`, `stage`, `rules`,
            `messages`.
        files: where the bytes of each source file are.
    """
    if not refused.height:
        return pl.DataFrame(schema=polars_schema(REJECTED))
    keys = refused.select("source", "source_file", "source_row", "market_type", "stage").iter_rows()
    frame = refused.with_columns(
        reject_id=pl.Series([reject_id(*key) for key in keys]),
        row=pl.Series(_texts(refused, files, parser), dtype=pl.String),
        run_id=pl.lit(run_id),
        rejected_at=pl.lit(datetime.now(UTC)),
        state=pl.lit("open"),
    )
    return conform(frame, REJECTED)


def _texts(refused: pl.DataFrame, files: Mapping[str, Path], parser: FileSource) -> list[str]:
    texts: dict[tuple[str, int], str] = {}
    for (sha256,), rows in refused.group_by("source_file"):
        path = files[str(sha256)]
        found = reader_of(parser, path).rows_as_read(path, rows["byte_offset"].to_list())
        while found:
            offset, row = found.popitem()
            texts[str(sha256), offset] = _as_json(row)
    return [texts[key] for key in refused.select("source_file", "byte_offset").iter_rows()]


def _as_json(row: RowAsRead) -> str:
    """The row as jsonb takes it: NUL, which fits neither text nor jsonb, is shown as its symbol."""
    return json.dumps({"text": row.text.replace("\0", "\u2400"), "bytes": row.length})
