"""Charts as SVG: bars, a value each, with their figures as text; which figures, is decided elsewhere."""

import base64
from collections.abc import Sequence

from race_assets.display import html

ROW, GAP, LABELS, WIDTH, ROOM = 20, 4, 150, 300, 60
TITLE = 30
BAR, TEXT, QUIET = "#3b6fb6", "#333333", "#888888"


def bars(title: str, values: Sequence[tuple[str, float]], form: str = "{:,.0f}") -> str:
    """A horizontal bar for each value, from 0, its label before and its figure behind it.

    Args:
        title: what the chart shows; also its name for those who cannot see it.
        values: label and value, in the order they are shown; values are not negative.
        form: how a value is written.
    """
    height = TITLE + max(1, len(values)) * (ROW + GAP)
    most = max((value for _, value in values), default=0) or 1
    name = html(title)
    whole = LABELS + WIDTH + ROOM
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{name}" viewBox="0 0 {whole} {height}" '
        f'width="{whole}" height="{height}" font-family="sans-serif" font-size="12"><title>{name}</title>'
        '<rect width="100%" height="100%" fill="#ffffff"/>'
    )
    parts = [head, f'<text x="4" y="18" font-weight="bold" fill="{TEXT}">{name}</text>']
    if not values:
        parts.append(f'<text x="4" y="{TITLE + 14}" fill="{QUIET}">nothing to show</text>')
    for number, (label, value) in enumerate(values):
        top = TITLE + number * (ROW + GAP)
        length = WIDTH * value / most
        parts.append(
            f'<text x="{LABELS - 6}" y="{top + 14}" text-anchor="end" fill="{TEXT}">{html(label)}</text>'
            f'<rect x="{LABELS}" y="{top}" width="{length:.1f}" height="{ROW}" fill="{BAR}"/>'
            f'<text x="{LABELS + length + 5:.1f}" y="{top + 14}" fill="{TEXT}">{html(form.format(value))}</text>'
        )
    return "".join([*parts, "</svg>"])


def data_uri(svg: str) -> str:
    """A picture that needs no file."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
