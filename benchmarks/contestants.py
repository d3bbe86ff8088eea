"""Who runs against whom: the commands, the databases on the one server, and the check that all rows arrived."""

import datetime as dt
import json
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from benchmarks import copy_load, dlt_load, measure
from benchmarks.synthetic import Shape

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "benchmarks" / ".data"
BIN = Path(sys.executable).parent
SOURCE = "betfair_csv"
DATABASES = ("bench_ours", "bench_dlt", "bench_copy", "bench_small")


class RowsMissingError(RuntimeError):
    """A contestant ended well without having loaded what it was given."""


@dataclass
class Outcome:
    """One timed load: rows in its table, seconds from first process start to last exit, peaks, and where time went."""

    rows: int
    seconds: float
    cpu_s: float
    peak_process_mib: float
    peak_tree_mib: float
    stages: dict[str, float] = field(default_factory=dict)
    detail: str = ""


def database(server: str, name: str) -> str:
    """A new, empty database of that name on the server, all earlier work of the server written out first.

    Returns:
        Its address.
    """
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.execute("CHECKPOINT")
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop(server: str, name: str) -> None:
    """Give the disk space of a contestant's database back."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def count(url: str, table: str) -> int:
    """Rows of one table."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split(".")))
        ).fetchone()
    return row[0] if row else 0


def fresh_folder(name: str) -> Path:
    """An empty folder of that name under the data folder of the benchmarks."""
    folder = DATA / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def our_environment(home: Path, url: str) -> dict[str, str]:
    """What makes our commands work in ``home`` against ``url``, with the project's own dagster.yaml."""
    return {"RACE_ASSETS_HOME": str(home), "RACE_ASSETS_POSTGRES__URL": url, "DAGSTER_HOME": str(ROOT)}


def last_json(output: str) -> dict:
    """The JSON object a command's output ends with, pretty-printed or not; empty if there is none."""
    start = output.find("{")
    while start >= 0:
        with suppress(json.JSONDecodeError):
            found = json.loads(output[start:])
            return found if isinstance(found, dict) else {}
        start = output.find("{", start + 1)
    return {}


def land(file: Path, env: dict[str, str]) -> measure.Run:
    """`race-assets land`: the file goes into the archive and is parsed."""
    command = [BIN / "race-assets", "land", file, "--source", SOURCE]
    return measure.run(command, cwd=ROOT, env=env, log=DATA / "logs" / "land.log")


def ingest(first: dt.date, last: dt.date, env: dict[str, str]) -> measure.Run:
    """`race-assets ingest`: the backfill of the days, a Dagster run of its own process."""
    command = [BIN / "race-assets", "ingest", "--from", first.isoformat(), "--to", last.isoformat(), "--json"]
    return measure.run(command, cwd=ROOT, env=env, log=DATA / "logs" / "ingest.log")


def ours(file: Path, shape: Shape, server: str) -> Outcome:
    """Land and ingest in a fresh home and a fresh database."""
    url = database(server, "bench_ours")
    env = our_environment(fresh_folder("ours"), url)
    landed = land(file, env)
    ingested = ingest(shape.first, shape.last, env)
    return Outcome(
        rows=count(url, "core.selections"),
        seconds=landed.seconds + ingested.seconds,
        cpu_s=landed.cpu_s + ingested.cpu_s,
        peak_process_mib=max(landed.peak_process_mib, ingested.peak_process_mib),
        peak_tree_mib=max(landed.peak_tree_mib, ingested.peak_tree_mib),
        stages={
            "land (whole command)": round(landed.seconds, 2),
            "ingest (whole command)": round(ingested.seconds, 2),
            **last_json(ingested.output).get("stages", {}),
        },
        detail="land + ingest, process starts and Dagster's events included",
    )


def dlt(file: Path, shape: Shape, server: str, *options: str) -> Outcome:
    """Dlt's Arrow path with merge as its users write it: a primary key and dlt's own defaults."""
    return _dlt(file, shape, server, "--no-deduplicated", *options)


def dlt_tuned(file: Path, shape: Shape, server: str) -> Outcome:
    """Dlt told that the file holds no key twice: the fastest configuration found, at the price of that promise."""
    return _dlt(file, shape, server, "--deduplicated")


def _dlt(file: Path, _: Shape, server: str, *options: str) -> Outcome:
    url = database(server, "bench_dlt")
    folder = fresh_folder("dlt")
    command = [sys.executable, "-m", "benchmarks.dlt_load", file, "--url", url, "--pipelines-dir", folder]
    done = measure.run([*command, *options], cwd=ROOT, log=DATA / "logs" / "dlt.log")
    told = last_json(done.output)
    outcome = Outcome(
        rows=count(url, f"bench.{dlt_load.TABLE}"),
        seconds=done.seconds,
        cpu_s=done.cpu_s,
        peak_process_mib=done.peak_process_mib,
        peak_tree_mib=done.peak_tree_mib,
        stages=told["stages"],
        detail=f"dlt {told['version']}: {told['configuration']}",
    )
    shutil.rmtree(folder)
    return outcome


def plain_copy(file: Path, _: Shape, server: str) -> Outcome:
    """COPY of the file as it is."""
    url = database(server, "bench_copy")
    command = [sys.executable, "-m", "benchmarks.copy_load", file, "--url", url]
    done = measure.run(command, cwd=ROOT, log=DATA / "logs" / "copy.log")
    return Outcome(
        rows=count(url, copy_load.TABLE),
        seconds=done.seconds,
        cpu_s=done.cpu_s,
        peak_process_mib=done.peak_process_mib,
        peak_tree_mib=done.peak_tree_mib,
        detail="psycopg COPY FROM STDIN, plain table, no key, no validation",
    )


CONTESTANTS: dict[str, Callable[[Path, Shape, str], Outcome]] = {
    "ours": ours,
    "dlt": dlt,
    "dlt tuned": dlt_tuned,
    "COPY": plain_copy,
}


def compete(names: list[str], file: Path, shape: Shape, server: str, repeat: int) -> dict[str, list[Outcome]]:
    """Every contestant in turn, ``repeat`` rounds, so that a noisy minute touches them all.

    Raises:
        RowsMissingError: if one of them did not load every row.
    """
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for turn in range(repeat):
        for name in names:
            print(f"round {turn + 1} of {repeat}: {name}", file=sys.stderr, flush=True)
            outcome = CONTESTANTS[name](file, shape, server)
            if outcome.rows != shape.rows:
                raise RowsMissingError(f"{name} has {outcome.rows} of {shape.rows} rows in its table")
            outcomes[name].append(outcome)
    return outcomes
