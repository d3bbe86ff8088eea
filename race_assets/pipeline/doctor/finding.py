"""One finding of the doctor."""

from dataclasses import dataclass

OK, WARNING, PROBLEM, SKIPPED = "ok", "warning", "problem", "skipped"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        thing: what was looked at.
        state: `ok`; `warning`, it works and a person should know; `problem`, it does not; `skipped`, not looked at.
        said: what was found.
        step: the one thing to do next; empty where there is nothing to do.
        is_credentials: the problem is one of settings or credentials.
    """

    thing: str
    state: str
    said: str
    step: str = ""
    is_credentials: bool = False


def well(thing: str, said: str) -> Finding:
    """It works."""
    return Finding(thing, OK, said)


def skipped(thing: str, why: str) -> Finding:
    """It was not looked at."""
    return Finding(thing, SKIPPED, why)
