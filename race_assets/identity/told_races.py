"""Races as each provider reports them, and the runners of each by the provider's own ids.

Races of different providers are linked in `linking.py`.
"""

from collections.abc import Mapping

import polars as pl

from race_assets.values import names

MEETING = ["race_date", "track_id"]
MARKET = ["provider", "source", *MEETING, "market_type", "market_id", "start_at"]
"""A market as one source reports it."""
ORDER = ["provider", *MEETING, "start_at", "market_type", "market_id", "source"]
STANDING = "ACTIVE"
BETFAIR = "betfair"
"""The provider whose selection ids name a dog: within a meeting, markets of the same selections are one race."""
SHARE, FEWEST_SHARED = 0.5, 2
"""How many of the selections or names of the smaller of two markets both must have to be of one race."""


def ranked(records: pl.DataFrame, providers: Mapping[str, str], ranks: Mapping[str, int]) -> pl.DataFrame:
    """Return the records with `provider` and `rank` of their source; both mappings have every source.

    `is_borrowed` is added, false: whether the provider's ids are those of another one (`with_provider_by_ids`).
    """
    source = pl.col("source")
    return records.with_columns(
        provider=source.replace_strict(list(providers), list(providers.values()), return_dtype=pl.String),
        rank=source.replace_strict(list(ranks), list(ranks.values()), return_dtype=pl.Int32),
        is_borrowed=pl.lit(value=False),
    )


def with_provider_by_ids(records: pl.DataFrame, borrowers: Mapping[str, str]) -> pl.DataFrame:
    """Return the records; markets whose selection ids prove to be another provider's get that `provider`.

    A source's ids of a day are the provider's if at least half of those that the provider has at the same track stand
    there for the same name or the same trap. Then each market of which half the ids are known is the provider's.

    Args:
        records: as `ranked` gives them, with `market_id`, `selection_id`, `trap` and `dog_name`.
        borrowers: sources that may use the ids of another provider, and that provider.
    """
    day, meeting = ["source", "race_date"], [*MEETING, "selection_id"]
    for source, provider in borrowers.items():
        own = records.filter(pl.col("source") == source)
        others = records.filter(pl.col("provider") == provider)
        if not own.height or not others.height:
            continue
        known = others.select(*meeting, is_known=True, known_trap="trap", known_name=comparable())
        known = known.group_by(*meeting, "is_known").agg(pl.col("known_trap", "known_name").unique())
        own = own.select(*day, "market_id", "selection_id", *MEETING[1:], "trap", name=comparable())
        own = own.join(known, on=meeting, how="left")
        agrees = pl.col("trap").is_in(pl.col("known_trap")) | pl.col("name").is_in(pl.col("known_name"))
        is_known = pl.col("is_known").fill_null(value=False)
        are_its_ids = (agrees.fill_null(value=False).sum() >= SHARE * is_known.sum()).over(day)
        markets = own.group_by(*day, "market_id").agg(is_its=(is_known.mean() >= SHARE) & are_its_ids.all())
        joined = records.join(markets, on=[*day, "market_id"], how="left", maintain_order="left")
        records = joined.with_columns(
            provider=pl.when("is_its").then(pl.lit(provider)).otherwise("provider"),
            is_borrowed=pl.col("is_its").fill_null(pl.col("is_borrowed")),
        ).drop("is_its")
    return records


def with_told(records: pl.DataFrame) -> pl.DataFrame:
    """Add `told`, a number for each race as its provider reports it: the same for the same records, in any order.

    Of one provider, what has one market id is one race, and so are markets of one meeting with the same selections if
    the ids are Betfair's: WIN and PLACE, or a market under the ids of two exchanges. Markets of one source with one off
    are one race; those of different sources only if their runners are the same, see `same_minute`.

    Args:
        records: `provider`, `rank`, `race_date`, `track_id`, `start_at`, `market_id`, `market_type`, `source`,
            `selection_id`, `dog_name`; one off per source and market.
    """
    markets = records.group_by(MARKET).agg(pl.col("rank").min(), pl.len()).sort(ORDER)
    markets = markets.with_columns(told=pl.int_range(pl.len(), dtype=pl.Int64))
    # Two sources may name a track differently; only Betfair's market ids are known to be unique across tracks.
    track = pl.when(pl.col("provider") != BETFAIR).then("track_id")
    markets = _joined(markets.with_columns(track=track), ["provider", "race_date", "market_id", "track"]).drop("track")
    markets = _replaced(markets, _of_same_selections(records, markets))
    markets = _replaced(markets, same_minute(records, markets).filter("is_one").select("told", "first"))
    return records.join(markets.select(*MARKET, "told"), on=MARKET, how="left", nulls_equal=True, maintain_order="left")


