"""Which races, as different providers tell them, are one race; pure: nothing is read or stored here.

Providers come one after the other, in a fixed order; each one's races are given to those known so far, one to one over
the meeting, by how many of their dogs are the same. So the order in which sources arrive does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import polars as pl

from race_assets.identity import evidence, told_races
from race_assets.identity.agreement import agreeing
from race_assets.identity.assignment import best_pairs
from race_assets.identity.dogs import Dogs, mapped
from race_assets.identity.evidence import Evidence
from race_assets.identity.told_races import MEETING
from race_assets.settings.linking import LinkSettings
from race_assets.values import names

FEWEST_SAME, SAME_SHARE = 3, 0.5
"""From how many dogs of the same name on, and above which share of the smaller race, offs do not count."""
AMBIGUOUS = "link_ambiguous"
NOTES = {"source": pl.String, "race_date": pl.Date, "note": pl.String}
LINKS = {
    "told": pl.Int64, "is_borrowed": pl.Boolean, "method": pl.String, "offset_s": pl.Int64, "names_agreed": pl.Int64,
    "traps_agreed": pl.Int64, "runners": pl.Int64, "score": pl.Float64, "runner_up_score": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Linked:
    """What linking came to.

    Attributes:
        records: those that have their place: `start_at` is the off that stands for the race, `trap` the one that stands
            for the dog, `runner_name` what tells the dog from others in its trap (null: its own name) and, where there
            are links, `told`, the race as its provider tells it.
        refused: the others as they were, with `rules` and `messages`.
        links: LINKS, one row per told race of those that several providers tell of; `method` is `first` for the one
            that stands, `dogs` where dogs agree, `decided` where a person said so; and one more for the markets of a
            source that uses another provider's ids (`is_borrowed`), with method `ids`.
        notes: `source`, `race_date`, `note`: one row for each record whose off, trap or name gave way to that of a
            source of the same provider.
    """

    records: pl.DataFrame
    refused: pl.DataFrame
    links: pl.DataFrame
    notes: pl.DataFrame


def link(records: pl.DataFrame, settings: LinkSettings, decisions: pl.DataFrame | None = None) -> Linked:
    """Links the races and runners of all providers.

    Args:
        records: the shape of `schemas.records.RECORDS`, with `provider` and `rank`, the place of the source among those
            that are believed. One off a source and market.
        settings: the thresholds.
        decisions: what people decided, `schemas.ops.LINK_DECISIONS`.
    """
    placed = records.with_columns(runner_name=pl.lit(None, dtype=pl.String))
    links, notes = pl.DataFrame(schema=LINKS), pl.DataFrame(schema=NOTES)
    if records["source"].n_unique() > 1 or records["market_type"].n_unique() > 1:
        meetings = Meetings.of(records, settings, decisions)
        if meetings.are_shared or meetings.is_contradicted:
            meetings.add_all()
            return meetings.linked()
        placed = meetings.with_standing_off(meetings.frame)
        links, notes = meetings.link_rows(), meetings.notes
    refused = records.clear().with_columns(_as_list(pl.lit(AMBIGUOUS), "rules"), _as_list(pl.lit(""), "messages"))
    return Linked(placed, refused, links, notes)


@dataclass
class Meetings:
    """The races known so far, by the told race that stands for each, and their dogs.

    Attributes:
        frame: the records, with `told`, the trap their provider's best-ranked source states, and `runner_name` where
            its sources spell it differently.
        told: as `told_races.standing` gives them, in the order in which they are believed.
        race_of: for each told race that has its place, the one that stands for it.
        weighed: all evidence that was looked at.
        links: the pairs that were linked, with `runner_up`.
        ambiguous: what is said of told races that are perhaps one with another.
        notes: as `Linked` has them.
    """

    frame: pl.DataFrame
    told: pl.DataFrame
    settings: LinkSettings
    decided: pl.DataFrame
    race_of: dict[int, int] = field(default_factory=dict)
    weighed: list[pl.DataFrame] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    ambiguous: dict[int, str] = field(default_factory=dict)
    notes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NOTES))

    @classmethod
    def of(cls, records: pl.DataFrame, settings: LinkSettings, decisions: pl.DataFrame | None) -> "Meetings":
        """Nothing is known yet."""
        frame, notes = told_races.with_one_runner(told_races.with_told(records))
        markets = told_races.markets_of(frame)
        told = told_races.standing(markets)
        best = told.group_by("provider").agg(best=pl.col("rank").min())
        told = told.join(best, on="provider").sort("best", "provider", "told").drop("best")
        meetings = cls(frame, told, settings, _decided(frame, decisions), notes=pl.concat([notes, _moved(frame, told)]))
        clashes = told_races.same_minute(frame, markets).filter(~pl.col("is_one"))
        meetings.ambiguous = {
            told: meetings.contradiction(told, first) for told, first in clashes.select("told", "first").iter_rows()
        }
        return meetings

    @cached_property
    def dogs(self) -> Dogs:
        """The dogs of all told races; only where there is something to link does anybody ask."""
        own = told_races.comparable()
        return Dogs(told_races.runners(self.frame.with_columns(name=pl.coalesce("runner_name", own))))

    @property
    def is_contradicted(self) -> bool:
        """Whether sources of one provider contradict each other: two races in one minute, or two dogs in one trap."""
        are_several = self.frame["source"].n_unique() > 1
        return bool(self.ambiguous) or (are_several and bool(self.dogs.contradictions))

    @property
    def are_shared(self) -> bool:
        """Whether two providers tell of one meeting; else there is nothing to link."""
        return bool((self.told.group_by(MEETING).agg(pl.col("provider").n_unique())["provider"] > 1).any())

    def add_all(self) -> None:
        """Adds every provider, the most believed first."""
        for provider in self.told["provider"].unique(maintain_order=True):
            self._add(self.told.filter(pl.col("provider") == provider))

    def _add(self, mine: pl.DataFrame) -> None:
        """Gives one provider's races to those known, or takes them in as new ones."""
        mine = mine.filter(~pl.col("told").is_in(list(self.ambiguous)))
        left = self.dogs.of(self.race_of)
        right = self.dogs.runners.join(mine.select("told"), on="told", how="semi")
        pairs = self._pairs(mine, self._same_dogs(left, right))
        agreed = agreeing(pairs, left, right, self.settings.name_similarity)
        found = evidence.weighed(pairs, left, right, agreed, self.settings)
        self.weighed.append(found)
        linked = self._choose(found)
        self.race_of |= {told: told for told in mine["told"] if told not in self.ambiguous and told not in self.race_of}
        self._refuse_same_minute(mine)
        chosen = agreed.filter(pl.col("pair").is_in(linked))
        new = {told: race for told, race in self.race_of.items() if told != race}
        self.dogs.join(chosen, left, right.filter(pl.col("told").is_in(list(new))), new)

    def _same_dogs(self, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
        """Return the races of a meeting with so many dogs of the same name that no off keeps them apart.

        A dog runs once at a meeting: a race put off by an hour is still that race.
        """
        meeting = self.told.select("told", *MEETING)
        begins = pl.col("name").str.slice(0, names.BETFAIR_NAME_LENGTH - 1).alias("begins")
        lefts, rights = (side.select("told", "runner", begins).join(meeting, on="told") for side in (left, right))
        sizes = [side.group_by("told").agg(pl.col("runner").n_unique().alias("size")) for side in (lefts, rights)]
        both = lefts.join(rights, on=[*MEETING, "begins"], suffix="_right")
        counts = both.group_by(left="told", right="told_right").agg(same=pl.col("runner").n_unique())
        counts = counts.filter(pl.col("same") >= FEWEST_SAME)
        counts = counts.join(sizes[0], left_on="left", right_on="told").join(
            sizes[1], left_on="right", right_on="told", suffix="_right"
        )
        are_most = pl.col("same") > SAME_SHARE * pl.min_horizontal("size", "size_right")
        return counts.filter(are_most).select("left", "right", are_same_dogs=pl.lit(value=True))

    def _pairs(self, mine: pl.DataFrame, same_dogs: pl.DataFrame) -> pl.DataFrame:
        """Return races of one track that may be one, and those people said are one; not those they refused.

        Their offs are within the window of each other, or their dogs are the same.
        """
        known = self.told.filter(pl.col("told").is_in(list(set(self.race_of.values()))))
        both = known.select(*MEETING, left="told", left_at="start_at").join(
            mine.select(*MEETING, right="told", right_at="start_at"), on=MEETING
        )
        decided = self.decided.with_columns(left=mapped(self.decided["left"], self.race_of))
        decided = decided.unique(["left", "right"], keep="last", maintain_order=True)
        both = both.join(decided, on=["left", "right"], how="left", maintain_order="left")
        both = both.join(same_dogs, on=["left", "right"], how="left", maintain_order="left")
        offset = pl.col("right_at") - pl.col("left_at")
        near = offset.abs() <= timedelta(minutes=self.settings.window_minutes)
        near = (near | pl.col("are_same_dogs").fill_null(value=False)) & pl.col("is_one").fill_null(value=True)
        pairs = both.filter(near | pl.col("is_one").fill_null(value=False)).sort("right", "left")
        pairs = pairs.select("left", "right", "race_date", "is_one", offset_s=offset.dt.total_seconds())
        return pairs.with_row_index("pair").with_columns(pl.col("pair").cast(pl.Int64))

    def _choose(self, found: pl.DataFrame) -> list[int]:
        """Settles each pair as linked, ambiguous or neither; gives the linked ones."""
        limits = self.settings
        rows = found.filter(pl.col("score") > 0).to_dicts()
        rivals = _by_side(rows)
        for row in rows:
            row["runner_up"] = evidence.runner_up(row, [*rivals["left", row["left"]], *rivals["right", row["right"]]])
        possible = {(row["left"], row["right"]): row for row in rows if row["score"] >= limits.possible_score}
        # Squared: one strong link is worth more than two weak ones.
        picked = best_pairs({sides: row["score"] ** 2 for sides, row in possible.items()})
        linked = [
            row
            for sides, row in possible.items()
            if sides in picked
            and (row["is_one"] or _is_sure(row, limits))
        ]  # fmt: skip
        self.links += linked
        self.race_of |= {row["right"]: row["left"] for row in linked}
        self._ask(possible.values(), linked)
        return [row["pair"] for row in linked]

    def _ask(self, possible: Any, linked: Sequence[Evidence]) -> None:
        """Told races that may be one with another, though not surely, have no place until a person has decided."""
        lefts, rights = {row["left"] for row in linked}, {row["right"] for row in linked}
        for row in sorted(possible, key=lambda row: (-row["score"], row["left"])):
            is_lost_to_a_better_one = row["left"] in lefts and row["score"] < self.settings.min_score
            if row["right"] not in rights and row["right"] not in self.ambiguous and not is_lost_to_a_better_one:
                self.ambiguous[row["right"]] = (
                    f"{row['names_agreed']} of {row['compared']} dogs are those of {self._named(row['left'])}, "
                    f"{row['traps_agreed']} in the same trap, offs {row['offset_s']} s apart: score "
                    f"{row['score']:.2f}, "
                    f"next best {row['runner_up']:.2f}; {self._remedy(row['right'], row['left'])}"
                )

    def _refuse_same_minute(self, mine: pl.DataFrame) -> None:
        """A track has one race a minute: a race that is not the known one of its minute contradicts it."""
        minute = [*map(pl.col, MEETING), pl.col("start_at").dt.truncate("1m").alias("minute")]
        own = {told for told in mine["told"] if self.race_of.get(told) == told}
        others = {race for told, race in self.race_of.items() if told == race} - own
        known = self.told.filter(pl.col("told").is_in(list(others))).select(*minute, other="told")
        both = mine.filter(pl.col("told").is_in(list(own))).select("told", *minute).join(known, on=[*MEETING, "minute"])
        for told, other in both.select("told", "other").sort("told", "other").iter_rows():
            del self.race_of[told]
            self.ambiguous[told] = self.contradiction(told, other)

    def contradiction(self, told: int, other: int) -> str:
        """Say that two races are off in one minute, and what to do."""
        remedy = "correct or withdraw the file whose off is wrong"
        if self._provider(told) != self._provider(other):
            accept = f"race-assets links accept {self._pair(told, other)} --reason …"
            remedy = f"if they are one race, `{accept}`, else {remedy}"
        return (
            f"{self._named(other)} is off in the same minute at the same track, with other dogs: one of the two is "
            f"wrong; {remedy}"
        )

    def _provider(self, told: int) -> str:
        return str(self.told.filter(pl.col("told") == told)["provider"][0])

    def market(self, told: int) -> tuple[str, str]:
        """Source and market by which a person names a told race: of its best-ranked source, the win market first."""
        rows = self.frame.filter(pl.col("told") == told)
        first = rows.sort("rank", "market_type", "market_id", descending=[False, True, False]).head(1)
        return str(first["source"][0]), str(first["market_id"][0])

    def _named(self, told: int) -> str:
        source, market = self.market(told)
        at = self.told.filter(pl.col("told") == told)["start_at"][0]
        return f"the race of {source} {market} at {at:%H:%M} UTC"

    def _remedy(self, told: int, other: int) -> str:
        return f"say whether they are one: `race-assets links accept {self._pair(told, other)} --reason …`, or `refuse`"

    def _pair(self, told: int, other: int) -> str:
        return " ".join((*self.market(told), *self.market(other)))

    def with_standing_off(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The records with the off that stands for their race."""
        race = mapped(frame["told"], self.race_of).alias("race")
        starts = self.told.select(race="told", standing="start_at", standing_track="track_id")
        joined = frame.with_columns(race).join(starts, on="race", how="left", maintain_order="left")
        return joined.with_columns(start_at="standing", track_id="standing_track").drop(
            "race", "standing", "standing_track"
        )

    def linked(self) -> Linked:
        """The records with what stands for their race and dog, and those that have no place."""
        frame = self.frame.with_columns(name=pl.coalesce("runner_name", told_races.comparable())).drop("runner_name")
        dogs = self.dogs.standing_for(self.told)
        frame = frame.join(dogs, on=["told", "trap", "name"], how="left", nulls_equal=True, maintain_order="left")
        frame = frame.with_columns(
            of_race=_said(frame["told"], self.ambiguous), of_dog=_said(frame["runner"], self.dogs.contradictions)
        ).with_columns(message=pl.coalesce("of_race", "of_dog"))
        helpers = ["name", "runner", "dog_trap", "of_race", "of_dog", "message"]
        is_out = pl.col("message").is_not_null()
        refused = frame.filter(is_out).with_columns(
            _as_list(pl.lit(AMBIGUOUS), "rules"), _as_list("message", "messages")
        )
        placed = self.with_standing_off(frame.filter(~is_out)).with_columns(trap=pl.coalesce("dog_trap", "trap"))
        refused = refused.drop(*helpers, "runner_name", "told")
        return Linked(placed.drop(helpers), refused, self.link_rows(), self.notes)

    def link_rows(self) -> pl.DataFrame:
        """Return the rows of LINKS."""
        by_ids = self._by_ids()
        if not self.links and not by_ids:
            return pl.DataFrame(schema=LINKS)
        sizes = dict(self.dogs.runners.group_by("told").len().iter_rows())
        first = {row["left"] for row in self.links} | {row["told"] for row in by_ids}
        first -= {row["right"] for row in self.links}
        rows = [{"told": told, "method": "first", "offset_s": 0} for told in sorted(first)]
        rows += [
            {
                **row,
                "told": row["right"],
                "method": "decided" if row["is_one"] else "dogs",
                "runner_up_score": row["runner_up"],
            }
            for row in self.links
        ]
        told = [{name: row.get(name) for name in LINKS} | {"runners": sizes.get(row["told"], 0)} for row in rows]
        return pl.DataFrame([{**row, "is_borrowed": False} for row in told] + by_ids, schema=LINKS)

    def _by_ids(self) -> list[dict[str, Any]]:
        """Return the links of markets to races of the provider whose ids they use."""
        frame = self.frame.filter(pl.col("is_borrowed"))
        if not frame.height:
            return []
        lenders = self.frame.filter(~pl.col("is_borrowed")).select("told")
        starts = self.told.select("told", standing="start_at")
        races = frame.join(lenders, on="told", how="semi").join(starts, on="told").group_by("told")
        offset = (pl.col("start_at").min() - pl.col("standing").first()).dt.total_seconds()
        found = races.agg(offset_s=offset, runners=pl.col("selection_id").n_unique()).sort("told")
        return [{"is_borrowed": True, "method": "ids", **row} for row in found.to_dicts()]


def _moved(frame: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return a note for each record whose off is not the one of its provider's best-ranked source."""
    both = frame.select("source", "race_date", "told", own="start_at").join(told.select("told", "start_at"), on="told")
    return both.filter(pl.col("own") != pl.col("start_at")).select("source", "race_date", note=pl.lit("off_differs"))


def _is_sure(row: Evidence, limits: LinkSettings) -> bool:
    return bool(row["score"] >= limits.min_score)


def _by_side(rows: Sequence[Evidence]) -> dict[tuple[str, int], list[Evidence]]:
    found: dict[tuple[str, int], list[Evidence]] = {}
    for row in rows:
        for side in ("left", "right"):
            found.setdefault((side, row[side]), []).append(row)
    return found


def _as_list(text: Any, name: str) -> pl.Expr:
    return pl.concat_list(text).alias(name)


def _said(numbers: pl.Series, texts: dict[int, str]) -> pl.Series:
    said = numbers.replace_strict(list(texts), list(texts.values()), default=None, return_dtype=pl.String)
    return said if texts else pl.Series([None], dtype=pl.String).new_from_index(0, numbers.len())


def _decided(frame: pl.DataFrame, decisions: pl.DataFrame | None) -> pl.DataFrame:
    """People's decisions as pairs of told races, in both directions."""
    schema = {"left": pl.Int64, "right": pl.Int64, "is_one": pl.Boolean}
    if decisions is None or not decisions.height:
        return pl.DataFrame(schema=schema)
    markets = frame.select("source", "market_id", "told").unique()
    other = markets.select(with_source="source", with_market_id="market_id", other="told")
    both = decisions.join(markets, on=["source", "market_id"]).join(other, on=["with_source", "with_market_id"])
    there = both.select(left="other", right="told", is_one="is_one")
    back = both.select(left="told", right="other", is_one="is_one")
    return pl.concat([there, back]).sort("left", "right").unique(maintain_order=True)
