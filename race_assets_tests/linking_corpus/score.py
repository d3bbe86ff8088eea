"""Holds a linking against the truth of a corpus: pairs right, wrong and missed, and what the sources said of them."""

from dataclasses import dataclass

import polars as pl

from race_assets_tests.linking_corpus.generate import Corpus

MARKET = ["source", "market_id"]
RUNNER = [*MARKET, "selection_id"]


@dataclass(frozen=True)
class Score:
    """How well one kind of thing was linked. A pair is two tellings by different sources.

    Every market is a telling of a race, and every row of records one of a runner; so a race that Betfair tells with a
    WIN and a PLACE market and a second source with one market has two pairs.

    Attributes:
        right, true, found: how many pairs are in both, in the truth, in the linking.
        wrong: the pairs found that are none: both keys, the second with `_other`, and what the two sources said.
        missed: the pairs not found, likewise.
    """

    right: int
    true: int
    found: int
    wrong: pl.DataFrame
    missed: pl.DataFrame

    @property
    def precision(self) -> float:
        """The share of found pairs that are right; 1 where none is found, as nothing wrong was said."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of true pairs that are found; 1 where there is none to find."""
        return self.right / self.true if self.true else 1.0


@dataclass(frozen=True)
class Scores:
    """The scores of a linking, and whether it keeps each source's own races apart."""

    races: Score
    runners: Score
    is_one_to_one: bool


def score(corpus: Corpus, found_races: pl.DataFrame, found_runners: pl.DataFrame) -> Scores:
    """How well a linking found the races and runners of a corpus.

    Args:
        corpus: records and truth.
        found_races: `source`, `market_id`, `race_id`, of any type. A market whose race is null, or that is absent, was
            left unlinked: it is in no found pair.
        found_runners: `source`, `market_id`, `selection_id`, `runner_id`, likewise.

    Raises:
        ValueError: a market or runner is found twice with different ids, or is not of the corpus.
    """
    markets, runners = _what_was_said(corpus.records)
    return Scores(
        races=_score(corpus.races, found_races, MARKET, "race", "race_id", markets),
        runners=_score(corpus.runners, found_runners, RUNNER, "runner", "runner_id", runners),
        is_one_to_one=crowded(corpus.records, found_races).is_empty(),
    )


def crowded(records: pl.DataFrame, found_races: pl.DataFrame) -> pl.DataFrame:
    """The found races in which a source has two markets of one type, with the markets."""
    types = records.select(*MARKET, "market_type").unique()
    linked = _linked(found_races, MARKET, "race_id").join(types, on=MARKET)
    markets = linked.group_by("race_id", "source", "market_type").agg(pl.col("market_id").unique().sort())
    return markets.filter(pl.col("market_id").list.len() > 1).sort("race_id", "source", "market_type")


def _score(
    truth: pl.DataFrame, found: pl.DataFrame, key: list[str], true_id: str, found_id: str, said: pl.DataFrame
) -> Score:
    linked = _linked(found, key, found_id)
    if linked.select(key).is_duplicated().any():
        twice = linked.filter(linked.select(key).is_duplicated()).row(0)
        raise ValueError(f"{found_id} names {twice} and another of the same key; give each key one id")
    strange = linked.join(truth, on=key, how="anti")
    if len(strange):
        raise ValueError(f"{found_id} names {strange.row(0)}, which is not in the corpus")
    true_pairs, found_pairs = _pairs(truth, key, true_id), _pairs(linked, key, found_id)
    both = true_pairs.columns
    wrong, missed = found_pairs.join(true_pairs, on=both, how="anti"), true_pairs.join(found_pairs, on=both, how="anti")
    right = len(found_pairs) - len(wrong)
    return Score(right, len(true_pairs), len(found_pairs), _explained(wrong, key, said), _explained(missed, key, said))


def _linked(found: pl.DataFrame, key: list[str], found_id: str) -> pl.DataFrame:
    return found.select(*key, found_id).drop_nulls(found_id).unique()


def _pairs(told: pl.DataFrame, key: list[str], by: str) -> pl.DataFrame:
    """Both keys of every two tellings, by different sources, with one id; the source first in the alphabet first."""
    pairs = told.join(told, on=by, suffix="_other").filter(pl.col("source") < pl.col("source_other"))
    return pairs.select(*key, *(f"{name}_other" for name in key))


def _explained(pairs: pl.DataFrame, key: list[str], said: pl.DataFrame) -> pl.DataFrame:
    other = said.rename({name: f"{name}_other" for name in said.columns})
    told = pairs.join(said, on=key, how="left").join(other, on=[f"{name}_other" for name in key], how="left")
    return told.sort(pairs.columns)


def _what_was_said(records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of each market, and of each runner, what a person needs to see why it was linked or was not."""
    race = ["track_name", "track_id", "start_at", "race_type", "distance_m", "race_number"]
    markets = (
        records.sort("trap", "selection_name", nulls_last=True)
        .group_by(*MARKET, maintain_order=True)
        .agg(pl.col("market_type", *race).first(), names=pl.col("selection_name").str.join("; "))
    )
    return markets, records.select(*RUNNER, "market_type", *race, "selection_name", "trap", "status")
