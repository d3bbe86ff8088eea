"""Which peers a benchmark can be held against in this environment: a peer's package may not be installed."""

from collections.abc import Iterable
from importlib.util import find_spec

PACKAGES = {
    "dlt": "dlt",
    "dlt tuned": "dlt",
    "DuckDB": "duckdb",
    "betfair_data": "betfair_data",
    "betfair_data x2": "betfair_data",
    "betfair_data objects": "betfair_data",
    "betfairlightweight": "betfairlightweight",
}
"""The package of each contestant that is not ours and not a plain COPY or bz2."""

REMEDY = "`make bench` installs them, or pip install --editable '.[bench]'"


def missing(names: Iterable[str]) -> dict[str, str]:
    """Return those contestants that cannot run here, each with the package it lacks."""
    return {name: PACKAGES[name] for name in names if name in PACKAGES and find_spec(PACKAGES[name]) is None}


def present(names: Iterable[str]) -> list[str]:
    """Return those contestants that can run here."""
    names = list(names)
    lacking = missing(names)
    return [name for name in names if name not in lacking]


def described(lacking: dict[str, str]) -> str:
    """Return a sentence on contestants that cannot run, and how to get their packages."""
    packages = ", ".join(sorted(set(lacking.values())))
    return f"{', '.join(lacking)}: not installed here: {packages}; {REMEDY}"
