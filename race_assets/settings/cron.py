"""Cron expressions as settings."""

import re
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator

FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
NAMES = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "weekday": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""The most days each month has, from 1."""
PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([1-9]\d?))?")


def _valid(cron: str) -> str:
    """Return the expression.

    Raises:
        ValueError: it has not five fields, or one of them is out of its range.
    """
    fields = cron.split()
    if len(fields) != len(FIELDS):
        raise ValueError("must have the five fields of cron: minute, hour, day, month, weekday")
    for text, (name, limits) in zip(fields, FIELDS.items(), strict=True):
        if not all(_is_part(part, name, limits) for part in text.lower().split(",")):
            raise ValueError(f"its {name} is {text!r}; write *, {limits[0]} to {limits[1]}, 1-5, */15 or a list 1,3")
    _, _, day, month, weekday = cron.lower().split()
    longest = max(DAYS[each] for each in _numbers(month, "month"))
    if weekday == "*" and min(_numbers(day, "day")) > longest:
        raise ValueError(f"{cron!r} never comes: month {month} has no day {day}")
    return cron


def _numbers(text: str, name: str) -> set[int]:
    """Return the numbers that a valid field stands for."""
    numbers: set[int] = set()
    for part in text.split(","):
        limits, _, step = part.partition("/")
        first, _, last = limits.partition("-")
        begin = FIELDS[name][0] if first == "*" else _number(first, name)
        end = _number(last, name) if last else FIELDS[name][1] if first == "*" or step else begin
        numbers |= set(range(begin, end + 1, int(step or 1)))
    return numbers


def _number(text: str, name: str) -> int:
    return int(text) if text.isdecimal() else NAMES[name].index(text) + (name == "month")


def _is_part(part: str, name: str, limits: tuple[int, int]) -> bool:
    found = PART.fullmatch(part)
    if found is None:
        return False
    names = NAMES.get(name, [])
    ends = [text for text in found.groups()[:2] if text]
    if not all(text.isascii() and (text.isdecimal() or text in names) for text in ends):
        return False
    numbers = [_number(text, name) for text in ends]
    return all(limits[0] <= each <= limits[1] for each in numbers) and all(a <= b for a, b in pairwise(numbers))


Cron = Annotated[str, AfterValidator(_valid)]
"""Five fields of cron: minute, hour, day of the month, month, weekday."""
