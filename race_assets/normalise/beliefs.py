"""What is believed of a dog or race that several records tell of; the order of sources is a setting."""

from collections.abc import Mapping

import polars as pl

RAN = ["WINNER", "LOSER", "PLACED"]
CUT_LENGTHS = [15, 16]
"""Letters of a name that Betfair cut, a blank at its end left out (values.names)."""


def believed(name: str, fact: str) -> pl.Expr:
    """In a group: the first value that is known, of the win market before others, then of the source believed first.

    Args:
        name: the column.
        fact: whose ranks count; they are in the column `by_<fact>`.
    """
    return pl.col(name).sort_by("is_place", f"by_{fact}", maintain_order=True).drop_nulls().first()


def with_ranks(frame: pl.DataFrame, ranks: Mapping[str, Mapping[str, int]]) -> pl.DataFrame:
    """Adds `by_<fact>` for each fact: the place of the row's `source` among those that are believed.

    Args:
        frame: with `source`.
        ranks: for each fact the place of each source.
    """
    source = pl.col("source")
    return frame.with_columns(
        source.replace_strict(list(places), list(places.values()), return_dtype=pl.Int32).alias(f"by_{fact}")
        for fact, places in ranks.items()
    )


def run_first(records: pl.DataFrame) -> pl.DataFrame:
    """Return the records with those of void markets and of scratched dogs behind all others, in their order.

    Of one source's markets of a race the one that was run speaks, not the one that was void and opened anew.

    Args:
        records: with `status` and `result`.
    """
    is_last = ((pl.col("result") == "VOID") | (pl.col("status") == "SCRATCHED")).fill_null(value=False)
    last = records.select(is_last).to_series()
    return pl.concat([records.filter(~last), records.filter(last)]) if last.any() else records


def is_out(is_place: pl.Expr) -> pl.Expr:
    """In a group: a dog that any source scratched is out, unless another knows how it ran.

    Cards are printed before dogs are withdrawn, so the source that says so knows more. A void place market says nothing
    of the dog where there is a win market.

    Args:
        is_place: whether a record is of a place market; beside it stand `status` and `result`.
    """
    counts = ~is_place | is_place.all()
    return ((pl.col("status") == "SCRATCHED") & counts).any() & ~pl.col("result").is_in(RAN).any()


def settled_status() -> pl.Expr:
    """In a group: SCRATCHED where the dog `is_out`, ACTIVE where somebody knows how it ran, else what is believed."""
    ran = pl.col("result").is_in(RAN).any()
    out = pl.when(is_out(pl.col("is_place"))).then(pl.lit("SCRATCHED"))
    return out.when(ran).then(pl.lit("ACTIVE")).otherwise(believed("status", "status"))


def fullest_name() -> pl.Expr:
    """In a group: the name of the source believed first; one that was cut gives way to the longer one it begins."""
    first = believed("dog_name", "name")
    longest = pl.col("dog_name").sort_by(pl.col("dog_name").str.len_chars(), descending=True).first()
    is_cut = first.str.len_chars().is_in(CUT_LENGTHS) & longest.str.to_lowercase().str.starts_with(
        first.str.to_lowercase()
    )
    return pl.when(is_cut).then(longest).otherwise(first)
