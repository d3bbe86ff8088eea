"""A generic CSV of a gigabyte through a feed, beside DuckDB loading the same file as it is, and dlt."""

import datetime as dt
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks import contestants, duckdb_load, measure, peers
from benchmarks.contestants import BIN, DATA, ROOT, Outcome
from benchmarks.synthetic import DAYS_PER_CHUNK, Shape, make_days

NAME = "bench_feed"
TO_RECORDS = "ours, to validated/records"
FEED = {
    "currency": "GBP",
    "columns": {
        "track_name": "Venue", "start_at": {"template": "{Day} {Off}", "formats": ["%d/%m/%Y %H:%M"]}, "trap": "Box",
        "selection_name": "Dog", "selection_id": "Dog Id", "market_id": "{Race Id}", "price": "Odds",
        "volume": "Matched",
    },
    "timezone": "UTC",
}  # fmt: skip
REMARK = "QAw,MidTWide,ALd,HldOn,Bmp&Crd1,RanOn,EvCh,ClrRun from halfway, stayed on well to the line and was not caught"
REMARK += ", though the third dog closed fast on the rails from the last bend"


def write_csv(shape: Shape, path: Path) -> None:
    """The benchmark's days as a sheet with other names, a day and an hour apart, and quoted remarks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as out:
        for done in range(0, shape.days, DAYS_PER_CHUNK):
            days = min(DAYS_PER_CHUNK, shape.days - done)
            frame = _sheet(make_days(shape, shape.first + dt.timedelta(days=done), days))
            frame.write_csv(out, include_header=done == 0, float_precision=2)
    unfinished.replace(path)


def _sheet(rows: pl.DataFrame) -> pl.DataFrame:
    at = pl.col("start_time").str.strptime(pl.Datetime, "%Y-%m-%dT%H:%M:%SZ")
    parts = pl.col("selection_name").str.split_exact(". ", 1)
    return rows.select(
        pl.col("track").alias("Venue"),
        at.dt.strftime("%d/%m/%Y").alias("Day"),
        at.dt.strftime("%H:%M").alias("Off"),
        pl.concat_str("event_id", at.dt.strftime("%H%M"), separator="-").alias("Race Id"),
        parts.struct.field("field_0").alias("Box"),
        parts.struct.field("field_1").alias("Dog"),
        pl.col("selection_id").alias("Dog Id"),
        pl.concat_str(pl.lit("Mr "), parts.struct.field("field_1"), pl.lit(", Essex")).alias("Trainer"),
        pl.col("price").alias("Odds"),
        pl.col("volume").alias("Matched"),
        pl.lit(REMARK).alias("Remark"),
    )


def ours(file: Path, shape: Shape, server: str) -> dict[str, Outcome]:
    """Land, then raw and validated alone, then everything: the way to `validated/records`, and from end to end.

    The last command makes raw and validated anew, so that land and it are the whole way.
    """
    url = contestants.database(server, "bench_ours")
    home = contestants.fresh_folder("feed")
    env = contestants.our_environment(home, url) | {"RACE_ASSETS_CONFIG": str(_config(home))}
    land = [BIN / "race-assets", "land", file, "--source", NAME]
    landed = measure.run(land, cwd=ROOT, env=env, log=DATA / "logs" / "feed-land.log")
    select = [f"key:raw/{NAME} or key:validated/records"]
    judge = [BIN / "dagster", "asset", "materialize", "-m", "race_assets.definitions", "--select", *select]
    days = ["--partition-range", f"{shape.first}...{shape.last}"]
    judged = measure.run([*judge, *days], cwd=ROOT, env=env, log=DATA / "logs" / "feed-judge.log")
    records = pl.scan_parquet(home / "lake" / "validated" / "records" / "**" / "*.parquet").select(pl.len())
    built = contestants.ingest(shape.first, shape.last, env)
    outcomes = {
        TO_RECORDS: _outcome(records.collect().item(), landed, judged, "land, dagster asset materialize"),
        "ours": _outcome(contestants.count(url, "core.selections"), landed, built, "land, ingest"),
    }
    shutil.rmtree(home)
    return outcomes


def _outcome(rows: int, landed: measure.Run, built: measure.Run, detail: str) -> Outcome:
    return Outcome(
        rows=rows,
        seconds=landed.seconds + built.seconds,
        cpu_s=landed.cpu_s + built.cpu_s,
        peak_process_mib=max(landed.peak_process_mib, built.peak_process_mib),
        peak_tree_mib=max(landed.peak_tree_mib, built.peak_tree_mib),
        stages={
            "land (whole command)": round(landed.seconds, 2),
            "second command": round(built.seconds, 2),
            **contestants.last_json(built.output).get("stages", {}),
        },
        detail=detail,
    )


def _config(home: Path) -> Path:
    config = home / "race_assets.yaml"
    # JSON is YAML too.
    config.write_text(json.dumps({"sources": {"csv_feeds": {NAME: FEED}}}), encoding="utf-8")
    return config


def duckdb(file: Path, _: Shape, server: str) -> dict[str, Outcome]:
    """DuckDB's reader, its reject table on, and ADBC into a plain table."""
    url = contestants.database(server, "bench_copy")
    command = [sys.executable, "-m", "benchmarks.duckdb_load", file, "--url", url]
    done = measure.run(command, cwd=ROOT, log=DATA / "logs" / "duckdb.log")
    told = contestants.last_json(done.output)
    outcome = Outcome(
        rows=contestants.count(url, duckdb_load.TABLE),
        seconds=done.seconds,
        cpu_s=done.cpu_s,
        peak_process_mib=done.peak_process_mib,
        peak_tree_mib=done.peak_tree_mib,
        stages=told["stages"],
        detail=f"duckdb {told['version']}: read_csv with store_rejects, ADBC into a plain table without key",
    )
    return {"DuckDB": outcome}


def dlt(file: Path, shape: Shape, server: str) -> dict[str, Outcome]:
    """Dlt's Arrow path with merge, as in the main contest."""
    return {"dlt": contestants.dlt(file, shape, server, "--key", "Race Id", "Dog Id")}


CONTESTANTS: dict[str, Callable[[Path, Shape, str], dict[str, Outcome]]] = {"ours": ours, "DuckDB": duckdb, "dlt": dlt}


def compete(shape: Shape, server: str, repeat: int) -> dict[str, list[Outcome]]:
    """Each in turn, so that a noisy minute touches them all."""
    file = DATA / "input" / f"feed-{shape.days}x{shape.rows_per_day}.csv"
    if not file.exists():
        write_csv(shape, file)
    outcomes: dict[str, list[Outcome]] = {}
    for turn in range(repeat):
        for each in peers.present(CONTESTANTS):
            print(f"feed, round {turn + 1} of {repeat}: {each}", file=sys.stderr, flush=True)
            for name, outcome in CONTESTANTS[each](file, shape, server).items():
                if outcome.rows != shape.rows:
                    raise contestants.RowsMissingError(f"{name} has {outcome.rows} of {shape.rows} rows")
                outcomes.setdefault(name, []).append(outcome)
    return outcomes
