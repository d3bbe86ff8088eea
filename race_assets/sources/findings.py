"""How a parser writes down what it found wrong (`problems`) or changed (`notes`); what is wrong it decides itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from race_assets.schemas.records import PROBLEM


@dataclass(frozen=True)
class Problem:
    """A rule's id, which rows break it, and what to say of them.

    Attributes:
        among: a cheap condition that every row that breaks the rule meets; `broken` is only asked of rows that do.
        column: the column of the record that is null because its cell could not be read; None where it is the row.
    """

    rule: str
    broken: pl.Expr
    message: pl.Expr
    among: pl.Expr | None = None
    column: str | None = None


def with_problems(frame: pl.DataFrame, problems: Sequence[Problem]) -> pl.DataFrame:
    """The frame with a `problems` column; it costs next to nothing where nothing is wrong."""
    frame = frame if "problems" in frame.columns else frame.with_columns(problems=pl.lit(None, dtype=pl.List(PROBLEM)))
    for problem in problems:
        if problem.among is not None and not frame.select(problem.among.any()).item():
            continue
        condition = problem.broken if problem.among is None else problem.among & problem.broken
        broken = frame.select(condition.fill_null(value=False).alias("broken")).to_series()
        if not broken.any():
            continue
        entry = pl.struct(
            pl.lit(problem.rule).alias("rule"),
            problem.message.alias("message"),
            pl.lit(problem.column, dtype=pl.String).alias("column"),
        )
        added = pl.concat_list(pl.col("problems").fill_null(pl.lit([], dtype=pl.List(PROBLEM))), entry)
        frame = frame.with_columns(pl.when(broken).then(added).otherwise("problems").alias("problems"))
    return frame


def with_notes(frame: pl.DataFrame, notes: dict[str, pl.Expr]) -> pl.DataFrame:
    """The frame with the codes of `notes` appended to its `notes` column where their condition holds."""
    flags = frame.select(condition.fill_null(value=False).alias(code) for code, condition in notes.items())
    for code in notes:
        if flags[code].any():
            added = pl.concat_list(pl.col("notes").fill_null(pl.lit([], dtype=pl.List(pl.String))), pl.lit(code))
            frame = frame.with_columns(pl.when(flags[code]).then(added).otherwise("notes").alias("notes"))
    return frame


def broken_lines(broken: pl.DataFrame) -> pl.DataFrame:
    """Lines that are no row, as records that carry nothing but their problem.

    Args:
        broken: `source_row`, `byte_offset`, `rule`, `message`.
    """
    return broken.select(
        "source_row",
        "byte_offset",
        problems=pl.concat_list(pl.struct("rule", "message", pl.lit(None, dtype=pl.String).alias("column"))).cast(
            pl.List(PROBLEM)
        ),
    )
