"""Run the pipeline under every setting and print what happened as a table.

    python -m race_assets_tests.any_server.matrix            every setting, each in a process of its own
    python -m race_assets_tests.any_server.matrix --one NAME

It uses no more of race_assets than versions before this one have, so that they can be compared.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg

from race_assets.errors import RaceAssetsError
from race_assets.settings import Settings
from race_assets_tests.any_server.cluster import ADMIN, Cluster, cluster, free_port
from race_assets_tests.any_server.settings import ALL, Setting

STEPS = ("land", "ingest", "query", "UI storage", "doctor")
DAY = date(2024, 6, 27)
TRACK, DOG = "Fårösund", "Žižka Ćao"
FILE = f"""event_id,event_name,track,start_time,selection_id,selection_name,price,volume
1,Romford 27th Jun,Romford,{DAY}T17:36:00Z,11,1. {DOG},3.5,10.25
1,Romford 27th Jun,Romford,{DAY}T17:36:00Z,12,2. Beta,2.5,20.5
2,{TRACK} 27th Jun,{TRACK},{DAY}T18:36:00Z,13,1. Gamma,2.5,20.5
"""
"""A race that is built, with a dog beyond LATIN1, and one at a track that is unknown, whose row is rejected."""

PROCESS_S = 400
SHOWN = 110


class Server:
    """The cluster with one database for each setting."""

    def __init__(self, made: Cluster) -> None:
        self.cluster = made
        self._numbers = {each.name: number for number, each in enumerate(ALL)}
        self._template = "with_tables"
        self._poolers: dict[str, int] = {}
        self._replica: int | None = None
        self._admin("create database with_tables", database="postgres")
        _make_tables(made.url(self._template))

    def prepare(self, setting: Setting) -> str:
        """Make the setting's role and database, and return its address."""
        number = self._numbers[setting.name]
        role, database = f"role_{number}", f"database_{number}"
        self._admin(f"create role {role} login password 'p@/:%é'", database="postgres")
        options = setting.create or (f"template {self._template}" if setting.has_tables else "")
        owner = role if setting.is_owner else ADMIN
        self._admin(f"create database {database} owner {owner} {options}", database="postgres")
        if setting.has_tables:
            _give_tables(self.cluster.url(database), role)
        for statement in setting.statements:
            self._admin(statement.format(database=database, role=role, admin=ADMIN), database=database)
        port = self.cluster.port
        if setting.is_replica:
            port = self._replica = self._replica or self.cluster.replica()
        pooler = self.cluster.pooler({database: setting.pool_mode}) if setting.pool_mode else 0
        return setting.url.format(
            role=role, database=database, port=port, socket=self.cluster.folder, dead=free_port(), pooler=pooler
        )

    def _admin(self, statement: str, database: str) -> None:
        with psycopg.connect(self.cluster.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())


def _make_tables(url: str) -> None:
    """Have race_assets and Dagster make their tables, as the first command does."""
    settings = Settings.model_validate({"postgres": {"url": url}, "home": "/nonexistent"})
    with _environment({"RACE_ASSETS_POSTGRES__URL": url}):
        _storage(settings)


def _give_tables(url: str, role: str) -> None:
    """Have a role own our schemas, their tables, views and sequences."""
    query = """select format('alter %%s %%I.%%I owner to %%I', case relkind when 'v' then 'view'
                             when 'S' then 'sequence' else 'table' end, nspname, relname, %s::text)
               from pg_class join pg_namespace on pg_namespace.oid = relnamespace
               where nspname = any(%s) and relkind in ('r', 'p', 'v', 'S')
               and not exists (select from pg_depend where objid = pg_class.oid and deptype in ('a', 'i')
                               and pg_class.relkind = 'S')"""
    schemas = ["core", "dagster", "live", "ops", "quarantine"]
    with psycopg.connect(url, autocommit=True) as connection:
        for schema in schemas:
            connection.execute(f"alter schema {schema} owner to {role}".encode())
        for (statement,) in connection.execute(query, [role, schemas]).fetchall():
            connection.execute(statement)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables, until the block ends."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def outcomes(url: str, setting: Setting, home: Path) -> dict[str, str]:
    """Run every step of the pipeline, and return what each came to: "ok", or why not."""
    variables = {"RACE_ASSETS_POSTGRES__URL": url, "RACE_ASSETS_HOME": str(home), **setting.variables}
    with _environment(variables):
        settings = Settings.model_validate({"postgres": {"url": url}, "home": str(home)})
        steps: dict[str, Callable[[Settings], str]] = {
            "land": _land,
            "ingest": _ingest,
            "query": _query,
            "UI storage": _storage,
            "doctor": _doctor,
        }
        return {name: _outcome(steps[name], settings) for name in STEPS}


