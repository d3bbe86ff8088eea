"""How far the runners of two told races are the same dogs; which races are one is decided in `linking.py`."""

import polars as pl
from rapidfuzz.distance import OSA

HOW = ("same", "cut", "alike")
"""How two names agree: in full, as far as the cut one goes, or but for a few letters."""
KEY_LENGTH = 8
"""Letters that two forms of a name must share to be compared in full: every cut name has more."""


def agreeing(pairs: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, similarity: float) -> pl.DataFrame:
    """The runners that agree in each pair of races, one to one.

    Names agree when they are equal, when one is the beginning of the other and was cut there, or when they stand in one
    trap (or one of them in none) and are alike.

    Args:
        pairs: `pair`, `left`, `right`: numbers of told races.
        left: runners as `told_races.runners` gives them.
        right: the same, of the other side.
        similarity: from which names in one trap count as alike: 1 - edits / length.

    Returns:
        `pair`, `left_runner`, `right_runner`, `how` (HOW), `likeness` (1 for names that agree), `same_trap`, sorted.
    """
    lefts, rights = _sided(pairs, left, "left"), _sided(pairs, right, "right")
    same = _one_to_one(_same_names(lefts, rights))
    rest_left = lefts.join(same, on=["pair", "left_runner"], how="anti")
    rest_right = rights.join(same, on=["pair", "right_runner"], how="anti")
    alike = _one_to_one(_alike(rest_left, rest_right, similarity))
    return pl.concat([same, alike]).sort("pair", "left_runner", "right_runner")


def same_name(one: pl.Expr, other: pl.Expr, one_is_cut: pl.Expr, other_is_cut: pl.Expr) -> pl.Expr:
    """Whether two comparable names are one, as far as the one that was cut goes."""
    return (one == other) | (one_is_cut & other.str.starts_with(one)) | (other_is_cut & one.str.starts_with(other))


def _sided(pairs: pl.DataFrame, runners: pl.DataFrame, side: str) -> pl.DataFrame:
    joined = pairs.select("pair", told=side).join(runners, on="told", how="inner").drop("told")
    return joined.rename({name: f"{side}_{name}" for name in joined.columns if name != "pair"})


def _same_names(lefts: pl.DataFrame, rights: pl.DataFrame) -> pl.DataFrame:
    def keyed(frame: pl.DataFrame, side: str) -> pl.DataFrame:
        return frame.with_columns(key=pl.col(f"{side}_name").str.slice(0, KEY_LENGTH))

    both = keyed(lefts, "left").join(keyed(rights, "right"), on=["pair", "key"])
    one, other = pl.col("left_name"), pl.col("right_name")
    agree = same_name(one, other, pl.col("left_is_cut"), pl.col("right_is_cut"))
    how = pl.when(one == other).then(pl.lit("same")).otherwise(pl.lit("cut"))
    return both.filter(agree).with_columns(likeness=pl.lit(1.0), how=how)


def _alike(lefts: pl.DataFrame, rights: pl.DataFrame, similarity: float) -> pl.DataFrame:
    nowhere = pl.concat(
        [
            lefts.filter(pl.col("left_trap").is_null()).join(rights, on="pair"),
            lefts.drop_nulls("left_trap").join(rights.filter(pl.col("right_trap").is_null()), on="pair"),
            lefts.drop_nulls("left_trap")
            .join(rights.drop_nulls("right_trap"), left_on=["pair", "left_trap"], right_on=["pair", "right_trap"])
            .with_columns(right_trap="left_trap"),
        ],
        how="diagonal",
    )
    likeness = _likeness(nowhere)
    return nowhere.with_columns(likeness=likeness, how=pl.lit("alike")).filter(pl.col("likeness") >= similarity)


def _likeness(pairs: pl.DataFrame) -> pl.Series:
    """1 - edits / length; a cut name is compared with as much of the other as it has."""
    one, other = pl.col("left_name"), pl.col("right_name")
    shown = pairs.select(
        pl.when("right_is_cut").then(one.str.slice(0, other.str.len_chars())).otherwise(one).alias("one"),
        pl.when("left_is_cut").then(other.str.slice(0, one.str.len_chars())).otherwise(other).alias("other"),
    )
    unique = shown.unique()
    alike = [OSA.normalized_similarity(a, b) for a, b in unique.iter_rows()]
    found = shown.join(
        unique.with_columns(likeness=pl.Series(alike, dtype=pl.Float64)),
        on=["one", "other"], how="left", maintain_order="left",
    )  # fmt: skip
    return found["likeness"]


def _one_to_one(found: pl.DataFrame) -> pl.DataFrame:
    """Each runner once a pair: the one in its own trap first, then the most alike."""
    same_trap = (pl.col("left_trap") == pl.col("right_trap")).fill_null(value=False)
    ordered = found.with_columns(same_trap=same_trap).sort(
        "pair", "same_trap", "likeness", "left_runner", "right_runner",
        descending=[False, True, True, False, False],
    )  # fmt: skip
    once = ordered.unique(["pair", "left_runner"], keep="first", maintain_order=True)
    once = once.unique(["pair", "right_runner"], keep="first", maintain_order=True)
    return once.select("pair", "left_runner", "right_runner", "how", "likeness", "same_trap")
