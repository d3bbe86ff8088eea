"""The `race-assets` command: reads its arguments, calls the floors below, shows what they did; no work of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from race_assets.cli import diff, doctor, feeds, links, live, metrics, rejects, report, status, tracks
from race_assets.cli.common import (
    DATA_FAILED,
    GOOD,
    USAGE,
    Format,
    check_source,
    day_range,
    days_between,
    open_settings,
    trailing_days,
)
from race_assets.display import visible_lines
from race_assets.errors import LoginRefusedError, RaceAssetsError, SecretUnreachableError, SettingsError

if TYPE_CHECKING:
    from race_assets.pipeline.land import Landed

USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""What every usage error is; where it is defined differs between versions of Typer."""


class _Commands(typer.core.TyperGroup):
    """The commands, with what a usage error repeats of its arguments made visible: file names are among them."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Parse what stands before the command's name."""
        with _visible_usage_errors():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        """Parse the command's own arguments and run it."""
        with _visible_usage_errors():
            return super().invoke(ctx)


@contextmanager
def _visible_usage_errors() -> Iterator[None]:
    try:
        yield
    except USAGE_ERROR as error:
        error.message = visible_lines(error.message)
        raise


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # Locals hold URLs with passwords.
    pretty_exceptions_show_locals=False,
    help="""Greyhound-racing data from Betfair and CSV files into tables that can be trusted: races, selections, prices.

Files go in with **land** (or by dropping them into `data/drops/<source>/`) or **fetch**, days come out with **ingest**,
**query** reads them: `core.races`, `core.selections`, `core.prices`,
`core.price_points`, `core.race_links`, `core.dog_form` and `core.race_analysis`. What was refused is in **rejects**,
with reasons.

Settings are in race_assets.yaml; RACE_ASSETS_… variables come on top. Exit codes: 0 good, 1 data failed, 2 usage,
settings or credentials.""",
)


app.add_typer(feeds.app, name="feed")
app.add_typer(links.app, name="links")
app.add_typer(rejects.app, name="rejects")
app.add_typer(tracks.app, name="tracks")
app.command()(live.live)
app.command()(diff.diff)
app.command()(status.status)
app.command()(metrics.metrics)
app.command()(doctor.doctor)
app.command()(report.report)


@app.command()
def demo() -> None:
    """Run the whole pipeline on the bundled synthetic samples, in a warehouse of its own below data/demo.

    Shows some races and selections, and the account of every record that came in.
    """
    from race_assets.console.demo import run

    raise typer.Exit(run(open_settings(writes=True)))


@app.command()
def land(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files to take in; they stay where they are.")] = None,
    source: Annotated[str | None, typer.Option(help="The source they belong to; see `race-assets sources`.")] = None,
    withdraw: Annotated[
        str | None, typer.Option(metavar="SHA", help="Take a landed file back, named by its hash or the start of it.")
    ] = None,
    retry: Annotated[
        str | None, typer.Option(metavar="SHA", help="Read a file again that was set aside, named in the same way.")
    ] = None,
) -> None:
    """Take files into the archive and the ledger; `ingest` then builds their days.

    A file's name is its identity: the same name with other bytes is its next version. The same bytes change nothing. A
    file whose reading fails or is killed time and again is set aside (`landing.attempts`). Exit code 1 where a file
    could not be read.

        race-assets land ~/Downloads/dwbfgreyhoundwin*.csv --source betfair_bsp
    """
    from race_assets.console import report
    from race_assets.pipeline import land as landing
    from race_assets.pipeline.service import IngestionService

    service = IngestionService(open_settings(writes=True))
    for option, sha in (("--withdraw", withdraw), ("--retry", retry)):
        if sha is not None and (paths or not sha or (withdraw is not None and retry is not None)):
            raise SettingsError(f"{option} takes the start of one file's hash, and no files or other option beside it")
    if retry is not None:
        again = service.retry(retry, source)
        report.landed_file(again)
        raise typer.Exit(DATA_FAILED if again.is_bad else GOOD)
    if withdraw is not None:
        taken = service.withdraw(withdraw, source)
        report.line(
            f"{taken.name} ({taken.sha256[:12]}) is withdrawn; `race-assets ingest` builds its days without it."
        )
        return
    if not paths or not source:
        raise SettingsError("land needs files and --source NAME, or --withdraw SHA, or --retry SHA")
    check_source(service.settings, source)
    folders = [str(path) for path in paths if path.is_dir()]
    if folders:
        raise SettingsError(f"land takes files, and these are folders; name what is in them: {', '.join(folders)}")
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise SettingsError(f"no such file: {', '.join(missing)}")
    landed = []
    for each in service.land_then_retry(source, landing.named(paths)):
        report.landed_file(each)
        landed.append(each)
    report.landed_total(landed)
    raise typer.Exit(DATA_FAILED if any(each.is_bad for each in landed) else GOOD)


