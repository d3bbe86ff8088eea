"""What people see beside an asset: columns, previews, tallies; the figures are counted elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import pandera.polars as pa
import polars as pl

from race_assets.display import markdown
from race_assets.pipeline.pictures import charts
from race_assets.storage.coverage import LETTERS, letters
from race_assets.validation.account import Account

PREVIEW_ROWS = 10


def columns(schema: pa.DataFrameSchema) -> dg.TableSchema:
    """The table's columns, for the asset's page."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                type=str(declared.dtype),
                description=declared.description,
                constraints=dg.TableColumnConstraints(nullable=declared.nullable),
            )
            for name, declared in schema.columns.items()
        ]
    )


def preview(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """The first rows as a table, without columns that say nothing."""
    return rows(frame.head(PREVIEW_ROWS))


def preview_of(days: Sequence[date], frame: pl.DataFrame) -> dict[str, dg.MarkdownMetadataValue]:
    """Return the preview of a run over one day; on the page of one of several days it would show another's rows."""
    return {"preview": preview(frame)} if len(days) == 1 else {}


def rows(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """All rows as a table, without columns that say nothing."""
    told = [name for name in frame.columns if frame[name].null_count() < frame.height]
    if not told:
        return dg.MetadataValue.md("no rows")
    lines = ["| " + " | ".join(map(markdown, told)) + " |", "|" + "---|" * len(told)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.select(told).iter_rows()]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    return "" if value is None else markdown(value)


def picture(svg: str, name: str) -> dg.MarkdownMetadataValue:
    """A chart on the asset's page, which shows pictures that need no file."""
    return dg.MetadataValue.md(f"![{markdown(name)}]({charts.data_uri(svg)})")


def calendar(states: Mapping[str, Sequence[tuple[date, str]]]) -> dg.MarkdownMetadataValue:
    """A letter a day for each source."""
    if not states:
        return dg.MetadataValue.md("no source is expected on these days: `coverage.sources` in the settings")
    lines = ["| source | from | |", "|---|---|---|"]
    for source, days in states.items():
        lines.append(f"| {markdown(source)} | {days[0][0]} | `{letters(days)}` |")
    legend = ", ".join(f"`{letter}` {state.replace('_', ' ')}" for state, letter in LETTERS.items())
    return dg.MetadataValue.md("\n".join([*lines, "", legend]))


def of_account(account: Account) -> dict[str, Any]:
    """Return the figures of one day that its own page shows."""
    return {"records in": account.records_in, "accepted": account.accepted, "quarantined": account.quarantined}


def tally(counts: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    """Counts by name as a table."""
    if not counts:
        return dg.MetadataValue.md("none")
    return dg.MetadataValue.md(
        "\n".join(["| | |", "|---|---:|", *(f"| {markdown(name)} | {n:,} |" for name, n in counts.items())])
    )
