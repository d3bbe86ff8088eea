"""A feed as a source: reads the files that its entry in the settings describes; the entry's own shape is there."""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path

import polars as pl

from race_assets.ahead import ahead
from race_assets.settings.feeds import FeedSettings, FieldSpec
from race_assets.sources import delimited, sport
from race_assets.sources.base import FileSource, ReadReport, RowAsRead
from race_assets.sources.csv_feed import layout, mapping, times
from race_assets.sources.csv_feed.cells import Cells, cell_of, text_of
from race_assets.sources.csv_feed.layout import Layout
from race_assets.sources.csv_feed.mapping import AMOUNTS, MOMENTS, PRICES, Inferred
from race_assets.sources.csv_feed.numbers import DecimalSign, NamedSpec, Numbers, OddsNotation
from race_assets.sources.delimited import Block, Dialect
from race_assets.sources.findings import broken_lines, with_problems

VERSION = 6
"""Raised whenever the same file and feed would parse to something else."""

NOT_MEANING = {"enabled", "path", "title", "rules"}
"""Settings of a feed that do not change what its files say."""

FILE_PART = "file."

NOTED_ODDS = ("price", "sp_fraction")
"""Fields whose whole numbers may be fractions; Betfair's own prices are decimal."""

WholeFile = Callable[[], Iterator[pl.DataFrame]]


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

    @property
    def header(self) -> frozenset[str]:
        """See `FileSource.header`."""
        return frozenset() if self.feed.header == "none" else frozenset(self.feed.read_columns())

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
        """What the first rows tell of dates and numbers; what they leave open is looked for in the whole file."""
        whole_file = partial(self._whole_file, path, name, laid_out)
        fields = [mapping.fields_of(self.feed, market) for market in self.feed.markets]
        written = {}
        for target, spec in mapping.targets_with_dates(fields).items():
            if spec.formats:
                written[target] = times.Written(tuple(spec.formats))
                continue
            texts = cells.select(text_of(spec).alias("text")).to_series()
            guessed = times.guess(texts, with_clock=target in MOMENTS)
            if guessed.is_ambiguous:
                order = self._order(whole_file, spec)
                # A number above 12 before the month is a day or a year.
                is_year_open = guessed.may_be_year_first and order != "month"
                guessed = times.guess(texts, with_clock=target in MOMENTS, order=order or "day")
                if is_year_open or order is None:
                    told, read_as = ("day and year", "year last") if is_year_open else ("day and month", "day first")
                    report.warnings.append(
                        f"{target}: {told} cannot be told apart in this file, and are read as {read_as}; "
                        f"give columns.{target} its formats"
                    )
            written[target] = guessed
        return Inferred(self._numbers(cells, whole_file, report), written)

    def _whole_file(self, path: Path, name: str, laid_out: Layout) -> Iterator[pl.DataFrame]:
        """Yield the feed's cells of all blocks of a file, read once more."""
        for block in delimited.read(path, self._dialect(laid_out), ReadReport()):
            yield self._cells(block.rows, name)

    def _order(self, whole_file: WholeFile, spec: FieldSpec) -> str | None:
        """Whether day or month comes first, by the whole file."""
        for cells in whole_file():
            if order := times.order_of(cells.select(text_of(spec).alias("text")).to_series()):
                return order
        return None

    def _numbers(self, cells: pl.DataFrame, whole_file: WholeFile, report: ReadReport) -> Numbers:
        """Infer the sign before decimals and the notation of odds; warn where the file leaves them open."""
        named = [
            (name, spec) for market in self.feed.markets for name, spec in mapping.fields_of(self.feed, market).items()
        ]
        read_odds = [(name, spec) for name, spec in named if name in NOTED_ODDS and spec.odds is None]
        found = {name: OddsNotation() for name, _ in read_odds}
        for name, spec in read_odds:
            for block in _first_then(cells, whole_file):
                found[name].look(block.select(text_of(spec).alias("text")).to_series())
                if found[name].shown:
                    break
            report.warnings += _odds_warnings(name, found[name])
        notations = {name: each.notation for name, each in found.items()}
        if "price" in found and not found["price"].shown:
            notations["price"] = "decimal"
        return Numbers(self.feed.decimal or self._decimal(cells, whole_file, named, report), notations)

    def _decimal(
        self, cells: pl.DataFrame, whole_file: WholeFile, named: Sequence[NamedSpec], report: ReadReport
    ) -> str:
        """Infer the sign before decimals."""
        open_fields = [(name, spec) for name, spec in named if spec.decimal is None]
        prices = [each for each in open_fields if each[0] in (*PRICES, "sp_fraction")]
        amounts = [each for each in open_fields if each[0] in AMOUNTS]
        found = DecimalSign()
        if prices or amounts:
            for block in _first_then(cells, whole_file):
                found.look(block, prices, amounts)
                if found.shown:
                    break
        report.warnings += found.warnings()
        return found.sign


def _first_then(cells: pl.DataFrame, whole_file: WholeFile) -> Iterator[pl.DataFrame]:
    """Yield the first block, then, only if more is wanted, all blocks of the file."""
    yield cells
    yield from whole_file()


def _odds_warnings(name: str, found: OddsNotation) -> Iterator[str]:
    """Yield a sentence about whole numbers that are read by inference."""
    if found.bare is None or name != "price":
        return
    number = re.sub(r"\D", "", found.bare)
    if found.shown == {"fractional"}:
        yield (
            f"price: whole numbers such as {found.bare!r} are read as {number}/1, because other prices of the column "
            "are fractions; give columns.price `odds: decimal` if they are decimal odds"
        )
    elif not found.shown:
        yield (
            f"price: {found.bare!r} may be {number}.0 or {number}/1; it is read as {number}.0, because no price of the "
            f"column is a fraction; give columns.price its `odds`, decimal or fractional"
        )


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
