"""Small hand-made files, and the few steps every pipeline test takes with them; no expectation lives here."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from race_assets.pipeline import land
from race_assets.pipeline.build import Built, build
from race_assets.pipeline.land import Landed
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.catalogue import CORE
from race_assets.storage.postgres import PUBLISH_LOCK

DAY1, DAY2, DAY3 = date(2024, 6, 26), date(2024, 6, 27), date(2024, 6, 28)
CSV, BSP = "betfair_csv", "betfair_bsp"
CSV_HEADER = "event_id,event_name,track,start_time,selection_id,selection_name,price,volume\n"
BSP_HEADER = (
    "EVENT_ID,MENU_HINT,EVENT_NAME,EVENT_DT,SELECTION_ID,SELECTION_NAME,WIN_LOSE,BSP,PPWAP,MORNINGWAP,"
    "PPMAX,PPMIN,IPMAX,IPMIN,MORNINGTRADEDVOL,PPTRADEDVOL,IPTRADEDVOL\n"
)
NOT_COMPARED = {"processed_at", "run_id", "rejected_at"}
State = dict[str, list[tuple[Any, ...]]]


def csv_row(
    day: date, name: str, *, selection: int, price: str = "3.0", volume: str = "10.0", track: str = "Romford"
) -> str:
    """A line of the `betfair_csv` feed: the 18:36 at the track, 17:36 in UTC.

    Args:
        name: with its trap, as `1. Alpha`.
    """
    return f"{day:%Y%m%d}-{track},{track} card,{track},{day}T17:36:00Z,{selection},{name},{price},{volume}\n"


def csv_race(day: date, *, price: str = "3.0", track: str = "Romford", dogs: str = "Alpha Beta Gamma") -> str:
    """A race of `betfair_csv`, one dog a trap, all at one price."""
    return "".join(
        csv_row(day, f"{trap}. {dog}", selection=trap, price=price, track=track)
        for trap, dog in enumerate(dogs.split(), start=1)
    )


def bsp_row(day: date, name: str, *, selection: int, won: int = 0, bsp: str = "4.5", volume: str = "100.00") -> str:
    """A line of a win file of `betfair_bsp`, of the race that `csv_row` tells of too."""
    hint = f"Romford {day.day}th {day:%b}"
    head = f"9{day:%Y%m%d},{hint},A3 400m,{day:%d-%m-%Y} 18:36,{selection},{name},{won}"
    return f"{head},{bsp},4.4,,,,,,,{volume},\n"


def bsp_name(day: date) -> str:
    """The name of a win file whose racing was on that day: it carries the date of the morning after."""
    return f"dwbfgreyhoundwin{day.day + 1:02}{day:%m%Y}.csv"


def drop(workshop: Workshop, name: str, text: str, source: str = CSV) -> Landed:
    """Lands a file with this text, header added, under this inbox name; nothing else may land beside it."""
    path = workshop.settings.home / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((CSV_HEADER if source == CSV else BSP_HEADER) + text, encoding="utf-8")
    (landed,) = land.land(workshop, source, [(path, name)])
    return landed


def land_samples(workshop: Workshop, files: Sequence[Path]) -> list[Landed]:
    """Lands sample files, the folder of each being its source."""
    return [
        landed
        for source in (CSV, BSP)
        for landed in land.land(workshop, source, land.named([file for file in files if file.parent.name == source]))
    ]


def build_days(workshop: Workshop, days: Sequence[date], run_id: str = "run", *, refresh: bool = False) -> Built:
    """Builds the days, and gives what all chunks came to."""
    together = Built()
    for part in build(workshop, days, run_id, refresh=refresh):
        together.add(part)
    return together


def build_stale(workshop: Workshop, run_id: str = "run") -> Built:
    """Builds what the ledger holds to be stale; every day must go well."""
    built = build_days(workshop, [day for day, _ in workshop.ledger.stale_days()], run_id)
    assert not built.failed, built.failed
    assert workshop.ledger.stale_days() == []
    return built


def ask(workshop: Workshop, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with workshop.warehouse.connect() as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def tell(workshop: Workshop, statement: str, *parameters: object) -> None:
    """Does a statement that gives no rows."""
    with workshop.warehouse.connect() as connection:
        connection.execute(statement.encode(), parameters)


def tables(workshop: Workshop, rejects: str = "true", core: str = "true") -> State:
    """The rows of core and of the rejects that are asked for, without what may differ from run to run."""
    found = {}
    for table, condition in [*((name, core) for name in CORE), ("quarantine.rejects", rejects)]:
        schema, _, name = table.partition(".")
        columns = ask(
            workshop,
            "select column_name from information_schema.columns where (table_schema, table_name) = (%s, %s)",
            schema,
            name,
        )
        names = sorted(column for (column,) in columns if column not in NOT_COMPARED)
        listed = ", ".join(f'"{each}"::text' for each in names)
        found[table] = ask(workshop, f"select {listed} from {table} where {condition} order by {listed}")
    return found


def stored(workshop: Workshop, day: date | None = None) -> State:
    """Where each row lies and which transaction wrote it: a row that was written again differs."""
    only = "true" if day is None else f"race_date = '{day}'"
    return {
        table: ask(workshop, f"select ctid::text, xmin::text, xmax::text from {table} where {only} order by ctid")
        for table in (*CORE, "quarantine.rejects")
    }


def wipe(workshop: Workshop) -> None:
    """Empties every table of ours, for the next example of a property test."""
    with workshop.warehouse.connect() as connection:
        found = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('core', 'quarantine', 'ops')"
            " and tablename <> 'alembic_version'"
        ).fetchall()
        names = sql.SQL(", ").join(sql.Identifier(*each) for each in found)
        connection.execute(sql.SQL("truncate {}").format(names))


def waiting_for_lock(connection: "psycopg.Connection[tuple[Any, ...]]") -> list[int]:
    """The backends of this database that wait for an advisory lock."""
    query = """select pid from pg_locks where locktype = 'advisory' and not granted
               and database = (select oid from pg_database where datname = current_database()) order by pid"""
    return [pid for (pid,) in connection.execute(query)]


def hold_publishing(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Keeps everybody from publishing until `release_publishing`."""
    connection.execute("select pg_advisory_lock(%s)", [PUBLISH_LOCK])


def release_publishing(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Lets those who wait go on."""
    connection.execute("select pg_advisory_unlock(%s)", [PUBLISH_LOCK])
