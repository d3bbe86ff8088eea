"""The best one-to-one choice, against every choice there is."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from race_assets.identity.assignment import best_pairs

SIDES = st.integers(0, 4)
SCORES = st.dictionaries(st.tuples(SIDES, SIDES), st.sampled_from([0.2, 0.25, 0.5, 0.81, 1.0]))


@given(SCORES)
def test_no_choice_is_worth_more_and_no_side_is_chosen_twice(scores: dict[tuple[int, int], float]) -> None:
    chosen = best_pairs(scores)
    assert len({left for left, _ in chosen}) == len({right for _, right in chosen}) == len(chosen)
    most = max(sum(scores.get(pair, 0) for pair in enumerate(order)) for order in permutations(range(5)))
    assert abs(sum(scores[pair] for pair in chosen) - most) < 1e-9


@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(scores: dict[tuple[int, int], float], random: object) -> None:
    pairs = list(scores)
    random.shuffle(pairs)  # type: ignore[attr-defined]
    assert best_pairs({pair: scores[pair] for pair in pairs}) == best_pairs(scores)
