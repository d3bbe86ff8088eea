"""How right suggested feeds are on public header styles; `python -m benchmarks.feed_suggest` prints the table."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.feed_corpus import score
from race_assets_tests.feed_corpus.styles import STYLES


def main() -> int:
    """Print the score of each style; end with 1 where an entry accepts a wrong off."""
    table = Table("style", "columns right", "rows that pass", "wrong offs", "not right")
    right = wrong = wrong_offs = 0
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Settings(home=Path(folder)))
        for style in STYLES:
            scored, done = score.of(style, workshop, Path(folder))
            right, wrong = right + len(scored.right), wrong + len(scored.wrong)
            wrong_offs += scored.wrong_offs
            passed = "no racing data" if not done.suggestion.is_racing else "needs an off"
            table.add_row(
                style.name,
                f"{len(scored.right)} of {len(scored.right) + len(scored.wrong)}",
                passed if scored.passed is None else f"{scored.passed:.0%}",
                str(scored.wrong_offs),
                "; ".join(f"{target}: {found} for {wanted}" for target, (found, wanted) in scored.wrong.items()),
            )
    console = Console(width=160)
    console.print(table)
    console.print(f"{right} of {right + wrong} columns right ({right / (right + wrong):.1%}), {wrong_offs} wrong offs")
    return 1 if wrong_offs else 0


if __name__ == "__main__":
    sys.exit(main())
