"""A feed as a source: reads the files that its entry in the settings describes; the entry's own shape is there."""

import re
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import polars as pl

from race_assets.ahead import ahead
from race_assets.settings.feeds import FeedSettings
from race_assets.sources import delimited, sport
from race_assets.sources.base import FileSource, ReadReport, RowAsRead
from race_assets.sources.csv_feed import layout, mapping, times
from race_assets.sources.csv_feed.cells import Cells, cell_of, text_of
from race_assets.sources.csv_feed.layout import Layout
from race_assets.sources.csv_feed.mapping import AMOUNTS, MOMENTS, PRICES, Inferred
from race_assets.sources.delimited import Block, Dialect
from race_assets.sources.findings import broken_lines, with_problems

VERSION = 3
"""Raised whenever the same file and feed would parse to something else."""

NOT_MEANING = {"enabled", "path", "title", "rules"}
"""Settings of a feed that do not change what its files say."""

FILE_PART = "file."


class CsvFeed(FileSource):
    """Files of one kind, as the settings describe them.

    Its parser version is a number made of its entry: with another entry, its files are parsed anew.
    """

    may_repeat = True

    def __init__(self, name: str, feed: FeedSettings) -> None:
        self.name = name
        self.title = feed.title
        self.feed = feed
        meaning = f"{VERSION} {feed.model_dump_json(exclude=NOT_MEANING)}"
        self.parser_version = zlib.crc32(meaning.encode()) & 0x7FFF_FFFF

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """See `FileSource.read`; the name gives the columns that `file_name` finds in it."""
        laid_out = layout.of(path, self.feed)
        if columns := sport.horse_columns(laid_out.names):
            report.warnings.append(f"columns of horse racing: {', '.join(columns)}; is this a file of greyhounds?")
        doubt = sport.problem_of_feed(laid_out.names)
        inferred: Inferred | None = None
        filled = _Filled(self.feed)
        for block in ahead(delimited.read(path, self._dialect(laid_out), report)):
            if block.broken.height:
                yield broken_lines(block.broken)
            if not block.rows.height:
                filled.forget()
                continue
            cells = filled.down(self._cells(block.rows, name), block)
            inferred = inferred or self._inferred(cells, path, name, laid_out, report)
            yield with_problems(mapping.records(cells, self.feed, inferred), [doubt])

    def cells_of(self, path: Path, text: str) -> list[str]:
        """See `FileSource.cells_of`."""
        return delimited.cells_of(text, self._dialect(layout.of(path, self.feed)))

    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """See `FileSource.rows_as_read`."""
        return delimited.rows_as_read(path, byte_offsets, self._dialect(layout.of(path, self.feed)))

    def _dialect(self, laid_out: Layout) -> Dialect:
        return Dialect(
            columns=sorted(self.feed.read_columns()),
            separator=laid_out.separator,
            quote=self.feed.quote,
            encoding=laid_out.encoding,
            header_line=laid_out.header_line,
            names=None if laid_out.header_line else laid_out.names,
            skip_lines=laid_out.skip,
            takes_all=True,
        )

    @cached_property
    def _file_name(self) -> re.Pattern[str] | None:
        return re.compile(self.feed.file_name, re.IGNORECASE) if self.feed.file_name else None

    def _cells(self, rows: pl.DataFrame, name: str) -> pl.DataFrame:
        """The columns the feed reads, cleaned, and those of the file's name."""
        cells = Cells.of(self.feed.null_words)
        return rows.select(
            "source_row",
            "byte_offset",
            "notes",
            *(cells.cleaned(each) for each in sorted(self.feed.read_columns())),
            *(
                pl.lit(value, dtype=pl.String).alias(cell_of(FILE_PART + group))
                for group, value in self._of_name(name).items()
            ),
        )

    def _of_name(self, name: str) -> dict[str, str | None]:
        if self._file_name is None:
            return {}
        found = self._file_name.search(Path(name).name)
        groups = self._file_name.groupindex
        return {group.lower(): found[group].strip() if found and found[group] else None for group in groups}

    def _inferred(self, cells: pl.DataFrame, path: Path, name: str, laid_out: Layout, report: ReadReport) -> Inferred:
        """What the first rows tell of dates and decimals; what they leave open is looked for in the whole file."""
        fields = [mapping.fields_of(self.feed, market) for market in self.feed.markets]
        written = {}
        for target, spec in mapping.targets_with_dates(fields).items():
            if spec.formats:
                written[target] = times.Written(tuple(spec.formats))
                continue
            texts = cells.select(text_of(spec).alias("text")).to_series()
            guessed = times.guess(texts, with_clock=target in MOMENTS)
            if guessed.is_ambiguous:
                order = self._order(path, name, laid_out, target)
                guessed = times.guess(texts, with_clock=target in MOMENTS, order=order or "day")
                if order is None:
                    report.warnings.append(
                        f"{target}: day and month cannot be told apart in this file, and are read as day first; "
                        f"give columns.{target} its formats"
                    )
            written[target] = guessed
        return Inferred(self.feed.decimal or _decimal(cells, self.feed), written)

    def _order(self, path: Path, name: str, laid_out: Layout, target: str) -> str | None:
        """Whether day or month comes first, by the whole file."""
        specs = [mapping.fields_of(self.feed, market).get(target) for market in self.feed.markets]
        spec = next(each for each in specs if each is not None)
        for block in delimited.read(path, self._dialect(laid_out), ReadReport()):
            texts = self._cells(block.rows, name).select(text_of(spec).alias("text")).to_series()
            if order := times.order_of(texts):
                return order
        return None


def _decimal(cells: pl.DataFrame, feed: FeedSettings) -> str:
    """The sign before decimals: a comma where some price or amount has one and none has a point."""
    named = [
        spec
        for market in feed.markets
        for target, spec in mapping.fields_of(feed, market).items()
        if target in (*PRICES, *AMOUNTS)
    ]
    if not named:
        return "."
    texts = cells.select(text_of(spec).alias(str(number)) for number, spec in enumerate(named))
    comma = texts.select(pl.any_horizontal(pl.all().str.contains(r"^\D*\d+,\d{1,2}\D*$").any())).item()
    point = texts.select(pl.any_horizontal(pl.all().str.contains(r"\d\.\d{1,2}(?:\D|$)").any())).item()
    return "," if comma and not point else "."


class _Filled:
    """Blanks that mean the cell above, from block to block; never across a line that could not be read."""

    def __init__(self, feed: FeedSettings) -> None:
        self.columns = [cell_of(each) for each in feed.fill_down]
        self.last: dict[str, str | None] = dict.fromkeys(self.columns)

    def forget(self) -> None:
        """A line could not be read: what stands below it belongs to nothing above."""
        self.last = dict.fromkeys(self.columns)

    def down(self, cells: pl.DataFrame, block: Block) -> pl.DataFrame:
        """The block's cells with their blanks filled."""
        if not self.columns:
            return cells
        lines = block.broken["source_row"].sort()
        since = pl.Series("since", lines.search_sorted(cells["source_row"]) if lines.len() else [0] * cells.height)
        is_first = since == 0
        filled = cells.with_columns(since).with_columns(
            pl.coalesce(
                pl.col(name).forward_fill().over("since"),
                pl.when(is_first).then(pl.lit(self.last[name], dtype=pl.String)),
            ).alias(name)
            for name in self.columns
        )
        is_cut = lines.len() and lines[-1] > cells["source_row"][-1]
        self.last = {name: None if is_cut else filled[name][-1] for name in self.columns}
        return filled.drop("since")
