"""The best one-to-one choice among scored pairs; what a score means is its caller's to know."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

Pair = tuple[int, int]


def best_pairs(scores: dict[Pair, float]) -> set[Pair]:
    """The pairs, none sharing a side with another, whose scores add up to the most.

    Args:
        scores: score by left and right, above 0; pairs not named cannot be chosen.

    Returns:
        the chosen pairs; the same for the same scores, whatever their order.
    """
    chosen: set[Pair] = set()
    for part in _connected(sorted(scores)):
        if len(part) == 1:
            chosen.update(part)
            continue
        lefts, rights = (sorted({pair[side] for pair in part}) for side in (0, 1))
        gains = [[scores.get((left, right), 0.0) for right in rights] for left in lefts]
        chosen |= {(lefts[row], rights[column]) for row, column in _assignment(gains) if gains[row][column] > 0}
    return chosen


def _connected(pairs: Sequence[Pair]) -> Iterable[list[Pair]]:
    """The pairs in groups that share no side with each other."""
    group: dict[tuple[str, int], tuple[str, int]] = {}

    def top(node: tuple[str, int]) -> tuple[str, int]:
        while (above := group.setdefault(node, node)) != node:
            group[node] = node = group[above]
        return node

    for left, right in pairs:
        group[top(("right", right))] = top(("left", left))
    parts: dict[tuple[str, int], list[Pair]] = defaultdict(list)
    for pair in pairs:
        parts[top(("left", pair[0]))].append(pair)
    return parts.values()


def _assignment(gains: list[list[float]]) -> list[Pair]:
    """Row and column of each choice, by the Hungarian method with potentials: rows times rows times columns steps."""
    if len(gains) > len(gains[0]):
        return [(row, column) for column, row in _assignment([list(column) for column in zip(*gains, strict=True)])]
    rows, columns = len(gains), len(gains[0])
    of_row, of_column = [0.0] * (rows + 1), [0.0] * (columns + 1)
    # Column 0 stands for "none yet"; rows and columns are counted from 1.
    taken_by = [0] * (columns + 1)
    for row in range(1, rows + 1):
        taken_by[0] = row
        column, came_from = 0, [0] * (columns + 1)
        slack, seen = [float("inf")] * (columns + 1), [False] * (columns + 1)
        while taken_by[column]:
            seen[column] = True
            current = taken_by[column]
            for other in range(1, columns + 1):
                if not seen[other]:
                    price = -gains[current - 1][other - 1] - of_row[current] - of_column[other]
                    if price < slack[other]:
                        slack[other], came_from[other] = price, column
            step, column = min((slack[other], other) for other in range(1, columns + 1) if not seen[other])
            for other in range(columns + 1):
                if seen[other]:
                    of_row[taken_by[other]] += step
                    of_column[other] -= step
                else:
                    slack[other] -= step
        while column:
            taken_by[column] = taken_by[came_from[column]]
            column = came_from[column]
    return [(taken_by[column] - 1, column - 1) for column in range(1, columns + 1) if taken_by[column]]
