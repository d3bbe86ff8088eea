"""Print sentences, tables and data for programs; every command prints through this module.

Text is made `visible` here, since names of files and dogs, cells and answers of servers are part of most of it.
"""

import sys
from collections.abc import Collection, Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from race_assets.display import visible, visible_lines
from race_assets.errors import RaceAssetsError

WIDTH_OF_FILES = 200


def line(sentence: str, style: str = "") -> None:
    """Print a sentence."""
    styled([(sentence, style)])


def styled(parts: Iterable[tuple[str, str]]) -> None:
    """Print a sentence whose parts have styles of their own."""
    sentence = Text()
    for words, style in parts:
        sentence.append(visible(words), style or "default")
    text(sentence)


def text(shown: Text) -> None:
    """Print a line made by Rich; its styles are left out where hidden characters are in it."""
    plain = visible(shown.plain)
    output().print(shown if plain == shown.plain else Text(plain), soft_wrap=True)


def heading(title: str) -> None:
    """Print a title with room above."""
    output().print(Text(f"\n{visible(title)}", style="bold"))


def failure(reason: object) -> None:
    """Print a failure to stderr; it may have several lines."""
    # The message of an error of ours is visible by itself, and may hold several mistakes.
    shown = str(reason) if isinstance(reason, RaceAssetsError) else visible_lines(reason)
    errors().print(Text(shown, style="red"), soft_wrap=True)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None, right: Collection[str] = ()
) -> None:
    """Print rows below the names of their columns.

    Args:
        right: names of columns that are set to the right, such as those of figures.
    """
    shown = Table(box=None, header_style="bold", pad_edge=False)
    if title:
        shown.title, shown.title_justify = Text(visible(title)), "left"
    for name in columns:
        shown.add_column(Text(visible(name)), justify="right" if name in right else "left")
    for row in rows:
        shown.add_row(*(Text("" if cell is None else visible(cell)) for cell in row))
    output().print(shown)


def data(exact: str) -> None:
    """Print text for programs as it is; on a terminal, which would act on hidden characters, they are made visible."""
    sys.stdout.write("\n".join(map(visible, exact.split("\n"))) if sys.stdout.isatty() else exact)
    # At the exit of the process nobody would hear of a full disk.
    sys.stdout.flush()


def output() -> Console:
    """Return stdout; wide enough for a file when it is no terminal."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=WIDTH_OF_FILES)


def errors() -> Console:
    """Return stderr, where progress and failures go, so that output can be piped."""
    return Console(stderr=True, highlight=False)
