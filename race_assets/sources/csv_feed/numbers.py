"""Infer how a file writes its prices and amounts: the sign before decimals, and decimal or fractional odds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from race_assets.settings.feeds import FieldSpec
from race_assets.sources.csv_feed.cells import text_of
from race_assets.values import odds
from race_assets.values.odds import Notation

SIGNS = (".", ",")

NamedSpec = tuple[str, FieldSpec]


def bare(text: pl.Expr) -> pl.Expr:
    """Return prices or amounts without the currency sign at either end and the blanks that group their digits.

    Other blanks within a text stay: `5/2 2F` holds two prices, and is none.

    Args:
        text: String such as `£1 250.50`, `3,50 €`, `5 / 2 F`.
    """
    number = text.str.strip_chars().str.replace(r"^([+-]?)\s*[$£€]\s*", "${1}").str.replace(r"\s*[$£€]$", "")
    is_grouped = number.str.contains(r"^[+-]?\d{1,3}(?:\s\d{3})+(?:[.,]\d+)?$")
    return pl.when(is_grouped).then(number.str.replace_all(r"\s", "")).otherwise(number)


@dataclass
class DecimalSign:
    """Evidence for the sign before decimals, gathered from blocks of cells.

    Attributes:
        shown: signs that some cell shows to stand before decimals.
        doubtful: by target a cell such as `1.250` that two readings fit, and the column it comes from.
    """

    shown: set[str] = field(default_factory=set)
    doubtful: dict[str, tuple[str, str]] = field(default_factory=dict)

    def look(self, cells: pl.DataFrame, prices: Iterable[NamedSpec], amounts: Iterable[NamedSpec]) -> None:
        """Add what the cells of these fields show."""
        for specs, are_prices in ((prices, True), (amounts, False)):
            for target, spec in specs:
                texts = cells.select(bare(text_of(spec)).alias("text")).to_series()
                self.shown |= {sign for sign in SIGNS if texts.str.contains(_shows(sign, are_prices=are_prices)).any()}
                found = texts.filter(texts.str.contains(r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$").fill_null(value=False))
                if found.len() and not are_prices:
                    self.doubtful.setdefault(target, (found[0], spec.column or spec.template or target))

    @property
    def sign(self) -> str:
        """The sign before decimals: a comma where one is shown and no point is."""
        return "," if self.shown == {","} else "."

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for each column whose numbers have two readings, with the reading that is taken."""
        if self.shown:
            return
        for target, (text, origin) in self.doubtful.items():
            grouped, decimal = text.replace(".", "").replace(",", ""), text.replace(",", ".")
            taken, other = (decimal, grouped) if "." in text else (grouped, decimal)
            yield (
                f"{target} (column {origin!r}): {text!r} may be {taken} or {other}; it is read as {taken}, because no "
                "price or amount of this file shows a comma before decimals; say which is right by the feed's "
                '`decimal`: "." or ","'
            )


def _shows(sign: str, *, are_prices: bool) -> str:
    """A pattern of numbers in which only this sign can stand before the decimals; no price is as high as 1,250."""
    own, other = (r"\.", ",") if sign == "." else (",", r"\.")
    shapes = [
        rf"\d*{own}\d{{1,2}}",
        rf"\d*{own}\d{{4,}}",
        rf"0*{own}\d+",
        rf"\d{{4,}}{own}\d+",
        rf"\d{{1,3}}(?:{other}\d{{3}})+{own}\d+",
        rf"\d{{1,3}}(?:{other}\d{{3}}){{2,}}",
    ]
    if are_prices:
        shapes += [rf"1{own}(?:\d\d[1-9]|\d[1-9]\d|[1-9]\d\d)", rf"[2-9]{own}\d{{3}}", rf"[1-9]\d{{1,2}}{own}\d{{3}}"]
    return rf"^[+-]?(?:{'|'.join(shapes)})$"


@dataclass
class OddsNotation:
    """Evidence for the notation of one column's prices, gathered from blocks of cells.

    Attributes:
        shown: the notations that some cell shows.
        bare: a whole number, which both notations write.
    """

    shown: set[Notation] = field(default_factory=set)
    bare: str | None = None

    def look(self, texts: pl.Series) -> None:
        """Add what these cells show; a comma before decimals counts as a point."""
        written = bare(pl.col("text")).str.replace(",", ".", literal=True)
        texts = texts.drop_nulls().to_frame("text").select(written).to_series()
        self.shown |= odds.notations(texts)
        if self.bare is None:
            whole = texts.to_frame("text").filter(odds.is_bare_number(pl.col("text"))).to_series()
            self.bare = whole[0] if whole.len() else None

    @property
    def notation(self) -> Notation | None:
        """The only notation that is shown."""
        return next(iter(self.shown)) if len(self.shown) == 1 else None


@dataclass(frozen=True)
class Numbers:
    """How the numbers of a file are read.

    Attributes:
        decimal: the sign before decimals, where no field says its own.
        odds: by target the notation of whole numbers; None where they cannot be read.
    """

    decimal: str = "."
    odds: Mapping[str, Notation | None] = field(default_factory=dict)
