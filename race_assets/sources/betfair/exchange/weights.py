"""How many markets one request may ask about: Betfair weighs what is asked for (API_CONTRACTS 3.6)."""

from collections.abc import Iterator, Sequence

MOST_POINTS = 200
MOST_IDS = 250
DEPTH = 3
"""Levels of offers that the weight of EX_BEST_OFFERS stands for."""

CATALOGUE = {"MARKET_DESCRIPTION": 1, "RUNNER_METADATA": 1}
BOOK = {"SP_AVAILABLE": 3, "SP_TRADED": 7, "EX_BEST_OFFERS": 5, "EX_ALL_OFFERS": 17, "EX_TRADED": 17}
BARE = 2
TOGETHER = 2
"""Points less where offers and EX_TRADED are asked for at once."""


def book_points(price_data: Sequence[str], depth: int = DEPTH) -> float:
    """What one market of a listMarketBook weighs."""
    wanted = set(price_data)
    points: float = sum(BOOK[name] for name in wanted) or BARE
    if "EX_BEST_OFFERS" in wanted:
        points += BOOK["EX_BEST_OFFERS"] * (depth / DEPTH - 1)
    return points - (TOGETHER if "EX_TRADED" in wanted and wanted & {"EX_BEST_OFFERS", "EX_ALL_OFFERS"} else 0)


def books_at_once(price_data: Sequence[str], depth: int = DEPTH) -> int:
    """How many markets a listMarketBook may ask about."""
    return max(1, min(MOST_IDS, int(MOST_POINTS // book_points(price_data, depth))))


def catalogue_at_once(projection: Sequence[str]) -> int:
    """The largest `maxResults` of a listMarketCatalogue; it counts, not what comes back."""
    points = sum(CATALOGUE.get(name, 0) for name in projection)
    return MOST_POINTS // points if points else 1000


def packed(market_ids: Sequence[str], most: int) -> Iterator[list[str]]:
    """The markets in requests of at most so many."""
    for at in range(0, len(market_ids), most):
        yield list(market_ids[at : at + most])
