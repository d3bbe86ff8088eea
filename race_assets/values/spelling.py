"""Compare two spellings of a dog's name."""

from rapidfuzz.distance import OSA, Prefix

LIKE_ENOUGH, SLIPS = 0.5, 2


def are_spellings(one: str, other: str) -> bool:
    """Return whether two names of one trap are one dog: few letters differ, or few after the kennel's name.

    Args:
        one: as `names.match_name` gives it.
        other: likewise.
    """
    if OSA.distance(one, other) <= SLIPS:
        return True
    shared = Prefix.similarity(one, other)
    return OSA.normalized_similarity(one[shared:], other[shared:]) >= LIKE_ENOUGH
