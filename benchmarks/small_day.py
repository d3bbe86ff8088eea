"""The everyday case: one small day of ours, beside a Dagster run of as many assets that do nothing."""

import datetime as dt
import json
import sys
from dataclasses import replace

from benchmarks import EMPTY_SHAPE_VARIABLE, contestants, measure
from benchmarks.synthetic import Shape, write_csv

SMALL = Shape(days=1, rows_per_day=60)
PROBE = """
import json
from race_assets.definitions import defs
graph = defs.resolve_asset_graph()
keys = graph.materializable_asset_keys
days = [graph.get(key).partitions_def for key in keys if graph.get(key).partitions_def]
print(json.dumps({"assets": len(keys), "start": days[0].start.date().isoformat(), "end_offset": days[0].end_offset}))
"""


def our_shape(env: dict[str, str]) -> str:
    """How many assets we have and in which partitions, as JSON, asked of our definitions in a process of their own."""
    log = contestants.DATA / "logs" / "probe.log"
    probed = measure.run([sys.executable, "-c", PROBE], cwd=contestants.ROOT, env=env, log=log)
    return json.dumps(contestants.last_json(probed.output))


def materialize(module: str, day: dt.date, env: dict[str, str]) -> measure.Run:
    """`dagster asset materialize` of everything in a module, for one day."""
    return measure.run(
        [contestants.BIN / "dagster", "asset", "materialize", "-m", module, "--select", "*", "--partition", str(day)],
        cwd=contestants.ROOT,
        env=env,
        log=contestants.DATA / "logs" / f"{module}.log",
    )


def compare(server: str, pairs: int) -> dict[str, float]:
    """Medians over ``pairs`` days, each day ours and then the empty project, on one Dagster instance."""
    url = contestants.database(server, "bench_small")
    env = contestants.our_environment(contestants.fresh_folder("small"), url)
    env[EMPTY_SHAPE_VARIABLE] = our_shape(env)
    lands, ours, empties = [], [], []
    for number in range(pairs):
        shape = replace(SMALL, first=SMALL.first + dt.timedelta(days=number))
        file = contestants.DATA / "input" / f"small-{shape.first}.csv"
        write_csv(shape, file)
        lands.append(contestants.land(file, env).seconds)
        ours.append(materialize("race_assets.definitions", shape.first, env).seconds)
        empties.append(materialize("benchmarks.empty_project", shape.first, env).seconds)
    return {
        "rows": SMALL.rows,
        "pairs": pairs,
        "assets": json.loads(env[EMPTY_SHAPE_VARIABLE])["assets"],
        "land_s": measure.median(lands),
        "materialize_s": measure.median(ours),
        "empty_run_s": measure.median(empties),
        "ratio": measure.median_ratio(ours, empties),
    }