def _joined(markets: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Give markets that share the key, directly or through others, the smallest `told` of them."""
    while True:
        joined = markets.with_columns(first=pl.col("told").min().over(key))
        joined = joined.with_columns(first=pl.col("first").min().over("told"))
        if (joined["first"] == joined["told"]).all():
            return markets
        markets = joined.with_columns(told="first").drop("first")


def _replaced(markets: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """Give each `told` of `joined` its `first`, following chains."""
    if not joined.height:
        return markets
    into = dict(joined.iter_rows())
    while any(first in into for first in into.values()):
        into = {told: into.get(first, first) for told, first in into.items()}
    return markets.with_columns(pl.col("told").replace(list(into), list(into.values())))


def _of_same_selections(records: pl.DataFrame, markets: pl.DataFrame) -> pl.DataFrame:
    """Return Betfair's races that are another one by their selections: `told`, and `first`, the one it is.

    A source's own two markets of one type are two races, whoever runs in them.
    """
    mine = markets.filter(pl.col("provider") == BETFAIR)
    kinds = mine.group_by("told").agg(kinds=pl.concat_str("source", "market_type", separator=" ").unique().sort())
    if kinds["kinds"].n_unique() <= 1:
        return pl.DataFrame(schema={"told": pl.Int64, "first": pl.Int64})
    of_race = records.filter(pl.col("provider") == BETFAIR).join(mine.select(*MARKET, "told"), on=MARKET)
    runners = of_race.select(*MEETING, "selection_id", "told").drop_nulls().unique()
    runners = runners.filter(pl.struct(*MEETING, "selection_id").is_duplicated())
    sizes = of_race.group_by("told").agg(size=pl.col("selection_id").n_unique())
    order = standing(mine).with_columns(place=pl.struct("rank", "told").rank("ordinal"))
    facts = order.select("told", "place", "start_at").join(kinds, on="told").join(sizes, on="told")
    shared = runners.join(runners, on=[*MEETING, "selection_id"], suffix="_of")
    pairs = shared.filter(pl.col("told") != pl.col("told_of")).group_by("told", "told_of").agg(shared=pl.len())
    pairs = pairs.join(facts, on="told").join(facts, left_on="told_of", right_on="told", suffix="_of")
    smaller = pl.min_horizontal("size", "size_of")
    is_same = (pl.col("shared") >= SHARE * smaller) & (pl.col("shared") >= pl.min_horizontal(FEWEST_SHARED, smaller))
    is_apart = pl.col("kinds").list.set_intersection("kinds_of").list.len() == 0
    found = pairs.filter(is_same & is_apart & (pl.col("place") > pl.col("place_of")))
    offset = (pl.col("start_at") - pl.col("start_at_of")).abs()
    best = found.sort("told", "shared", offset, "place_of", descending=[False, True, False, False])
    return best.unique("told", keep="first", maintain_order=True).select("told", first="told_of")


def standing(markets: pl.DataFrame) -> pl.DataFrame:
    """Return one row per `told`: `provider`, MEETING, `start_at` and `rank` of its best-ranked source.

    Of one source the WIN market stands: a PLACE market that was void early keeps the off that was planned then.
    """
    kind = ["told", "provider", *MEETING, "start_at", "market_type"]
    ordered = markets.group_by(kind).agg(pl.col("rank").min(), pl.col("len").sum()).sort(
        "told", "rank", "market_type", "len", "start_at", "track_id",
        descending=[False, False, True, True, False, False],
    )  # fmt: skip
    return ordered.unique("told", keep="first", maintain_order=True).drop("len", "market_type").sort("told")


def same_minute(records: pl.DataFrame, markets: pl.DataFrame) -> pl.DataFrame:
    """Return the races of a provider that stand in the minute of another of its races, at one track.

    Args:
        records: as for `with_told`.
        markets: the columns of MARKET, `rank`, `len` and `told`.

    Returns:
        `told`, `first` (the race believed before it) and `is_one`: whether they are one race, since one source reports
        both or most of their dogs are the same. Else one of the two offs is wrong: a track has one race a minute.
    """
    order = standing(markets).with_columns(minute=pl.col("start_at").dt.truncate("1m"))
    key = ["provider", *MEETING, "minute"]
    shared = order.filter(pl.struct(key).is_duplicated()).sort(*key, "rank", "told")
    pairs = shared.with_columns(first=pl.col("told").first().over(key), best=pl.col("rank").first().over(key))
    pairs = pairs.filter(pl.col("told") != pl.col("first"))
    if not pairs.height:
        return pl.DataFrame(schema={"told": pl.Int64, "first": pl.Int64, "is_one": pl.Boolean})
    both = pl.concat([pairs["told"], pairs["first"]]).unique()
    of_race = records.join(markets.select(*MARKET, "told").filter(pl.col("told").is_in(both.implode())), on=MARKET)
    dogs = of_race.select("told", name=comparable()).drop_nulls().unique()
    sizes = dogs.group_by("told").len("size")
    met = pairs.join(dogs, on="told").join(dogs, left_on=["first", "name"], right_on=["told", "name"])
    pairs = (
        pairs.join(met.group_by("told").len("met"), on="told", how="left")
        .join(sizes, on="told", how="left")
        .join(sizes.rename({"told": "first", "size": "size_of"}), on="first", how="left")
    )
    are_same = pl.col("met") >= SHARE * pl.min_horizontal("size", "size_of")
    is_one = (pl.col("rank") == pl.col("best")) | are_same.fill_null(value=False)
    return pairs.select("told", "first", is_one=is_one).sort("told")


def markets_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the markets of records that have `told`, as `standing` and `same_minute` take them."""
    return frame.group_by("told", *MARKET).agg(pl.col("rank").min(), pl.len())


def with_one_runner(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each runner of a provider the trap and name of its best-ranked source: its id tells it from others.

    Betfair's selection is one dog in all markets of a race; of other providers only within one market.

    Args:
        frame: with `told`, `provider`, `rank`, `market_id`, `market_type`, `selection_id`, `selection_name`, `trap`,
            `dog_name`, `source`, `race_date`.

    Returns:
        the records with `trap`, and `runner_name`: the comparable name that stands, null where only one is reported;
        and notes, `source`, `race_date` and `note`, one for each record that gave way.
    """
    market = pl.when(pl.col("provider") != BETFAIR).then("market_id")
    frame = frame.with_columns(market=market)
    key = ["told", "market", "selection_id"]
    groups = frame.group_by(key).agg(
        traps=pl.col("trap").n_unique(), spellings=pl.col("dog_name").n_unique(), size=pl.len()
    )
    differing = groups.filter(
        pl.col("selection_id").is_not_null() & ((pl.col("traps") > 1) | (pl.col("spellings") > 1))
    )
    notes = {"source": pl.String, "race_date": pl.Date, "note": pl.String}
    if not differing.height:
        return frame.drop("market").with_columns(runner_name=pl.lit(None, dtype=pl.String)), pl.DataFrame(schema=notes)
    some = frame.join(differing.select(key), on=key, how="semi", nulls_equal=True)
    is_cut = names.is_truncated(pl.col("selection_name")).fill_null(value=False)
    some = some.with_columns(name=comparable(), is_cut=is_cut).sort(
        "rank", "market_type", "market_id", "source", descending=[False, True, False, False]
    )
    name = pl.col("name").drop_nulls()
    stands = some.group_by(key, maintain_order=True).agg(
        stands_in=pl.col("trap").drop_nulls().first(),
        runner_name=pl.coalesce(pl.col("name").filter(~pl.col("is_cut")).drop_nulls().first(), name.first()),
    )
    joined = frame.join(stands, on=key, how="left", nulls_equal=True, maintain_order="left")
    noted = some.join(stands, on=key, how="left", nulls_equal=True)
    is_part = pl.col("is_cut") & pl.col("runner_name").str.starts_with(pl.col("name"))
    found = [
        noted.filter(condition).select("source", "race_date", note=pl.lit(note))
        for note, condition in (
            ("trap_differs", pl.col("trap") != pl.col("stands_in")),
            ("name_differs", (pl.col("name") != pl.col("runner_name")) & ~is_part),
        )
    ]
    placed = joined.with_columns(trap=pl.coalesce("stands_in", "trap")).drop("stands_in", "market")
    return placed, pl.concat(found)


def comparable(dog_name: str = "dog_name") -> pl.Expr:
    """Return a dog's name as it is compared."""
    return names.match_name(pl.col(dog_name))


def is_void_place(race: list[str]) -> pl.Expr:
    """Return whether a record is of a void PLACE market of a race whose WIN market is known.

    Such a record says nothing of its runner. A WIN record without a status, such as one of form, is no market.

    Args:
        race: the columns that tell races apart; beside them `market_type`, `status` and `result`.
    """
    is_win = (pl.col("market_type") == "WIN") & pl.col("status").is_not_null()
    return ((pl.col("market_type") == "PLACE") & (pl.col("result") == "VOID") & is_win.any().over(race)).fill_null(
        value=False
    )


def runners(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row per race, trap and name: `runner`, these, `rank`, `is_cut`, `stands`, `is_reserve`.

    Args:
        frame: with `told`, `trap`, `name` (comparable), `selection_name`, `status`, `result`, `market_type`, `rank`.
    """
    named = frame.select(
        "told",
        "trap",
        "name",
        "rank",
        is_cut=names.is_truncated(pl.col("selection_name")),
        stands=pl.col("status") == STANDING,
        says_nothing=is_void_place(["told"]),
        is_reserve=names.is_reserve(pl.col("selection_name")).fill_null(value=False),
    )
    nothing = pl.col("says_nothing")
    told = (
        named.drop_nulls("name")
        .group_by("told", "trap", "name")
        .agg(
            pl.col("rank").min(),
            pl.col("is_cut").all(),
            (pl.col("stands") | nothing).all() & ~nothing.all(),
            pl.col("is_reserve").any(),
        )
    )
    return told.sort("told", "trap", "name").with_row_index("runner").with_columns(pl.col("runner").cast(pl.Int64))
