"""The `race-assets` command: reads its arguments, calls the floors below, shows what they did; no work of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from race_assets import settings as settings_module
from race_assets.errors import RaceAssetsError, SettingsError
from race_assets.settings import Settings, project_folder

GOOD, DATA_FAILED, USAGE = 0, 1, 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # Locals hold URLs with passwords.
    pretty_exceptions_show_locals=False,
    help="""Greyhound-racing data from Betfair and CSV files into two tables a day that can be trusted.

Files go in with **land** (or by dropping them into `data/drops/<source>/`), days come out with **ingest**, and
**query** reads them: `core.races`, `core.selections`, `core.prices`. What was refused is in **rejects**, with reasons.

Settings are in race_assets.yaml; RACE_ASSETS_… variables come on top. Exit codes: 0 good, 1 data failed, 2 usage or
settings.""",
)


class State(StrEnum):
    """What may have become of a refused row."""

    open = "open"
    replayed = "replayed"
    discarded = "discarded"


class Format(StrEnum):
    """How `query` prints."""

    table = "table"
    csv = "csv"
    json = "json"


Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD")]


@app.command()
def demo() -> None:
    """Run the whole pipeline on the bundled synthetic samples, in a warehouse of its own below data/demo.

    Shows some races and selections, and the account of every record that came in.
    """
    from race_assets.console.demo import run

    raise typer.Exit(run(_settings()))


@app.command()
def land(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files to take in; they stay where they are.")] = None,
    source: Annotated[str | None, typer.Option(help="The source they belong to; see `race-assets sources`.")] = None,
    withdraw: Annotated[
        str | None, typer.Option(metavar="SHA", help="Take a landed file back, named by its hash or the start of it.")
    ] = None,
) -> None:
    """Take files into the archive and the ledger; `ingest` then builds their days.

    A file's name is its identity: the same name with other bytes is its next version. The same bytes change nothing.

        race-assets land ~/Downloads/dwbfgreyhoundwin*.csv --source betfair_bsp
    """
    from race_assets.console import report
    from race_assets.pipeline import land as landing
    from race_assets.pipeline.workshop import Workshop

    workshop = Workshop(_settings())
    if withdraw is not None:
        if paths or not withdraw:
            raise SettingsError("--withdraw takes the start of one file's hash, and no files to land beside it")
        taken = landing.withdraw(workshop, withdraw, source)
        typer.echo(f"{taken.name} ({taken.sha256[:12]}) is withdrawn; `race-assets ingest` builds its days without it.")
        return
    if not paths or not source:
        raise SettingsError("land needs files and --source NAME, or --withdraw SHA")
    _check_source(workshop.settings, source)
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise SettingsError(f"no such file: {', '.join(missing)}")
    landed = []
    for each in landing.land(workshop, source, landing.named(paths)):
        report.landed_file(each)
        landed.append(each)
    report.landed_total(landed)
    raise typer.Exit(DATA_FAILED if any(each.is_bad for each in landed) else GOOD)


@app.command()
def ingest(
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First race day.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last race day.")] = None,
    source: Annotated[str | None, typer.Option(help="Refresh only this source's day files; core takes all.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Build days anew whether they are stale or not.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Build days: raw, validated, races, selections, prices.

    Without dates, what lies settled in the drop folders is landed and all stale days are built.

    A Dagster run like those of the UI, one per stretch of days. Ends with what came in and where it went.
    """
    settings = _settings()
    if source:
        _check_source(settings, source)
    wanted = _range(first, last)
    if refresh and wanted is None:
        raise SettingsError("--refresh needs --from and --to: it builds days that are not stale, so say which")
    from race_assets.console import ingest as ingesting

    ingested = ingesting.run(settings, [wanted] if wanted else None, source, refresh=refresh, hidden=as_json)
    if as_json:
        typer.echo(ingesting.as_json(ingested))
    else:
        ingesting.show(ingested)
    raise typer.Exit(ingested.exit_code)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; tables are core.*, quarantine.rejects, ops.*.")],
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """Read the warehouse. Nothing can be changed this way.

    race-assets query "select * from core.races order by start_at limit 5"
    """
    from race_assets.console import report
    from race_assets.storage import tables
    from race_assets.storage.postgres import Warehouse

    columns, rows = tables.read_only(Warehouse.open(_settings()), sql)
    report.rows(columns, rows, output.value)


