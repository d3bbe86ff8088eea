"""Dates that the name of a file states; what its rows say is not looked at here."""

import re
from datetime import date

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR, _TWO, _BETWEEN = r"(?:19|20)\d\d", r"\d\d", r"[-_./ ]?"
# Eight digits may be read both ways: 19012000 begins like a year, and is the 19th of January.
_NUMBERS = (
    re.compile(rf"(?<!\d)(?P<y>{_YEAR}){_BETWEEN}(?P<m>{_TWO}){_BETWEEN}(?P<d>{_TWO})(?!\d)"),
    re.compile(rf"(?<!\d)(?P<d>{_TWO}){_BETWEEN}(?P<m>{_TWO}){_BETWEEN}(?P<y>{_YEAR})(?!\d)"),
)
_WORDS = re.compile(rf"(?i)(?<!\d)(?P<y>{_YEAR})/(?P<m>{'|'.join(MONTHS)})/(?P<d>\d\d?)(?!\d)")


def dates_in(name: str) -> set[date]:
    """The dates a file's name states: `2024-06-27`, `20240627`, `27062024` (day first), `2024/Jun/27`.

    Args:
        name: with its folders, as in an inbox.

    Returns:
        those that exist; a name may well have none.
    """
    found = set()
    for pattern in _NUMBERS:
        for match in pattern.finditer(name):
            found.add(_date(match["y"], match["m"], match["d"]))
    for match in _WORDS.finditer(name):
        found.add(_date(match["y"], str(MONTHS.index(match["m"].lower()) + 1), match["d"]))
    return {day for day in found if day is not None}


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
