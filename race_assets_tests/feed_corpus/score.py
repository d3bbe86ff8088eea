"""How many columns of a suggestion are right, how many rows pass under it, and whether an off that passes is wrong."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from race_assets.pipeline.feed_suggestion import TriedSuggestion, suggest_feed
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.feed_corpus.styles import Style

MATTER = (
    "track_name", "start_at", "trap", "selection_name", "price", "bsp", "last_traded", "sp_fraction",
    "finish_position", "result", "race_number", "distance_m", "race_type", "market_id",
)  # fmt: skip


@dataclass
class Score:
    """What was right for one style.

    Attributes:
        right: targets that are read from the right column, or rightly from none.
        wrong: targets with what was suggested and what is right.
        passed: the share of the rows about runners that pass; None where the entry cannot be used as it stands.
        wrong_offs: accepted rows whose off is not that of their race.
    """

    right: list[str] = field(default_factory=list)
    wrong: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    passed: float | None = None
    wrong_offs: int = 0

    @property
    def share(self) -> float:
        """Of the columns that matter, those that are right."""
        return len(self.right) / (len(self.right) + len(self.wrong))


def of(style: Style, workshop: Workshop, folder: Path) -> tuple[Score, TriedSuggestion]:
    """Return the score of what is suggested for a style, and the suggestion."""
    path = folder / style.file
    path.write_text(style.text(), encoding="utf-8")
    done = suggest_feed(workshop, path, "mine")
    score = Score()
    found = {target: origin for target, (origin, _) in done.suggestion.columns.items()}
    if style.is_racing:
        for target in MATTER:
            wanted = style.expected.get(target)
            if target in style.expected or target in found:
                if _same(found.get(target), wanted):
                    score.right.append(target)
                else:
                    score.wrong[target] = (found.get(target), wanted)
    elif done.suggestion.is_racing:
        score.wrong["is_racing"] = (True, False)
    else:
        score.right.append("is_racing")
    if done.tried is not None:
        account = done.tried.account
        score.passed = (account.accepted + account.duplicate_count) / (account.records_in - account.filtered_count)
        score.wrong_offs = _wrong_offs(done, style)
    return score, done


def _same(found: Any, wanted: Any) -> bool:
    """Whether the column is the one that is wanted; where only its name is, it may have a pattern."""
    if isinstance(wanted, dict):
        pattern = {key: value for key, value in wanted.items() if value is not None}
        return isinstance(found, dict) and pattern.items() <= found.items()
    return (found.get("column") if isinstance(found, dict) else found) == wanted


def _wrong_offs(done: TriedSuggestion, style: Style) -> int:
    assert done.tried is not None
    first = style.text().index("\n", len(style.header))
    header_lines = style.text()[: first + 1].count("\n")
    offs = style.offs()
    lines = len(style.row.splitlines())
    wrong = 0
    for row, at in done.tried.accepted.select("source_row", "start_at").iter_rows():
        known: datetime = offs[(row - header_lines - 1) // lines]
        wrong += at.replace(tzinfo=None) != known
    return wrong
