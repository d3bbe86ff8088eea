"""Make every text of a source's records fit Postgres, whatever its files hold."""

import polars as pl

from race_assets.sources.findings import Problem, with_notes, with_problems
from race_assets.values.texts import NUL, formatted

LONGEST_BYTES = 1000
"""A key of Postgres holds 2,700 bytes, and texts of a record become parts of keys."""


def storable_records(frame: pl.DataFrame) -> pl.DataFrame:
    """Return records that Postgres can store.

    NUL is removed from texts and messages, with the note `nul_removed`. A text too long for a key is a problem of its
    record, by the rule `text`.

    Args:
        frame: the shape of `schemas.records.PARSED`.
    """
    frame = _with_storable_messages(frame)
    names = _text_columns(frame)
    with_nul = _columns_with_nul(frame, names)
    if with_nul:
        has_nul = frame.select(pl.any_horizontal(pl.col(with_nul).str.contains(NUL, literal=True))).to_series()
        frame = with_notes(without_nul(frame), {"nul_removed": pl.lit(has_nul.fill_null(value=False))})
    return with_problems(frame, [_too_long(name) for name in names])


def without_nul(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with NUL removed from its text columns; the same frame where there is none."""
    found = _columns_with_nul(frame, _text_columns(frame))
    return frame.with_columns(pl.col(found).str.replace_all(NUL, "", literal=True)) if found else frame


def _text_columns(frame: pl.DataFrame) -> list[str]:
    """The names of the text columns that hold anything."""
    return [
        name for name, dtype in frame.schema.items() if dtype == pl.String and frame[name].null_count() < len(frame)
    ]


def _columns_with_nul(frame: pl.DataFrame, names: list[str]) -> list[str]:
    return [name for name in names if frame[name].str.contains(NUL, literal=True).any()]


def _too_long(name: str) -> Problem:
    size = pl.col(name).str.len_bytes()
    said = formatted(
        f"{name} has {{}} bytes, {LONGEST_BYTES:,} are the most; it begins '{{}}'", size, pl.col(name).str.slice(0, 60)
    )
    return Problem("text", pl.lit(value=True), said, among=size > LONGEST_BYTES)


def _with_storable_messages(frame: pl.DataFrame) -> pl.DataFrame:
    if frame["problems"].null_count() == len(frame):
        return frame
    message = pl.field("message").str.replace_all(NUL, "", literal=True)
    return frame.with_columns(pl.col("problems").list.eval(pl.element().struct.with_fields(message)))
