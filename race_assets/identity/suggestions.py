"""Which tracks a name that is not in the registry may mean: those it abbreviates, and those whose names are nearest."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel

CODE = "[A-Za-z]{3,6}"
"""What may be an abbreviation of a track's name, such as "Gawl"."""

LONGEST_COMPARED = 100
"""Letters of a name that are compared; the longest name of a track has 30."""


@dataclass(frozen=True)
class KnownName:
    """A name of a track.

    Attributes:
        key: what spellings of it have in common.
        countries: under which sources file its track.
    """

    track_id: str
    key: str
    countries: frozenset[str]


class TrackSuggestions:
    """Compares names with those of all tracks; a comparison takes a fraction of a millisecond.

    Args:
        names: of all tracks.
        key: returns what spellings of a name have in common.
    """

    def __init__(self, names: Iterable[KnownName], key: Callable[[str], str]) -> None:
        self._names = tuple(names)
        self._letters = [(each, each.key.replace(" ", "")) for each in self._names]
        self._key = key

    def fitting(self, code: str, countries: set[str]) -> set[str]:
        """Return the ids of the tracks that a code of three to six letters may abbreviate.

        Args:
            code: first letter alike, the others in their order; anything else abbreviates nothing.
            countries: to look in; empty means all.
        """
        if not re.fullmatch(CODE, code):
            return set()
        wanted = code.lower()
        return {
            each.track_id
            for each, letters in self._letters
            if (not countries or countries & each.countries) and _abbreviates(wanted, each.key, letters)
        }

    def likeness(self, name: str, countries: set[str]) -> dict[str, float]:
        """Return by track id how alike a name and the nearest of the track's names are, 0 to 1.

        Args:
            name: as given.
            countries: to look in; all where it is empty, or none of them has a track.
        """
        wanted = self._key(name)[:LONGEST_COMPARED]
        inside: Sequence[KnownName] = [each for each in self._names if countries & each.countries]
        likeness: dict[str, float] = {}
        for each in inside or self._names:
            ratio = Indel.normalized_similarity(wanted, each.key)
            likeness[each.track_id] = max(likeness.get(each.track_id, 0.0), ratio)
        return likeness


def _abbreviates(code: str, key: str, letters: str) -> bool:
    """Return whether a longer name begins with the code's first letter and has the others in their order behind it."""
    left = iter(letters)
    return len(key) > len(code) and code[0] == next(left, None) and all(each in left for each in code[1:])
