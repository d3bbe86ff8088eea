"""Find records whose identifiers cannot be right: one id for several dogs, one market for several races."""

import polars as pl

from race_assets.schemas.records import RECORD_KEY
from race_assets.values import names
from race_assets.values.texts import formatted

RULE = "keys"
KEY = ("race_date", *RECORD_KEY)
FILE_KEY = (*KEY, "source_file")
FILE_MARKET = ("race_date", "source", "source_file", "market_type", "market_id")
PLACE = ("track_id", "start_at")
NAMED = 6
"""How many dogs or races a message names at most."""
ADVICE = (
    "which is meant cannot be known, so all of them are rejected. A spreadsheet may have cut the ids: write them as "
    "text, and land the file again under its name"
)
CONFLICTS = pl.Schema({"position": pl.UInt32, "rule": pl.String, "message": pl.String})


def shared_keys(records: pl.DataFrame) -> pl.Series:
    """Return for each record whether another one has its day, source, market, selection and market type."""
    return records.select(pl.struct(KEY).is_duplicated()).to_series()


def conflicts(records: pl.DataFrame, is_shared: pl.Series) -> pl.DataFrame:
    """Return the records whose ids stand for several dogs or races, as `position`, `rule`, `message`.

    Args:
        records: placed records with `track_id`, in any order, that no other rule has rejected.
        is_shared: `shared_keys` of them.
    """
    rows = records.with_row_index("position")
    of_dogs = _of_dogs(rows.filter(is_shared)) if is_shared.any() else pl.DataFrame(schema=CONFLICTS)
    return pl.concat([of_dogs, _of_races(rows)]).unique("position", keep="first", maintain_order=True)


def _of_dogs(shared: pl.DataFrame) -> pl.DataFrame:
    """Return records with one key and several dogs.

    Names tell dogs apart; traps do within a file, and where a name is missing. Between files a dog may have moved to
    another trap, or have its name spelled otherwise in the trap it has in both.
    """
    known = pl.col("market_id").is_not_null() & pl.col("selection_id").is_not_null()
    rows = shared.filter(known).with_columns(
        name=names.match_name(pl.col("dog_name")), is_cut=names.is_truncated(pl.col("selection_name"))
    )
    traps = pl.col("trap").drop_nulls().n_unique()
    is_conflict = (
        _has_names_apart(KEY)
        | (traps.over(FILE_KEY) > 1)
        | ((traps.over(KEY) > 1) & pl.col("name").is_null().any().over(KEY))
    )
    rows = rows.filter(is_conflict)
    rows = rows.join(_respelled(rows), on=KEY, how="anti", maintain_order="left")
    if not rows.height:
        return pl.DataFrame(schema=CONFLICTS)
    dog = formatted(
        "trap {} {} (line {} of {})",
        pl.col("trap").cast(pl.String).fill_null("-"),
        pl.col("selection_name").fill_null("-").str.slice(0, 60),
        "source_row",
        pl.col("source_file").str.slice(0, 12),
    )
    rows = _with_all_of(rows.with_columns(dogs=dog), "dogs", KEY)
    message = formatted(
        f"market {{}}, selection {{}} stands for several dogs: {{}}; {ADVICE}", "market_id", "selection_id", "dogs"
    )
    return rows.select("position", rule=pl.lit(RULE), message=message)


def _respelled(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the keys of one dog whose name different files spell differently, for one trap of one race."""
    one_place = [pl.col(name).n_unique() == 1 for name in ("track_id", "start_at", "trap")]
    are_known = pl.col("track_id", "start_at", "trap", "name").is_not_null().all()
    keys = (
        rows.with_columns(apart_in_file=_has_names_apart(FILE_KEY))
        .group_by(KEY, maintain_order=True)
        .agg(
            pl.col("name").unique().sort(),
            may_be=pl.all_horizontal(*one_place, are_known, ~pl.col("apart_in_file").any()),
        )
        .filter("may_be")
    )
    if not keys.height:
        return keys.select(KEY)
    from race_assets.values.spelling import are_spellings

    alike = [all(are_spellings(spelled[0], other) for other in spelled[1:]) for spelled in keys["name"].to_list()]
    return keys.filter(pl.Series(alike, dtype=pl.Boolean)).select(KEY)


def _of_races(rows: pl.DataFrame) -> pl.DataFrame:
    """Return records of a file whose market is on two tracks, or has two dogs in a trap at different offs.

    A market whose off alone differs is a race that was moved.
    """
    # Rows of a market mostly follow one another: the first of each run is enough to compare.
    facts = (*FILE_MARKET, *PLACE)
    begins = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in facts)
    markets = rows.select(facts).filter(begins | (pl.int_range(pl.len()) == 0)).drop_nulls("market_id")
    several = (
        markets.group_by(FILE_MARKET)
        .agg(tracks=pl.col("track_id").drop_nulls().n_unique(), offs=pl.col("start_at").drop_nulls().n_unique())
        .filter((pl.col("tracks") > 1) | (pl.col("offs") > 1))
    )
    if not several.height:
        return pl.DataFrame(schema=CONFLICTS)
    found = rows.join(several, on=FILE_MARKET, nulls_equal=True, maintain_order="left").with_columns(
        name=names.match_name(pl.col("dog_name")), is_cut=names.is_truncated(pl.col("selection_name"))
    )
    trap = (*FILE_MARKET, "trap")
    clashes = (
        _has_names_apart(trap)
        & pl.col("trap").is_not_null()
        & (pl.col("start_at").drop_nulls().n_unique().over(trap) > 1)
    )
    found = found.filter((pl.col("tracks") > 1) | clashes.any().over(FILE_MARKET))
    if not found.height:
        return pl.DataFrame(schema=CONFLICTS)
    race = formatted(
        "{} {}", pl.col("track_name").fill_null("no track").str.slice(0, 60), pl.col("start_at").dt.strftime("%H:%MZ")
    ).fill_null("no off")
    found = _with_all_of(found.with_columns(races=race), "races", FILE_MARKET)
    message = formatted(f"market {{}} stands for several races: {{}}; {ADVICE}", "market_id", "races")
    return found.select("position", rule=pl.lit(RULE), message=message)


def _has_names_apart(key: tuple[str, ...]) -> pl.Expr:
    """Return whether the dogs of a key are several by `name`; one that was cut off is the one it begins."""
    name = pl.col("name")
    fullest = name.sort_by(name.str.len_chars(), name, descending=[True, False], nulls_last=True).first().over(key)
    is_fullest = (name == fullest) | (pl.col("is_cut") & fullest.str.starts_with(name))
    return (~is_fullest).fill_null(value=False).any().over(key)


def _with_all_of(rows: pl.DataFrame, column: str, key: tuple[str, ...]) -> pl.DataFrame:
    """Return the rows with the different texts of their key in one text, sorted, in place of their own.

    Where they are many, the first of them and their number.
    """
    texts = pl.col(column).list
    every = rows.group_by(key).agg(pl.col(column).unique().sort())
    more = pl.when(texts.len() > NAMED).then(formatted(" and {} more", texts.len().cast(pl.Int64) - NAMED))
    every = every.with_columns(pl.concat_str(texts.head(NAMED).list.join(", "), more.fill_null("")))
    return rows.drop(column).join(every, on=key, how="left", nulls_equal=True, maintain_order="left")
