"""Which runners of linked races are one dog, and what stands for it; which races are one is decided in `linking.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from race_assets.values.spelling import are_spellings

"""In races that are one, for two names of which each alone has no other in the trap they share."""


@dataclass
class Dogs:
    """Runners of told races, and which of them are one dog.

    Attributes:
        runners: as `told_races.runners` gives them.
        dog_of: for each runner that is a dog already known, that dog's first runner.
        contradictions: what is said of runners that stand in another dog's trap.
    """

    runners: pl.DataFrame
    dog_of: dict[int, int] = field(default_factory=dict)
    contradictions: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find runners that one source of a provider puts into a trap where a source believed before has another."""
        trap = ["told", "trap"]
        shared = self.runners.filter(pl.col("stands") & pl.col("trap").is_not_null())
        shared = shared.filter(pl.struct(trap).is_duplicated()).sort(*trap, "rank", "runner")
        held = shared.with_columns(best=pl.col("rank").first().over(trap), name_held=pl.col("name").first().over(trap))
        for row in held.filter(pl.col("rank") > pl.col("best")).iter_rows(named=True):
            if not row["name"].startswith(row["name_held"]) and not row["name_held"].startswith(row["name"]):
                self.contradictions[row["runner"]] = _contradiction(row)

    def of(self, race_of: Mapping[int, int]) -> pl.DataFrame:
        """The runners of the races known: `told` is the race that stands, `runner` one number for all spellings."""
        known = self.runners.filter(
            pl.col("told").is_in(list(race_of)) & ~pl.col("runner").is_in(list(self.contradictions))
        )
        known = known.with_columns(told=mapped(known["told"], race_of), runner=mapped(known["runner"], self.dog_of))
        # Whoever says that a dog is out knows more than those who do not.
        return known.with_columns(pl.col("stands").all().over("runner"))

    def join(self, agreed: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, race_of: Mapping[int, int]) -> None:
        """Takes in the runners of races just linked.

        Args:
            agreed: `left_runner` and `right_runner` of the linked pairs.
            left: what `of` gave before.
            right: the runners of the races that were linked.
            race_of: the race each of those is.
        """
        self.dog_of |= dict(agreed.select("right_runner", "left_runner").iter_rows())
        out = right.filter(~pl.col("stands"))["runner"]
        gone = set(agreed.filter(pl.col("right_runner").is_in(out.implode()))["left_runner"])
        taken = set(agreed["left_runner"])
        for row in self._met(left, right, race_of).iter_rows(named=True):
            if row["runner_held"] in gone:
                continue
            is_free = row["runner_held"] not in taken
            # A reserve is another dog than the one whose trap it took.
            is_alike = row["is_reserve"] == row["is_reserve_held"] and are_spellings(row["name"], row["name_held"])
            if is_free and is_alike:
                self.dog_of[row["runner"]] = row["runner_held"]
                taken.add(row["runner_held"])
            else:
                self.contradictions[row["runner"]] = _contradiction(row)

    def _met(self, left: pl.DataFrame, right: pl.DataFrame, race_of: Mapping[int, int]) -> pl.DataFrame:
        """Runners that stand, with no dog of their name known, in a trap where another dog stands."""
        lone = right.filter(
            pl.col("stands") & pl.col("trap").is_not_null() & ~pl.col("runner").is_in(list(self.dog_of))
        )
        lone = lone.with_columns(race=mapped(lone["told"], race_of))
        held = left.filter(pl.col("stands")).unique(["told", "trap"], keep="first", maintain_order=True)
        return lone.join(
            held, left_on=["race", "trap"], right_on=["told", "trap"], suffix="_held", maintain_order="left"
        )  # fmt: skip

    def standing_for(self, order: pl.DataFrame) -> pl.DataFrame:
        """What stands for each runner: `told`, `trap`, `name`, `runner`, `dog_trap`, `runner_name`.

        Args:
            order: `told` races in the order in which they are believed.
        """
        ranked = order.select("told").with_row_index("place")
        numbered = self.runners.with_columns(dog=mapped(self.runners["runner"], self.dog_of)).join(ranked, on="told")
        numbered = numbered.sort("dog", "place", "runner")
        dogs = numbered.group_by("dog", maintain_order=True).agg(
            dog_trap=pl.col("trap").drop_nulls().first(),
            runner_name=pl.coalesce(pl.col("name").filter(~pl.col("is_cut")).first(), pl.col("name").first()),
        )
        joined = numbered.join(dogs, on="dog", how="left", maintain_order="left")
        return joined.select("told", "trap", "name", "runner", "dog_trap", "runner_name")


def _contradiction(row: Mapping[str, Any]) -> str:
    return (
        f"trap {row['trap']} is {row['name_held']}'s by a source that is believed before this one, "
        f"and {row['name']} is another dog: one of the two is wrong, or was not told of a replacement"
    )


def mapped(numbers: pl.Series, to: Mapping[int, int]) -> pl.Series:
    """The numbers, those that the mapping has replaced by what it says."""
    if not to:
        return numbers
    return numbers.replace(pl.Series(list(to), dtype=pl.Int64), pl.Series(list(to.values()), dtype=pl.Int64))
