"""`race-assets rejects`: list, show, explain, replay, discard, reopen; what they do is in `console/rejects.py`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from race_assets.cli.common import DATA_FAILED, GOOD, Format, day_of, open_settings
from race_assets.errors import SettingsError

if TYPE_CHECKING:
    from race_assets.pipeline.workshop import Workshop
    from race_assets.storage.rejects import Selection

app = typer.Typer(help="Refused rows: what they are, why, and what becomes of them.", rich_markup_mode="markdown")


class State(StrEnum):
    """What may have become of a refused row."""

    open = "open"
    replayed = "replayed"
    discarded = "discarded"


SHOWN = 50
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="The start of a reject's id, as `list` shows it.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The start of a reject's id, as `list` shows it.")]
Source = Annotated[str | None, typer.Option(help="Only this source's.")]
Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Only this race day's.")]
Rule = Annotated[str | None, typer.Option(help="Only rows that broke this rule.")]
File = Annotated[str | None, typer.Option(help="Only rows of the file of this name.")]
Everything = Annotated[bool, typer.Option("--all", help="All open ones.")]
ListState = Annotated[State, typer.Option(help="What became of them.")]
Limit = Annotated[int, typer.Option(min=0, help="At most so many rows.")]
Output = Annotated[Format, typer.Option("--format", help="How to print the rows.")]


@app.callback(invoke_without_command=True)
def bare(
    context: typer.Context,
    source: Source = None,
    day: Day = None,
    rule: Rule = None,
    state: ListState = State.open,
    limit: Limit = SHOWN,
    output: Output = Format.table,
) -> None:
    """Refused rows: list them, explain one, replay them once the cause is mended, or discard them with a reason.

    Without a command, lists the open ones.
    """
    if context.invoked_subcommand is None:
        listed(source, day, rule, None, state, limit, output)
    elif any((source, day, rule, state is not State.open, limit != SHOWN, output is not Format.table)):
        raise SettingsError(f"options go behind the command: race-assets rejects {context.invoked_subcommand} --…")


@app.command("list")
def listed(
    source: Source = None,
    day: Day = None,
    rule: Rule = None,
    file: File = None,
    state: ListState = State.open,
    limit: Limit = SHOWN,
    output: Output = Format.table,
) -> None:
    """List refused rows, each with the file and row it came from and every rule it broke.

    race-assets rejects list --day 2024-06-27 --rule price_range
    """
    from race_assets.console import report, terminal
    from race_assets.storage import rejects

    workshop = _workshop()
    selection = _selection(workshop, [], source, day, rule, file, state)
    columns, rows, total = rejects.listed(workshop.warehouse, selection, limit)
    report.rows(columns, rows, output.value)
    if output is Format.table and total > len(rows):
        terminal.line(f"{len(rows)} of {total}; --limit shows more")


@app.command()
def show(reject: Id, output: Output = Format.table) -> None:
    """Show all that is kept of one refused row."""
    from race_assets.console import rejects as console
    from race_assets.storage import rejects

    console.show(rejects.find(_workshop().warehouse, reject), output.value)


@app.command()
def explain(reject: Id) -> None:
    """Explain one refused row: as read, its place, every rule it broke, what would have passed, what to do."""
    from race_assets.console.explain import explain as explained
    from race_assets.storage import rejects

    workshop = _workshop()
    explained(workshop, rejects.find(workshop.warehouse, reject))


@app.command()
def replay(
    ids: Ids = None,
    source: Source = None,
    day: Day = None,
    rule: Rule = None,
    file: File = None,
    everything: Everything = False,
) -> None:
    """Try refused rows again with today's settings, feeds, parsers and tracks: rows that pass become `replayed`.

    Files that are read differently now are read anew, then the days of these rejects are built. A second replay changes
    nothing.

        race-assets rejects replay --rule track_known
    """
    from race_assets.console import rejects as console
    from race_assets.resources.workshop import workshop_in_use

    open_settings(writes=True)
    workshop = workshop_in_use()
    done = console.replay(workshop, _narrowed(workshop, ids, source, day, rule, file, everything))
    console.show_replayed(done)
    raise typer.Exit(DATA_FAILED if done.failed else GOOD)


@app.command()
def discard(
    reason: Annotated[str, typer.Option(help="Why they are rightly refused; kept beside them.")],
    ids: Ids = None,
    source: Source = None,
    day: Day = None,
    rule: Rule = None,
    file: File = None,
    everything: Everything = False,
) -> None:
    """Set refused rows aside. Nothing is deleted; they stay discarded however often their days are built."""
    from race_assets.console import rejects as console
    from race_assets.console import terminal

    if not reason.strip():
        raise SettingsError("--reason must say why these rows are rightly refused; it is kept beside them")
    workshop = _workshop()
    whole = _in_state(workshop, ids or [], State.open)
    count = console.discard(workshop, _narrowed(workshop, whole, source, day, rule, file, everything), reason)
    if not count:
        raise SettingsError(
            "nothing is discarded: no open reject is meant; `race-assets rejects list` has those there are"
        )
    terminal.line(f"{count:,} discarded; `race-assets rejects list --state discarded` has them")


@app.command()
def reopen(ids: Annotated[list[str], typer.Argument(metavar="ID", help="The start of a reject's id.")]) -> None:
    """Take discarded rows up again; the next `ingest` builds their days, and so judges them again."""
    from race_assets.console import rejects as console

    workshop = _workshop()
    console.reopen(workshop, _in_state(workshop, ids, State.discarded))


def _in_state(workshop: "Workshop", prefixes: list[str], state: State) -> list[str]:
    """Whole ids of the named rejects that are in this state; what the others are is told.

    Raises:
        SettingsError: ids are given, and none of them is in this state.
    """
    from race_assets.console import rejects as console
    from race_assets.console import report

    chosen = console.chosen(workshop, prefixes, state.value)
    for each in chosen.refused:
        report.failure(each)
    if prefixes and not chosen.ids:
        raise SettingsError(f"nothing is done: none of the ids given is of a row that is {state.value}")
    return list(chosen.ids)


def _workshop() -> "Workshop":
    from race_assets.pipeline.workshop import Workshop

    return Workshop(open_settings())


def _narrowed(
    workshop: "Workshop",
    ids: list[str] | None,
    source: str | None,
    day: str | None,
    rule: str | None,
    file: str | None,
    everything: bool,
) -> "Selection":
    selection = _selection(workshop, ids or [], source, day, rule, file, State.open)
    if selection.is_narrowed == everything:
        raise SettingsError("say which rejects are meant: ids, --source, --day, --rule, --file, or --all alone")
    return selection


def _selection(
    workshop: "Workshop",
    ids: list[str],
    source: str | None,
    day: str | None,
    rule: str | None,
    file: str | None,
    state: State,
) -> "Selection":
    from race_assets.sources import registry
    from race_assets.storage.rejects import Selection
    from race_assets.validation.accepts import accepts

    wanted = day_of(day, "--day")
    if source:
        registry.create(source, workshop.settings)
    known = accepts(workshop.settings.rules)
    if rule and rule not in known:
        raise SettingsError(f"--rule {rule!r} is no rule; there are {', '.join(sorted(known))}")
    whole: list[str] = []
    if ids:
        from race_assets.console.rejects import whole_ids

        whole = whole_ids(workshop, ids)
    return Selection(whole, source, wanted, rule, file, state.value)
