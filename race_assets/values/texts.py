"""Texts put together from columns, as Polars expressions."""

import polars as pl


def formatted(template: str, *parts: pl.Expr | str) -> pl.Expr:
    """Return a text with each `{}` replaced by a part; null where a part is.

    Polars 2.1 panics in `pl.format` on a frame whose first chunk is empty, as a filter may leave it.

    Args:
        template: text with one `{}` for each part.
        parts: expressions of any type, or names of columns.
    """
    texts = template.split("{}")
    pieces = [pl.lit(texts[0])]
    for part, text in zip(parts, texts[1:], strict=True):
        pieces += [(pl.col(part) if isinstance(part, str) else part).cast(pl.String), pl.lit(text)]
    return pl.concat_str(pieces)
