"""The account of a source's day: every record is accepted, quarantined, duplicate or filtered."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import polars as pl

LEAST_TIMED = 10_000
"""Records below which a rate a second tells how long a run takes to begin, not how fast it is."""


@dataclass
class Account:
    """Counts of records of one source and day (or of one file's rows without a day).

    Attributes:
        records_in: what the landed files hold, as counted when they were landed.
        accepted: reachable from core.
        quarantined: refused.
        duplicates: another record stands for them, by kind.
        filtered: not about a runner of a race, by reason.
        rejected_by: refused records by rule; a record may break several.
        notes: warnings and nulled sentinels.
    """

    records_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: dict[str, int] = field(default_factory=dict)
    filtered: dict[str, int] = field(default_factory=dict)
    rejected_by: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def duplicate_count(self) -> int:
        """All duplicates."""
        return sum(self.duplicates.values())

    @property
    def filtered_count(self) -> int:
        """All filtered records."""
        return sum(self.filtered.values())

    @property
    def accounted_for(self) -> int:
        """Records whose fate is known."""
        return self.accepted + self.quarantined + self.duplicate_count + self.filtered_count

    @property
    def success_rate(self) -> float | None:
        """Accepted among those that could have been; None where there are none."""
        possible = self.records_in - self.filtered_count - self.duplicate_count
        return self.accepted / possible if possible else None

    def imbalance(self) -> str | None:
        """What does not add up, or None."""
        if self.records_in == self.accounted_for:
            return None
        return (
            f"{self.records_in} records came in, {self.accounted_for} are accounted for ({self.accepted} accepted, "
            f"{self.quarantined} quarantined, {self.duplicate_count} duplicates, {self.filtered_count} filtered)"
        )

    def refuse(self, rules: Mapping[str, int], records: int) -> None:
        """Moves accepted records to quarantine, with the rules they broke."""
        self.accepted -= records
        self.quarantined += records
        self.rejected_by = merged([self.rejected_by, rules])

    def to_json(self) -> str:
        """The account as text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Account":
        """The account `to_json` wrote."""
        return cls(**json.loads(text))


def total(accounts: Iterable[Account]) -> Account:
    """All accounts in one."""
    accounts = list(accounts)
    return Account(
        sum(a.records_in for a in accounts),
        sum(a.accepted for a in accounts),
        sum(a.quarantined for a in accounts),
        merged(a.duplicates for a in accounts),
        merged(a.filtered for a in accounts),
        merged(a.rejected_by for a in accounts),
        merged(a.notes for a in accounts),
    )


def merged(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by name, added up and sorted by name."""
    together: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            together[name] = together.get(name, 0) + count
    return dict(sorted(together.items()))


def counted(values: pl.Series) -> dict[str, int]:
    """How often each text stands in the series; nulls are left out."""
    counts = values.drop_nulls().value_counts(name="count")
    return dict(sorted(zip(counts[values.name].to_list(), counts["count"].to_list(), strict=True)))