@app.command(context_settings={"ignore_unknown_options": True})
def psql(arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to psql.")] = None) -> None:
    """Open psql on the warehouse; an embedded server stays up as long as psql is open.

    race-assets psql -c "select track, count(*) from core.races group by track"
    """
    import subprocess

    from race_assets.storage import embedded
    from race_assets.storage.postgres import Warehouse

    url = Warehouse.open(_settings()).url
    raise typer.Exit(subprocess.run([embedded.psql_path(), url, *(arguments or [])], check=False).returncode)  # noqa: S603


@app.command()
def sources() -> None:
    """List the sources there are, and whether each is enabled.

    A source is switched by `sources.<name>.enabled` in race_assets.yaml; files put into its drop folder are landed by
    the daemon, or by the next `ingest` without dates.
    """
    from race_assets.console import report
    from race_assets.sources import registry

    settings = _settings()
    enabled = registry.enabled(settings)
    report.rows(
        ["source", "enabled", "drop folder", "what it is"],
        [
            [name, "yes" if name in enabled else "no", str(settings.drop_folder(name)), registry.create(name).title]
            for name in registry.available()
        ],
        "table",
    )


@app.command()
def schedule(ticks: Annotated[int, typer.Option(min=1, help="How many ticks ahead to show.")] = 3) -> None:
    """List each schedule and sensor: on or off, and its next ticks.

    They tick while the daemon runs (`make dev`); what they start as is set below `automation` in race_assets.yaml, and
    the Dagster UI switches them from then on.
    """
    from race_assets.console import report
    from race_assets.console.overview import overview

    _settings()
    report.rows(["name", "kind", "state", "next ticks"], overview(ticks), "table")


@app.command()
def rejects(
    source: Annotated[str | None, typer.Option(help="Only this source's.")] = None,
    day: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Only this race day's.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only rows that broke this rule.")] = None,
    state: Annotated[State, typer.Option(help="What became of them.")] = State.open,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows.")] = 50,
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """List refused rows, each with the file and row it came from and every rule it broke.

    race-assets rejects --day 2024-06-27 --rule price_range
    """
    from race_assets.console import report
    from race_assets.sources import registry
    from race_assets.storage.ledger import Ledger
    from race_assets.storage.postgres import Warehouse

    settings, wanted = _settings(), _day(day, "--day")
    if source:
        registry.create(source)
    ledger = Ledger(Warehouse.open(settings))
    columns, rows, total = ledger.rejects(source, wanted, rule, state.value, limit)
    report.rows(columns, rows, output.value)
    if output is Format.table and total > len(rows):
        typer.echo(f"{len(rows)} of {total}; --limit shows more")


def _settings() -> Settings:
    from race_assets.observability import logs

    os.environ.setdefault("DAGSTER_HOME", str(project_folder()))
    settings = settings_module.load()
    level = "WARNING" if settings.logging.level == "INFO" else settings.logging.level
    logs.configure(settings.logging.model_copy(update={"level": level}))
    return settings


def _check_source(settings: Settings, name: str) -> None:
    from race_assets.sources import registry

    registry.create(name)
    if not settings.source(name).enabled:
        raise SettingsError(f"source {name} is not enabled; set sources.{name}.enabled in race_assets.yaml")


def _range(first: str | None, last: str | None) -> tuple[date, date] | None:
    if first is None and last is None:
        return None
    begin, end = _day(first or last, "--from"), _day(last or first, "--to")
    if begin is None or end is None or begin > end:
        raise SettingsError(f"--from {first} is after --to {last}")
    return begin, end


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{option} {text!r} is not a date; write it as 2024-06-27") from None


def main() -> None:
    """Runs the command and turns errors into messages and exit codes."""
    try:
        with _terminated_as_interrupt():
            app()
    except SettingsError as error:
        typer.secho(str(error), err=True, fg="red")
        sys.exit(USAGE)
    except RaceAssetsError as error:
        typer.secho(str(error), err=True, fg="red")
        sys.exit(DATA_FAILED)


@contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """SIGTERM ends a command the way Ctrl-C does: what is in flight is finished, and an embedded server stopped."""
    import signal

    def end(signum: int, _frame: object) -> None:
        raise SystemExit(128 + signum)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
