"""What `race-assets links` shows: doubtful races, and the evidence for and against each of their candidates."""

from collections.abc import Iterator, Sequence
from typing import Any

from race_assets.pipeline.link_review import Candidate, Review, Told

COLUMNS = (
    "race_date", "source", "market", "off", "perhaps", "its market", "its off", "score", "dogs agreed", "alike", "of",
)  # fmt: skip


def listed(reviews: Sequence[Review]) -> list[tuple[Any, ...]]:
    """A row per doubtful race, with its most probable candidate; see COLUMNS."""
    return [_row(review) for review in reviews]


def _row(review: Review) -> tuple[Any, ...]:
    head = (review.race_date, *review.told.market, _off(review.told))
    if not review.candidates:
        return (*head, *[None] * (len(COLUMNS) - len(head)))
    best = review.candidates[0]
    counts = (round(best.score, 3), best.names_agreed, best.names_alike, best.compared)
    return (*head, *best.told.market, _off(best.told), *counts)


def explained(review: Review) -> Iterator[str]:
    """The lines that tell a told race and its candidates apart, and what to do."""
    yield f"{review.race_date}, {' '.join(review.told.market)}, off {_off(review.told)} UTC"
    yield f"  {_dogs(review.told)}"
    yield f"  {review.message or 'it has its place'}"
    for candidate in review.candidates:
        yield from _candidate(review, candidate)
    if not review.candidates:
        yield "no other race of its track is off near it"


def _candidate(review: Review, candidate: Candidate) -> Iterator[str]:
    decided = {None: "", True: ", decided: one race", False: ", decided: two races"}[candidate.is_one]
    yield ""
    yield f"{candidate.verdict}: {' '.join(candidate.told.market)}, off {_off(candidate.told)} UTC{decided}"
    yield f"  {_dogs(candidate.told)}"
    yield (
        f"  probability {candidate.score:.3f}: of {candidate.compared} dogs {candidate.names_agreed} agree, "
        f"{candidate.names_alike} are alike, {candidate.traps_agreed} in the same trap; "
        f"{abs(candidate.offset_s)} s apart"
    )
    both = " ".join((*review.told.market, *candidate.told.market))
    yield f"  race-assets links accept {both} --reason …"
    yield f"  race-assets links refuse {both} --reason …"


def _off(told: Told) -> str:
    return f"{told.off:%H:%M}"


def _dogs(told: Told) -> str:
    return "; ".join(f"{trap or '-'} {name}" for trap, name in told.dogs)
