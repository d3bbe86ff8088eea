"""Scores of linkings small enough to be counted by hand."""

import datetime as dt

import polars as pl
import pytest

from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import conform
from race_assets_tests.linking_corpus.generate import Corpus
from race_assets_tests.linking_corpus.score import crowded, score

# Race 1 is told by all three sources, by Betfair with a PLACE market; race 2 by two; race 3 by the club alone.
MARKETS = [
    ("betfair_historic", "1.1", "WIN", 1),
    ("betfair_historic", "1.2", "PLACE", 1),
    ("racing_post_races", "900", "WIN", 1),
    ("club", "a@1", "WIN", 1),
    ("betfair_historic", "1.3", "WIN", 2),
    ("racing_post_races", "901", "WIN", 2),
    ("club", "a@3", "WIN", 3),
]
# True pairs: of race 1, 1.1 and 1.2 each with 900 and with a@1, and 900 with a@1; of race 2, one.
TRUE_PAIRS = 6
RACES = pl.DataFrame(MARKETS, schema=["source", "market_id", "market_type", "race"], orient="row")
# One dog a race but the second race, whose two dogs are 21 and 22; each source's id is the dog's and its own letter.
DOGS = {1: [10], 2: [21, 22], 3: [30]}
RUNNERS = pl.DataFrame(
    [(source, market, f"{source[0]}{dog}", dog) for source, market, _, race in MARKETS for dog in DOGS[race]],
    schema=["source", "market_id", "selection_id", "runner"],
    orient="row",
)
OFF = dt.datetime(2024, 6, 27, 14, 36, tzinfo=dt.UTC)
RECORDS_TOLD = conform(
    RUNNERS.join(RACES.drop("race"), on=["source", "market_id"]).with_columns(
        start_at=pl.lit(OFF),
        selection_name=pl.concat_str(pl.lit("dog "), "runner"),
        trap=pl.lit(1),
        track_name=pl.lit("Kinsley"),
    ),
    RECORDS,
)
CORPUS = Corpus(RECORDS_TOLD, RACES.drop("market_type"), RUNNERS)
PERFECT_RACES = CORPUS.races.rename({"race": "race_id"})
PERFECT_RUNNERS = CORPUS.runners.rename({"runner": "runner_id"})


def moved(market: str, race: object) -> pl.DataFrame:
    """The perfect linking, but that a market is in another race."""
    race_id = pl.when(pl.col("market_id") == market).then(pl.lit(race, dtype=pl.String))
    return PERFECT_RACES.with_columns(race_id.otherwise(pl.col("race_id").cast(pl.String)).alias("race_id"))


def test_the_truth_is_right() -> None:
    told = score(CORPUS, PERFECT_RACES, PERFECT_RUNNERS)
    assert (told.races.right, told.races.true, told.races.found) == (TRUE_PAIRS, TRUE_PAIRS, TRUE_PAIRS)
    assert (told.races.precision, told.races.recall) == (1.0, 1.0)
    # Race 1's one dog has that race's five pairs; race 2 has two dogs, each with one.
    assert (told.runners.true, told.runners.right) == (7, 7)
    assert told.is_one_to_one
    assert told.races.wrong.is_empty()
    assert told.races.missed.is_empty()


def test_a_market_in_another_race_makes_wrong_pairs_and_missed_ones() -> None:
    # 901 goes from race 2 to race 1: (1.3, 901) is missed; (1.1, 901), (1.2, 901) and (901, a@1) are wrong.
    told = score(CORPUS, moved("901", "1"), PERFECT_RUNNERS)
    assert (told.races.right, told.races.true, told.races.found) == (5, 6, 8)
    assert told.races.precision == pytest.approx(0.625)
    assert told.races.recall == pytest.approx(5 / 6)
    assert told.races.missed.select("market_id", "market_id_other").rows() == [("1.3", "901")]
    pairs = told.races.wrong.select("market_id", "market_id_other").rows()
    assert sorted(pairs) == [("1.1", "901"), ("1.2", "901"), ("a@1", "901")]
    # 900 and 901 are both Racing Post's, both WIN: the pair itself is none, but the race has one too many.
    assert not told.is_one_to_one
    assert crowded(RECORDS_TOLD, moved("901", "1"))["market_id"].to_list() == [["900", "901"]]
    assert told.runners.precision == 1.0


def test_a_win_and_a_place_market_of_one_source_may_share_a_race() -> None:
    assert crowded(RECORDS_TOLD, PERFECT_RACES).is_empty()


@pytest.mark.parametrize("is_absent", [True, False])
def test_an_unlinked_market_is_missed_and_not_wrong(is_absent: bool) -> None:
    # Without 900 race 1 keeps (1.1, a@1) and (1.2, a@1), and race 2 its one pair: three of six.
    found = moved("900", None)
    told = score(CORPUS, found.drop_nulls() if is_absent else found, PERFECT_RUNNERS)
    assert (told.races.right, told.races.found) == (3, 3)
    assert (told.races.precision, told.races.recall) == (1.0, 0.5)


def test_two_unlinked_markets_are_no_pair() -> None:
    nothing = PERFECT_RACES.with_columns(race_id=pl.lit(None, dtype=pl.String))
    told = score(CORPUS, nothing, PERFECT_RUNNERS.clear())
    assert (told.races.found, told.races.precision, told.races.recall) == (0, 1.0, 0.0)
    assert (told.runners.found, told.runners.recall) == (0, 0.0)
    # Betfair's two WIN markets share no race for having none.
    assert told.is_one_to_one


def test_runners_exchanged_in_one_source_are_wrong_twice_and_missed_twice() -> None:
    is_betfair = pl.col("source") == "betfair_historic"
    swapped = pl.when(is_betfair & (pl.col("runner_id") > 20)).then(43 - pl.col("runner_id")).otherwise("runner_id")
    told = score(CORPUS, PERFECT_RACES, PERFECT_RUNNERS.with_columns(runner_id=swapped))
    assert (told.runners.right, told.runners.true, told.runners.found) == (5, 7, 7)
    assert (len(told.runners.wrong), len(told.runners.missed)) == (2, 2)
    row = told.runners.wrong.filter(pl.col("selection_id") == "b21").row(0, named=True)
    assert (row["selection_name"], row["selection_name_other"]) == ("dog 21", "dog 22")
    assert (row["source_other"], row["selection_id_other"]) == ("racing_post_races", "r22")


def test_all_in_one_race() -> None:
    # Pairs of any two sources: Betfair's 3 markets, Racing Post's 2, the club's 2: 3x2 + 3x2 + 2x2 = 16.
    told = score(CORPUS, PERFECT_RACES.with_columns(race_id=pl.lit("x")), PERFECT_RUNNERS)
    assert (told.races.right, told.races.found) == (6, 16)
    assert told.races.recall == 1.0
    assert not told.is_one_to_one


def test_what_the_corpus_does_not_know_or_knows_twice_is_refused() -> None:
    strange = pl.DataFrame({"source": ["club"], "market_id": ["b@9"], "race_id": [1]})
    with pytest.raises(ValueError, match="b@9"):
        score(CORPUS, strange, PERFECT_RUNNERS)
    twice = pl.concat([PERFECT_RACES, PERFECT_RACES.head(1).with_columns(race_id=pl.lit(7, dtype=pl.Int64))])
    with pytest.raises(ValueError, match=r"1\.1"):
        score(CORPUS, twice, PERFECT_RUNNERS)
