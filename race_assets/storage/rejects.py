"""Reading `quarantine.rejects` and changing the state of its rows; whole days of them are written by `publish.py`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from race_assets.errors import SettingsError
from race_assets.storage.postgres import PUBLISH_LOCK, PURPOSES, Warehouse
from race_assets.storage.track_names import TO_BE_READ
from race_assets.storage.waiting import take_transaction_lock

OPEN, REPLAYED, DISCARDED = "open", "replayed", "discarded"
SHOWN_ID = 12


@dataclass(frozen=True)
class Selection:
    """Which rejects are meant: those that have all that is given.

    Attributes:
        ids: whole ids; none means any.
        file: the name of their file in the inbox.
    """

    ids: Sequence[str] = ()
    source: str | None = None
    day: date | None = None
    rule: str | None = None
    file: str | None = None
    state: str = OPEN

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the state is given."""
        return bool(self.ids or self.source or self.day or self.rule or self.file)


@dataclass(frozen=True)
class Reject:
    """A refused row and its file, as `rejects show` tells of it."""

    reject_id: str
    source: str
    source_file: str
    source_row: int
    byte_offset: int | None
    race_date: date | None
    stage: str
    rules: list[str]
    messages: list[str]
    row: dict[str, Any] | None
    run_id: str
    rejected_at: Any
    state: str
    state_reason: str | None
    file: str | None
    version: int | None
    newest: int | None
    withdrawn_at: Any
    columns: str | None


_MEANT = """r.state = %(state)s
    and (cardinality(%(ids)s::text[]) = 0 or r.reject_id = any(%(ids)s))
    and r.source = coalesce(%(source)s, r.source)
    and (%(day)s::date is null or r.race_date = %(day)s)
    and (%(rule)s::text is null or %(rule)s = any(r.rules))
    and (%(file)s::text is null or f.name = %(file)s)"""
RULES_ONCE = """(select string_agg(rule, ', ' order by first)
    from (select rule, min(at) as first
          from unnest(r.rules) with ordinality as broken(rule, at) group by rule) as each)"""
"""Of a reject `r`, the rules it broke as text, each once; a rule may be broken in several ways, each with a message."""
_FROM = """quarantine.rejects as r
    left join ops.source_files as f on f.source = r.source and f.sha256 = r.source_file"""


def _given(selection: Selection) -> dict[str, Any]:
    return {
        "state": selection.state,
        "ids": list(selection.ids),
        "source": selection.source,
        "day": selection.day,
        "rule": selection.rule,
        "file": selection.file,
    }


def listed(warehouse: Warehouse, selection: Selection, limit: int) -> tuple[list[str], list[tuple[Any, ...]], int]:
    """Refused rows for people to read: column names, rows, and how many there are in all."""
    query = f"""select left(r.reject_id, {SHOWN_ID}) as reject, r.source, f.name as file, r.source_row as line,
                       r.race_date, r.stage, {RULES_ONCE} as rules,
                       array_to_string(r.messages, '; ') as reason
                from {_FROM} where {_MEANT}
                order by r.race_date nulls first, r.source, f.name, r.source_row limit %(limit)s"""
    with warehouse.connect() as connection:
        cursor = connection.execute(query.encode(), {**_given(selection), "limit": limit})
        names = [each.name for each in cursor.description or ()]
        rows = cursor.fetchall()
        count = connection.execute(f"select count(*) from {_FROM} where {_MEANT}".encode(), _given(selection))
        total = count.fetchone()
    return names, rows, total[0] if total else 0


@dataclass(frozen=True)
class RecentRejects:
    """Open rejects of one source and rule.

    Attributes:
        records: how many records broke the rule; one record may break several.
        undated: those of them without a day.
        first: their first day; None where none has a day.
        last: their last day.
    """

    source: str
    rule: str
    records: int
    undated: int
    first: date | None
    last: date | None


def recent_by_rule(warehouse: Warehouse, days: int) -> list[RecentRejects]:
    """Return open rejects of the last so many days, by when they were rejected, the most frequent rule first."""
    query = """select source, rule, count(distinct reject_id),
                      count(distinct reject_id) filter (where race_date is null), min(race_date), max(race_date)
               from quarantine.rejects cross join lateral unnest(rules) as broken (rule)
               where state = 'open' and rejected_at >= now() - make_interval(days => %s)
               group by source, rule order by 3 desc, 1, 2"""
    with warehouse.connect() as connection:
        return [RecentRejects(*row) for row in connection.execute(query.encode(), [days])]


def selected(warehouse: Warehouse, selection: Selection) -> list[tuple[str, str, str, date | None, str, list[str]]]:
    """Return id, source, file hash, day, stage and rules of the rejects that are meant."""
    query = f"""select r.reject_id, r.source, r.source_file, r.race_date, r.stage, r.rules
                from {_FROM} where {_MEANT} order by 1"""
    with warehouse.connect() as connection:
        return connection.execute(query.encode(), _given(selection)).fetchall()