@app.command(name="fetch")
def fetch_files(
    source: Annotated[str, typer.Argument(help="A source with an API, such as betfair_bsp.")],
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First race day.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last race day.")] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Show what would be fetched; fetch nothing.")] = False,
) -> None:
    """Get a source's files from its API into the archive; `ingest` then builds their days.

    Files the archive has are not fetched again, but for those of the last days that are issued anew. Without dates, the
    last days are fetched (`sources.<name>.fetch.trailing_days`). Exit code 2 where credentials are not taken.

    race-assets fetch betfair_bsp --from 2024-06-01 --to 2024-06-30
    """
    from race_assets.console import fetch as shown
    from race_assets.console import report
    from race_assets.pipeline import fetch as fetching
    from race_assets.pipeline.service import IngestionService

    settings = open_settings(writes=True)
    check_source(settings, source)
    days = days_between(day_range(first, last, settings.partitions) or trailing_days(settings, source))
    service = IngestionService(settings)
    if only_list:
        outlook = fetching.outlook(service.workshop, source, days)
        shown.show_outlook(outlook)
        raise typer.Exit(DATA_FAILED if any(gap.is_failure for gap in outlook.gaps) else GOOD)
    landed: list[Landed] = []

    def tell(each: "Landed") -> None:
        landed.append(each)
        report.landed_file(each)

    try:
        fetched = service.fetch(source, days, tell=tell)
    except KeyboardInterrupt:
        told = f"told to stop; {len(landed):,} files were landed, the next `race-assets fetch {source}` gets the rest"
        report.failure(told)
        raise typer.Exit(DATA_FAILED) from None
    shown.show(fetched)
    is_bad = fetched.problems or any(each.is_bad for each in fetched.landed)
    raise typer.Exit(DATA_FAILED if is_bad else GOOD)


@app.command()
def ingest(
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First race day.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last race day.")] = None,
    source: Annotated[str | None, typer.Option(help="Refresh only this source's day files; core takes all.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Build days anew whether they are stale or not.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Build days: raw, validated, races, selections, prices, price points.

    Without dates, what lies settled in the drop folders is landed and all stale days are built.

    A Dagster run like those of the UI, one per stretch of days. Ends with what came in and where it went.
    """
    settings = open_settings(writes=True)
    if source:
        check_source(settings, source)
    wanted = day_range(first, last, settings.partitions)
    if refresh and wanted is None:
        raise SettingsError("--refresh needs --from and --to: it builds days that are not stale, so say which")
    from race_assets.console import ingest as ingesting
    from race_assets.console import terminal
    from race_assets.display import json_text

    ingested = ingesting.run([wanted] if wanted else None, source, refresh=refresh, hidden=as_json)
    if as_json:
        terminal.data(json_text(ingesting.as_json(ingested)) + "\n")
    else:
        ingesting.show(ingested)
    raise typer.Exit(ingested.exit_code)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; tables are core.*, quarantine.rejects, ops.*.")],
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """Read the warehouse. Nothing can be changed this way.

    In JSON, NaN and the infinities, which it does not know, are null; in CSV, lists and objects are JSON text.
    `sheet` is CSV for a spreadsheet program: text that it would run as a formula gets an apostrophe before it.

    race-assets query "select * from core.races order by start_at limit 5"
    """
    from race_assets.console import report
    from race_assets.storage import reader

    columns, rows = reader.query(reader.reading_warehouse(open_settings()), sql)
    report.rows(columns, rows, output.value)


@app.command(context_settings={"ignore_unknown_options": True})
def psql(arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to psql.")] = None) -> None:
    """Open psql on the warehouse; an embedded server stays up as long as psql is open.

    race-assets psql -c "select track, count(*) from core.races group by track"
    """
    import subprocess

    from race_assets.storage import embedded
    from race_assets.storage.postgres import Warehouse

    address = Warehouse.open(open_settings()).address
    # Everybody on the machine may read what a process was started with: the password goes by its environment.
    given = [str(embedded.psql_path()), address.without_password().conninfo(), *(arguments or [])]
    ran = subprocess.run(given, check=False, env=address.environment(os.environ))  # noqa: S603
    raise typer.Exit(ran.returncode)


@app.command()
def sources(
    rules: Annotated[bool, typer.Option("--rules", help="Show the rules, and where a source has another.")] = False,
) -> None:
    """List the sources there are, and whether each is enabled.

    A source is switched by `sources.<name>.enabled` in race_assets.yaml; files put into its drop folder are landed by
    the daemon, or by the next `ingest` without dates.
    """
    from race_assets.console import report
    from race_assets.sources import registry

    settings = open_settings()
    if rules:
        from race_assets.validation.accepts import by_source

        columns = ["rule", "for", "severity and limits", "passes"]
        report.rows(columns, list(by_source(settings)), "table")
        return
    enabled = registry.enabled(settings)
    rows = []
    for name in registry.available(settings):
        source = registry.create(name, settings)
        rows.append([name, "yes" if name in enabled else "no", str(settings.drop_folder(name)), source.title])
    report.rows(["source", "enabled", "drop folder", "what it is"], rows, "table")


@app.command()
def schedule(ticks: Annotated[int, typer.Option(min=1, help="How many ticks ahead to show.")] = 3) -> None:
    """List each schedule and sensor: on or off, and its next ticks.

    They tick while the daemon runs (`make dev`); what they start as is set below `automation` in race_assets.yaml, and
    the Dagster UI switches them from then on.
    """
    from race_assets.console import report
    from race_assets.console.overview import overview

    open_settings()
    report.rows(["name", "kind", "state", "next ticks"], overview(ticks), "table")


def main() -> None:
    """Runs the command and turns errors into messages and exit codes."""
    try:
        with _terminated_as_interrupt():
            app()
    except (SettingsError, SecretUnreachableError, LoginRefusedError) as error:
        _fail(error, USAGE)
    except RaceAssetsError as error:
        _fail(error, DATA_FAILED)
    except OSError as error:
        from race_assets.storage import disk

        if ours := disk.trouble(error, error.filename or "what this command prints, or a file it makes,"):
            _fail(ours, DATA_FAILED)
        raise


def _fail(error: Exception, exit_code: int) -> NoReturn:
    from race_assets.console import terminal

    terminal.failure(error)
    sys.exit(exit_code)


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
