"""Which source is believed where several tell of one race or dog; it is applied in `normalise` and `identity`."""

from collections.abc import Iterable

from pydantic import Field

from race_assets.settings.nodes import Node

DEFAULT = (
    "betfair_historic",
    "betfair_exchange",
    "betfair_bsp",
    "betfair_csv",
    "gbgb_results",
    "betfair_hub",
    "racing_post_races",
    "racing_post_form",
    "racing_post_analysis",
)
FULL_NAMES = ("gbgb_results", "racing_post_races")
NAMES = (*FULL_NAMES, *(name for name in DEFAULT if name not in FULL_NAMES))
Sources = tuple[str, ...]


class Precedence(Node):
    """Sources by fact, the one that is believed first; those not named come after, by name."""

    start: Sources = Field(DEFAULT, description="scheduled off and trap; others are linked to it, and held against it")
    name: Sources = Field(NAMES, description="the dog's name; a name that was cut comes after all others")
    status: Sources = Field(DEFAULT, description="whether the dog ran")
    result: Sources = Field(DEFAULT, description="result, position and dead heat")
    price: Sources = Field(DEFAULT, description="among prices of one kind, volumes and starting prices")
    facts: Sources = Field(DEFAULT, description="what else is known of a race: grade, distance, number, event")

    def ranks(self, fact: str, sources: Iterable[str]) -> dict[str, int]:
        """The place of each source for a fact, from 0."""
        found = set(sources)
        named: Sources = getattr(self, fact)
        order = dict.fromkeys([*(name for name in named if name in found), *sorted(found)])
        return {name: place for place, name in enumerate(order)}