def without_day(warehouse: Warehouse) -> int:
    """How many open rejects there are whose race day cannot be told: no day's account has them."""
    query = "select count(*) from quarantine.rejects where race_date is null and state = 'open'"
    with warehouse.connect() as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else 0


def find(warehouse: Warehouse, prefix: str) -> Reject:
    """The one reject whose id begins so.

    Raises:
        SettingsError: there is none, or more than one; the message names some.
    """
    query = f"""select r.*, f.name, f.version, f.withdrawn_at, f.shape,
                       (select max(n.version) from ops.source_files as n where n.source = f.source
                        and n.name = f.name and n.withdrawn_at is null) as newest
                from {_FROM} where starts_with(r.reject_id, %s) order by r.reject_id limit 4"""
    with warehouse.connect() as connection:
        cursor = connection.execute(query.encode(), [prefix])
        names = [each.name for each in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if len(found) != 1 or not prefix:
        known = ", ".join(each["reject_id"][:SHOWN_ID] for each in found) or "none; `race-assets rejects list` has them"
        raise SettingsError(f"reject {prefix!r}: must begin the id of exactly one refused row; found: {known}")
    told = found[0]
    return Reject(columns=told.pop("shape"), file=told.pop("name"), **told)


# A row that passes now may be refused with its race: what stands for it then is the reject of that stage.
_STANDING = """with standing as (
    select meant.reject_id,
           coalesce(later.state, meant.state) as state,
           case when later.reject_id is not null then later.rules else meant.rules end as rules
    from quarantine.rejects as meant
    left join lateral (
        select other.reject_id, other.state, other.rules from quarantine.rejects as other
        where meant.state = 'replayed' and other.state = 'open' and other.stage <> meant.stage
          and (other.source, other.source_file, other.source_row)
              = (meant.source, meant.source_file, meant.source_row)
        order by other.reject_id limit 1) as later on true
    where meant.reject_id = any(%s))"""


def states(warehouse: Warehouse, ids: Sequence[str]) -> dict[str, int]:
    """How many of these rows are in which state now; one that is refused at another stage now is open."""
    query = f"{_STANDING} select state, count(*) from standing group by 1 order by 1"
    with warehouse.connect() as connection:
        return dict(connection.execute(query.encode(), [list(ids)]).fetchall())


def rules_of(warehouse: Warehouse, ids: Sequence[str]) -> dict[str, int]:
    """How many of these rows are still refused, by rule."""
    query = f"""{_STANDING} select rule, count(*) from standing, unnest(rules) as rule
                where state = 'open' group by 1 order by 1"""
    with warehouse.connect() as connection:
        return dict(connection.execute(query.encode(), [list(ids)]).fetchall())


def discard(warehouse: Warehouse, ids: Sequence[str], reason: str) -> int:
    """Sets open rejects aside, with the reason; gives how many were open."""
    statement = """update quarantine.rejects set state = 'discarded', state_reason = %s
                   where reject_id = any(%s) and state = 'open'"""
    with warehouse.connect() as connection:
        return connection.execute(statement, [reason, list(ids)]).rowcount


_MARK = "update ops.built_days set fingerprint = %s where race_date = any(%s)"


def mark_stale(warehouse: Warehouse, days: Sequence[date], reason: str) -> None:
    """Have published days built again, though their inputs have not changed."""
    with _unpublished(warehouse) as connection:
        connection.execute(_MARK, [reason, list(days)])


@contextmanager
def _unpublished(warehouse: Warehouse) -> Iterator[Any]:
    """A transaction beside which no day is published: a day published meanwhile would lose its mark."""
    with warehouse.transaction() as connection:
        take_transaction_lock(connection.cursor(), PUBLISH_LOCK, PURPOSES[PUBLISH_LOCK])
        yield connection


@dataclass(frozen=True)
class Reopened:
    """What taking discarded rejects up again came to.

    Attributes:
        count: how many are open again.
        days: their days, which are stale from now on.
        undated: how many have no day; their files are read anew by the next ingest.
    """

    count: int
    days: Sequence[date]
    undated: int


def reopen(warehouse: Warehouse, ids: Sequence[str]) -> Reopened:
    """Takes discarded rejects up again, and has their days built and their undated rows read anew."""
    statement = """update quarantine.rejects set state = 'open', state_reason = null
                   where reject_id = any(%s) and state = 'discarded' returning source, source_file, race_date"""
    with _unpublished(warehouse) as connection:
        changed = connection.execute(statement, [list(ids)]).fetchall()
        days = sorted({day for *_, day in changed if day is not None})
        undated = [(source, sha256) for source, sha256, day in changed if day is None]
        connection.execute(_MARK, ["a reject was reopened", days])
        connection.cursor().executemany(
            "update ops.source_files set dated_by = %s where source = %s and sha256 = %s",
            [(TO_BE_READ, *each) for each in undated],
        )
    return Reopened(len(changed), days, len(undated))
