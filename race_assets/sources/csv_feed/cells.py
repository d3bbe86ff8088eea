"""Cells of a feed's rows as Polars expressions: what they say, conditions on them, texts put together from them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from race_assets.settings.feeds import PLACE, FieldSpec, Test, When
from race_assets.sources import delimited


@dataclass(frozen=True)
class Cells:
    """The columns a feed reads, by name.

    Attributes:
        null_words: cells that say nothing, lower case.
    """

    null_words: frozenset[str]

    @classmethod
    def of(cls, null_words: Collection[str]) -> "Cells":
        """Cells with these null words."""
        return cls(frozenset(word.strip().lower() for word in null_words))

    def cleaned(self, name: str) -> pl.Expr:
        """The column trimmed, cells that say nothing as null."""
        text = pl.col(cell_of(name)).str.strip_chars()
        return pl.when(~text.str.to_lowercase().is_in(sorted(self.null_words))).then(text).alias(cell_of(name))


def cell_of(name: str) -> str:
    """The column that holds a feed's column: files and records have names in common."""
    return delimited.cell(name.strip().lower())


def column(name: str) -> pl.Expr:
    """A cleaned column, by the name a feed gives it."""
    return pl.col(cell_of(name))


def holds(when: When) -> pl.Expr:
    """Whether all conditions hold; never null."""
    if not when:
        return pl.lit(value=True)
    return pl.all_horizontal(_passes(column(name), test) for name, test in when.items())


def _passes(cell: pl.Expr, test: Test) -> pl.Expr:
    parts = []
    if test.equals is not None:
        wanted = [test.equals] if isinstance(test.equals, str) else test.equals
        parts.append(cell.str.to_lowercase().is_in([each.strip().lower() for each in wanted]))
    if test.matches is not None:
        parts.append(cell.str.contains(test.matches))
    if test.blank is not None:
        parts.append(cell.is_null() if test.blank else cell.is_not_null())
    passed = pl.all_horizontal(parts).fill_null(value=False) if parts else pl.lit(value=True)
    return ~passed if test.negate else passed


def text_of(spec: FieldSpec) -> pl.Expr:
    """What a field's cells come to, as text: null where they say nothing."""
    text = _origin(spec)
    if spec.pattern is not None:
        text = _or_null(text.str.extract(spec.pattern, 1).str.strip_chars())
    if spec.values is not None:
        text = _translated(text, spec.values, keeps_others="otherwise" not in spec.model_fields_set, spec=spec)
    for case in reversed(spec.cases):
        text = pl.when(holds(case.when)).then(pl.lit(case.value, dtype=pl.String)).otherwise(text)
    return text


def _origin(spec: FieldSpec) -> pl.Expr:
    if spec.column is not None:
        return column(spec.column)
    if spec.template is not None:
        # A part that says nothing leaves the whole unsaid: half a date is no date.
        return _or_null(pl.concat_str(*_parts(spec.template)).str.strip_chars())
    return pl.lit(spec.constant, dtype=pl.String)


def _parts(template: str) -> list[pl.Expr]:
    parts: list[pl.Expr] = []
    for number, part in enumerate(PLACE.split(template)):
        # What the pattern's group found stands at every second place.
        if number % 2:
            parts.append(column(part))
        elif part:
            parts.append(pl.lit(part))
    return parts


def _translated(text: pl.Expr, values: Mapping[str, str | None], *, keeps_others: bool, spec: FieldSpec) -> pl.Expr:
    known = {word.strip().lower(): meaning for word, meaning in values.items()}
    others = text if keeps_others else pl.lit(spec.otherwise, dtype=pl.String)
    said = {word: meaning for word, meaning in known.items() if word}
    found = text.str.to_lowercase().replace_strict(
        list(said), list(said.values()), default=None, return_dtype=pl.String
    )
    is_listed = text.str.to_lowercase().is_in(list(said)).fill_null(value=False)
    nothing = pl.lit(known.get(""), dtype=pl.String)
    return pl.when(text.is_null()).then(nothing).when(is_listed).then(found).otherwise(others)


def _or_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)
