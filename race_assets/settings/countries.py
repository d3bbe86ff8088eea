"""Countries as settings."""

import re
from typing import Annotated

from pydantic import AfterValidator

CODE = re.compile("[A-Z]{2}")


def _codes(countries: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes.

    Raises:
        ValueError: one of them is no code of ISO 3166, such as UK: a filter by it would find nothing.
    """
    for country in countries:
        if country == "UK":
            raise ValueError("UK is not an ISO code: write GB")
        if not CODE.fullmatch(country):
            raise ValueError(f"{country!r} is not an ISO code of two capital letters, such as GB, IE, AU or NZ")
    return countries


Countries = Annotated[tuple[str, ...], AfterValidator(_codes)]
"""ISO 3166 codes of two letters, as Betfair filters by them."""
