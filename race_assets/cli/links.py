"""`race-assets links`: list, explain, accept, refuse; what they do is in `console/links.py` and below."""

from typing import TYPE_CHECKING, Annotated

import typer

from race_assets.cli.common import Format, day_of, open_settings
from race_assets.errors import SettingsError

if TYPE_CHECKING:
    from race_assets.pipeline.workshop import Workshop

app = typer.Typer(
    help="Races of several sources that may be one: what speaks for it, and deciding it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The source, as `links list` names it.")]
Market = Annotated[str, typer.Argument(metavar="MARKET", help="Its market.")]
WithSource = Annotated[str, typer.Argument(metavar="WITH_SOURCE", help="The source of the other race.")]
WithMarket = Annotated[str, typer.Argument(metavar="WITH_MARKET", help="Its market.")]
Reason = Annotated[str, typer.Option(help="Why, in your words; it is kept.")]


@app.command("list")
def listed(
    day: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Only this race day's.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """List the races that wait for a decision, each with the race it most probably is.

    race-assets links list --day 2024-06-27
    """
    from race_assets.console import links, report, terminal
    from race_assets.pipeline import link_review

    reviews = link_review.doubtful(_workshop(), day_of(day, "--day"))
    if not reviews and output is Format.table:
        terminal.line("no race waits for a decision")
    else:
        report.rows(links.COLUMNS, links.listed(reviews), output.value)


@app.command()
def explain(source: Source, market: Market) -> None:
    """Show what speaks for and against each race that this one may be.

    race-assets links explain club 2024-06-27/7
    """
    from race_assets.console import links, report
    from race_assets.pipeline import link_review

    for review in link_review.of_market(_workshop(), (source, market)):
        for text in links.explained(review):
            report.line(text)


@app.command()
def accept(source: Source, market: Market, with_source: WithSource, with_market: WithMarket, reason: Reason) -> None:
    """Say that two races are one; the next ingest builds their day with it.

    race-assets links accept club 2024-06-27/7 betfair_historic 1.230100101 --reason "the card was late"
    """
    _decide((source, market), (with_source, with_market), is_one=True, reason=reason)


@app.command()
def refuse(source: Source, market: Market, with_source: WithSource, with_market: WithMarket, reason: Reason) -> None:
    """Say that two races are not one; the next ingest builds their day with it.

    race-assets links refuse club 2024-06-27/7 betfair_historic 1.230100101 --reason "the race before"
    """
    _decide((source, market), (with_source, with_market), is_one=False, reason=reason)


def _decide(market: tuple[str, str], other: tuple[str, str], *, is_one: bool, reason: str) -> None:
    from race_assets.console import terminal
    from race_assets.pipeline import link_review

    if not reason.strip():
        raise SettingsError("--reason must say why; it is kept with the decision")
    days = link_review.decide(_workshop(), market, other, is_one=is_one, reason=reason.strip())
    what = "are one race" if is_one else "are two races"
    terminal.line(
        f"{' '.join(market)} and {' '.join(other)} {what} from now on; stale now, and built again by the next "
        f"`race-assets ingest`: {', '.join(map(str, days))}"
    )


def _workshop() -> "Workshop":
    from race_assets.pipeline.workshop import Workshop

    workshop = Workshop(open_settings(writes=True))
    # Asking for the ledger states today's configuration, which decides what is linked.
    _ = workshop.ledger
    return workshop
