"""How right linking is, on the labelled corpus; `python -m benchmarks.linking` has each seed; speed is beside this."""

import json
import sys
import time
from collections.abc import Sequence

import polars as pl

from race_assets.identity import linking, told_races
from race_assets.identity.tracks import TrackRegistry
from race_assets.normalise import runners
from race_assets.settings.linking import LinkSettings
from race_assets.settings.precedence import Precedence
from race_assets.sources import registry
from race_assets_tests.linking_corpus import generate, rates, score


def ranked(records: pl.DataFrame) -> pl.DataFrame:
    """The records with what the pipeline adds before it links them."""
    sources = records["source"].unique().sort().to_list()
    providers = {name: registry.provider(name) for name in sources}
    return told_races.ranked(records, providers, Precedence().ranks("start", sources))


def linked(records: pl.DataFrame) -> pl.DataFrame:
    """The records that have their place, with the keys of their race and dog."""
    found = linking.link(ranked(records), LinkSettings())
    return runners.assign(found.records, TrackRegistry.load().frame)


def measure(seed: int) -> dict[str, float]:
    """Precision and recall of races and runners on the corpus of one seed."""
    corpus = generate.make(seed)
    began = time.perf_counter()
    keyed = linked(corpus.records)
    seconds = time.perf_counter() - began
    market = ["source", "market_id"]
    found = score.score(
        corpus,
        keyed.select(*market, "race_id").unique(),
        keyed.select(*market, "selection_id", runner_id="core_selection_id").unique(),
    )
    return {
        "seed": seed,
        "records": corpus.records.height,
        "seconds": round(seconds, 2),
        "races_precision": found.races.precision,
        "races_recall": found.races.recall,
        "runners_precision": found.runners.precision,
        "runners_recall": found.runners.recall,
        "is_one_to_one": found.is_one_to_one,
    }


def least(seeds: Sequence[int]) -> dict[str, float]:
    """The least of each figure over all seeds, in percent."""
    measured = [measure(seed) for seed in seeds]
    figures = ("races_precision", "races_recall", "runners_precision", "runners_recall")
    return {"corpora": len(measured)} | {f"{name}, %": 100 * min(each[name] for each in measured) for name in figures}


if __name__ == "__main__":
    given = [int(seed) for seed in sys.argv[1:]] or rates.MEASURED_SEEDS
    for told in map(measure, given):
        print(json.dumps({name: round(value, 5) for name, value in told.items()}))
