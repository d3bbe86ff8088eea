"""Metrics of one ingestion: records by outcome, files, days, requests, duration, and what went wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from race_assets.http.traffic import Traffic
from race_assets.pipeline.build import Built
from race_assets.pipeline.land import Landed
from race_assets.validation.account import LEAST_TIMED, Account, total

SHOWN_PROBLEMS = 10


@dataclass(frozen=True)
class IngestionMetrics:
    """What one call of `IngestionService` did. Counts are of what it worked on: days that were up to date have none.

    records_in = accepted + rejected + duplicates + filtered.

    Attributes:
        source: the source the call was about; the counts below are of its records alone.
        records_in: records of the days that were built, and records without a day of the files that were landed.
        accepted: of those, the ones that are in the tables.
        rejected: the ones in `quarantine.rejects`.
        rejected_by_rule: rejected records by rule; one record may break several.
        duplicates: records that another record stands for.
        filtered: records that are about no runner of a race.
        files: files by what became of them: `landed`, `known`, `unreadable`, …
        days_built: race days published by the call.
        days_unchanged: race days that were up to date already.
        days_waiting: race days of the landed files that the call did not build: outside the days asked for, or of the
            days that `partitions` allows.
        records_processed: records of all sources in the days built: a day is built from all of its sources.
        requests: sent to the source's API.
        retries: of those, repeated ones.
        ticks: price ticks stored by a live session.
        duration_s: wall time of the call.
        problems: what a person has to look at, a sentence each; empty where all went well.
    """

    source: str
    records_in: int = 0
    accepted: int = 0
    rejected: int = 0
    rejected_by_rule: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    filtered: int = 0
    files: Mapping[str, int] = field(default_factory=dict)
    days_built: Sequence[date] = ()
    days_unchanged: Sequence[date] = ()
    days_waiting: Sequence[date] = ()
    records_processed: int = 0
    requests: int = 0
    retries: int = 0
    ticks: int = 0
    duration_s: float = 0
    problems: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        source: str,
        landed: Sequence[Landed],
        built: Built,
        *,
        duration_s: float,
        traffic: Traffic | None = None,
        ticks: int = 0,
        waiting: Sequence[date] = (),
        problems: Sequence[str] = (),
    ) -> "IngestionMetrics":
        """Return the metrics of a call that landed these files and built these days."""
        traffic = traffic or Traffic()
        own = [each for each in landed if each.source == source]
        of_days = [each for (name, _), each in built.accounts.items() if name == source]
        account = total([*(each.account for each in own), *of_days])
        processed = sum(each.account.records_in for each in landed)
        processed += sum(each.records_in for each in built.accounts.values())
        return cls(
            source=source,
            records_in=account.records_in,
            accepted=account.accepted,
            rejected=account.quarantined,
            rejected_by_rule=account.rejected_by,
            duplicates=account.duplicate_count,
            filtered=account.filtered_count,
            files=dict(sorted(Counter(each.state for each in own).items())),
            days_built=sorted(built.published),
            days_unchanged=sorted(built.unchanged),
            days_waiting=sorted(waiting),
            records_processed=processed,
            requests=traffic.requests,
            retries=traffic.retries,
            ticks=ticks,
            duration_s=duration_s,
            problems=(
                *problems,
                *(f"{each.path}: {each.detail}" for each in landed if each.is_bad),
                *(f"{day}: {reason}" for day, reason in sorted(built.failed.items())),
            ),
        )

    @property
    def success_rate(self) -> float | None:
        """Accepted records among those that could have been; None where there are none."""
        account = Account(self.records_in, self.accepted, self.rejected)
        account.duplicates, account.filtered = {"all": self.duplicates}, {"all": self.filtered}
        return account.success_rate

    @property
    def throughput(self) -> float | None:
        """`records_processed` a second of the call, all sources of its days together; None where it processed none."""
        return self.records_processed / self.duration_s if self.records_processed and self.duration_s else None

    @property
    def succeeded(self) -> bool:
        """Whether everything that was asked for is stored; rejected records are no failure."""
        return not self.problems

    def __str__(self) -> str:
        """Return a summary of some lines, for people."""
        lines = [f"{self.source}: {self._records()}"]
        if self.rejected_by_rule:
            lines.append("rejected by rule: " + _counts(self.rejected_by_rule))
        lines.append(f"files: {_counts(self.files) or 'none'}; days: {self._days()}")
        if self.ticks:
            lines.append(f"{_number(self.ticks, 'live tick')} stored")
        lines.append(
            f"{_number(self.requests, 'request')} ({self.retries:,} repeated), {self.duration_s:,.1f} s{self._speed()}"
        )
        lines += [f"problem: {each}" for each in self.problems[:SHOWN_PROBLEMS]]
        if len(self.problems) > SHOWN_PROBLEMS:
            lines.append(f"and {_number(len(self.problems) - SHOWN_PROBLEMS, 'more problem')}")
        return "\n".join(lines)

    def _records(self) -> str:
        rate = self.success_rate
        return (
            f"{_number(self.records_in, 'record')} in, {self.accepted:,} accepted, {self.rejected:,} rejected, "
            f"{_number(self.duplicates, 'duplicate')}, {self.filtered:,} filtered"
            + ("" if rate is None else f", success rate {rate:.2%}")
        )

    def _days(self) -> str:
        counts = {
            "built": self.days_built,
            "unchanged": self.days_unchanged,
            "not built by this call": self.days_waiting,
        }
        return ", ".join(f"{len(days):,} {name}" for name, days in counts.items() if days) or "none"

    def _speed(self) -> str:
        if self.throughput is None or self.records_processed < LEAST_TIMED:
            return ""
        others = self.records_processed - self.records_in
        along = f", {_number(others, 'record')} of other sources of these days included" if others else ""
        return f", {self.throughput:,.0f} records/s{along}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
