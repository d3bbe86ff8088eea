"""What each rule accepts, in words, with the limits in force: what a person who mends a row goes by.

`python -m race_assets.validation.accepts FOLDER` writes it as `RULES.md`, as it is by default.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from race_assets.settings import Settings
from race_assets.settings.currencies import CURRENCIES
from race_assets.settings.rules import RuleSettings

EVERY_SOURCE = "every source"


def accepts(rules: RuleSettings) -> dict[str, str]:
    """By rule id, what a row or race must be like to pass."""
    prices, runners, book, window = rules.price_range, rules.runners, rules.over_round, rules.start_window
    most = ", ".join(f"{country} 1 to {limit}" for country, limit in sorted(rules.trap.most.items()))
    return {
        "price_range": f"exchange prices from {prices.min:g} to {prices.max:g}, or none",
        "selection_name": "a name with at least a letter or digit besides the trap number",
        "volume": "a volume of 0 or more, or none",
        "trap": f"a trap that is run from: {most}",
        "number": "a plain number; of prices odds such as 3.5 or 5/2 too, of finish positions 1st, Won, DNF or NR; a "
        "blank where there is none",
        "value": f"one of the words the column takes; a feed's `values` translate others; of currencies "
        f"{', '.join(CURRENCIES)}",
        "sport": "a row that is surely of greyhounds: a trap, metres, no trading in running, a file name that says so",
        "start_window": f"an off from {window.past_days:g} days before to {window.future_days:g} days after the source "
        "stated it, or its file was landed; of a source that brings past races set the severity to off",
        "start_time": "an off as date and time that exist, on the race's day or the one before or after",
        "track_known": "a track of the registry or one of its aliases; `race-assets tracks add-alias` adds one",
        "local_time": "an hour that exists at the track: the clocks skip one in spring",
        "field_count": "as many fields as the header has",
        "text": "readable text: no NUL, quotes in pairs and doubled within quoted cells, a line of at most 1 MB",
        "readable": "a file, a member of an archive, or a line of a stream that is whole",
        "market_defined": "a stream with the marketDefinition of its market, and runners in it",
        "runner_known": "prices of runners that a marketDefinition names",
        "settled": "a stream that goes on until its market is CLOSED",
        "keys": "ids of its own, whole, for market and selection, and a trap or name that tells runners apart",
        "trap_once": "one standing dog per trap of a race",
        "runners": f"{runners.min:g} to {runners.max:g} runners",
        "over_round": f"prices that make a book of {book.min:g} to {book.max:g}",
        "winner": "a winner among the results, unless all are void",
        "sources_agree": f"one winner, and starting prices at most {rules.sources_agree.bsp_tolerance:.0%} apart",
        "currency": "volumes of a runner in one currency, whatever the source",
        "link_ambiguous": "a race whose dogs are surely another's or surely not; `race-assets links` decides the rest",
        "clock_shift": "offs that agree with those other sources state for the same dogs",
    }


def by_source(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    """Yield each rule for every source, then for each source that has it otherwise.

    Yields:
        the rule's id, `every source` or the source's name, severity and limits, and what passes.
    """
    names = sorted({*type(settings.sources).model_fields, *settings.sources.csv_feeds} - {"csv_feeds"})
    changed = {name: set(settings.source(name).rules.model_dump()) for name in names}
    for rule in type(settings.rules).model_fields:
        for name in (None, *(name for name in names if rule in changed[name])):
            rules = settings.rules if name is None else settings.rules_of(name)
            yield rule, name or EVERY_SOURCE, _limits(getattr(rules, rule).model_dump()), accepts(rules)[rule]


def _limits(leaves: dict[str, Any]) -> str:
    """`reject, min 1.01, max 1000`."""
    severity = leaves.pop("severity")
    return ", ".join([severity, *(f"{name} {_shown(value)}" for name, value in leaves.items())])


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={limit}" for name, limit in value.items())
    return f"{value:g}"


def page(settings: Settings) -> str:
    """Return the page of rules, in Markdown."""
    head = [
        "# Rules",
        "",
        "Written by `make docs`; change `race_assets/settings/rules.py` and `race_assets/validation/` instead.",
        "",
        "The rules by default, and where a source has another. `rules` in `race_assets.yaml` changes them for every",
        "source, `sources.<name>.rules` those for single records for one; `race-assets sources --rules` shows them.",
        "",
        "| rule | for | severity and limits | passes |",
        "|---|---|---|---|",
    ]
    rows = [f"| `{rule}` | {source} | {limits} | {passes} |" for rule, source, limits, passes in by_source(settings)]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1], "RULES.md").write_text(page(Settings()), encoding="utf-8")