def _outcome(step: Callable[[Settings], str], settings: Settings) -> str:
    try:
        return step(settings)
    except RaceAssetsError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - what it is shall be shown
        return f"TRACEBACK {type(error).__name__}: {error}"


def _land(settings: Settings) -> str:
    from race_assets.pipeline.service import IngestionService

    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / "greyhounds.csv"
    path.write_text(FILE, encoding="utf-8")
    (landed,) = IngestionService(settings).land("betfair_csv", [(path, path.name)])
    return "ok" if landed.state == "landed" and landed.records == 3 else f"{landed.state}: {landed.detail}"


def _ingest(settings: Settings) -> str:
    from race_assets.pipeline.service import IngestionService

    service = IngestionService(settings)
    days, _ = service.stale_days()
    built = service.build(days, "matrix")
    if built.failed:
        return "; ".join(built.failed.values())
    return "ok" if days == [DAY] else f"stale days: {days}"


def _query(settings: Settings) -> str:
    from race_assets.storage import tables
    from race_assets.storage.postgres import Warehouse

    warehouse = Warehouse.open(settings)
    names = "select dog_name from core.selections where trap = 1"
    kept = f"(select bool_or(position('{TRACK}' in row::text) > 0) from quarantine.rejects)"
    off = f"select start_at::text, {kept} from core.races"
    read = _rows(settings, names)
    as_arrow = tables.read(warehouse, names).rows()
    races = _rows(settings, off)
    if not read and not races:
        return "no rows"
    wanted = ([(DOG,)], [(DOG,)], [(f"{DAY} 17:36:00+00", True)])
    return "ok" if (read, as_arrow, races) == wanted else f"WRONG {(read, as_arrow, races)}"


def _rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    """Return what `race-assets query` shows."""
    from race_assets.storage import reader

    return reader.query(reader.reading_warehouse(settings), sql)[1]


def _storage(settings: Settings) -> str:
    import dagster as dg

    del settings
    folder = Path(tempfile.mkdtemp(prefix="any_server-dagster-"))
    (folder / "dagster.yaml").write_text(
        "storage: {custom: {module: race_assets.resources.dagster_storage, class: WarehouseStorage, config: {}}}\n"
        "telemetry: {enabled: false}\npython_logs: {python_log_level: ERROR}\n"
    )

    @dg.asset
    def thing() -> None: ...

    with dg.DagsterInstance.from_config(str(folder)) as instance:
        try:
            done = dg.materialize([thing], instance=instance, raise_on_error=False)
            runs = instance.get_runs_count()
        finally:
            for part in (instance.event_log_storage, instance.run_storage, instance.schedule_storage):
                part._engine.dispose()
            shutil.rmtree(folder)
    return "ok" if done.success and runs else f"{runs} runs, success {done.success}"


def _doctor(settings: Settings) -> str:
    from race_assets.pipeline.doctor import database

    found = [each for each in database.findings(settings) if each.state in {"warning", "problem"}]
    usual = {"daemon", "queries"}
    return "; ".join(f"{each.thing}: {each.said} -> {each.step}" for each in found if each.thing not in usual) or "ok"


def _table(rows: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f"| setting | {' | '.join(STEPS)} |"
    yield f"|---{'|---' * len(STEPS)}|"
    for name, row in rows.items():
        cells = [" ".join(row[step].split()).replace("|", "/")[:SHOWN] for step in STEPS]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=3, metavar=("NAME", "URL", "HOME"))
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.one:
        name, url, home = arguments.one
        setting = next(each for each in ALL if each.name == name)
        print(json.dumps(outcomes(url, setting, Path(home))))
        return
    rows: dict[str, dict[str, str]] = {}
    with cluster() as made, tempfile.TemporaryDirectory() as homes:
        server = Server(made)
        for number, setting in enumerate(each for each in ALL if arguments.only in each.name):
            rows[setting.name] = _in_a_process(setting, server.prepare(setting), Path(homes, str(number)))
            print(setting.name, json.dumps(rows[setting.name], ensure_ascii=False), file=sys.stderr, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    print("\n".join(_table(rows)))


def _in_a_process(setting: Setting, url: str, home: Path) -> dict[str, str]:
    command = [sys.executable, "-m", __spec__.name, "--one", setting.name, url, str(home)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROCESS_S)
    except subprocess.TimeoutExpired:
        return dict.fromkeys(STEPS, f"HANGS: no end within {PROCESS_S} s")
    if done.returncode:
        return dict.fromkeys(STEPS, f"DIES: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
