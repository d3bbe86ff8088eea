"""What every log line says it is about: run, source, day; how a line looks is set in `observability/logs.py`."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from contextvars import copy_context
from datetime import date
from typing import ParamSpec, TypeVar

from structlog.contextvars import bound_contextvars

Given = ParamSpec("Given")
Result = TypeVar("Result")


def about(**fields: str) -> AbstractContextManager[None]:
    """Adds fields to the lines logged in a block; one that is empty is left as it was.

    Not around a `yield`: the lines of whoever takes what is yielded would have the fields as well.

    Args:
        fields: `run_id`, `source`, `day`, `file`, `session`.
    """
    return bound_contextvars(**{name: value for name, value in fields.items() if value})


def days_told(days: Collection[date]) -> str:
    """A day, or the first and the last of several, as the field `day`."""
    if not days:
        return ""
    first, last = min(days), max(days)
    return str(first) if first == last else f"{first}..{last}"


def carried(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Work for another thread, whose lines have the fields of this one."""
    context = copy_context()

    def run(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        return context.run(work, *args, **kwargs)

    return run
