"""How right linking is, on the labelled corpus: `python -m benchmarks.linking`; how fast things are is beside this."""

import json
import sys
import time
from collections.abc import Iterable

import polars as pl

from race_assets.identity import linking
from race_assets.identity.tracks import TrackRegistry
from race_assets.normalise import runners
from race_assets.settings.linking import LinkSettings
from race_assets.settings.precedence import Precedence
from race_assets.sources import registry
from race_assets_tests.linking_corpus import generate, rates, score


def ranked(records: pl.DataFrame) -> pl.DataFrame:
    """The records with what the pipeline adds before it links them."""
    sources = records["source"].unique().sort().to_list()
    ranks = Precedence().ranks("start", sources)
    return records.with_columns(
        provider=pl.col("source").replace_strict(sources, list(map(registry.provider, sources))),
        rank=pl.col("source").replace_strict(list(ranks), list(ranks.values()), return_dtype=pl.Int32),
    )


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


def measure_all(seeds: Iterable[int]) -> list[dict[str, float]]:
    """Each seed in turn."""
    return [measure(seed) for seed in seeds]


if __name__ == "__main__":
    given = [int(seed) for seed in sys.argv[1:]] or rates.MEASURED_SEEDS
    for told in measure_all(given):
        print(json.dumps({name: round(value, 5) for name, value in told.items()}))
