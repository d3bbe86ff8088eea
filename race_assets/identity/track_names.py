"""Ids of track names and of sets of them, and what each name means in a registry, as numbers that can be compared."""

from collections.abc import Iterable
from hashlib import blake2b

import polars as pl

from race_assets.identity.tracks import TrackRegistry

NAMES = {"name_id": pl.Int64, "track_name": pl.String, "country": pl.String}
"""A track name with its country hint, as `TrackRegistry.resolve` takes them."""
MEANINGS = {**NAMES, "meaning": pl.Int64, "timezone": pl.String}
"""What names mean: `meaning` stands for id, name, country and zone of the track; `timezone` is null without one."""
MARK = "\x1f"


def number_of(text: str) -> int:
    """Return 64 bits of a hash of the text, as Postgres keeps them."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def with_ids(names: pl.DataFrame) -> pl.DataFrame:
    """Return the names as NAMES.

    Args:
        names: `track_name` without nulls, and `country`.
    """
    ids = [number_of(name if country is None else f"{name}{MARK}{country}") for name, country in names.iter_rows()]
    return (
        names.select("track_name", "country").with_columns(name_id=pl.Series(ids, dtype=pl.Int64)).select(list(NAMES))
    )


def set_id(name_ids: Iterable[int]) -> int:
    """Return the id of a set of names, given in order."""
    return number_of(MARK.join(map(str, name_ids)))


def meanings(registry: TrackRegistry, names: pl.DataFrame) -> pl.DataFrame:
    """Return MEANINGS of the names.

    Args:
        registry: decides them.
        names: NAMES.
    """
    hints = names.with_columns(hint="country")
    resolved = registry.resolve(hints).join(registry.frame.select("track_id", "track"), on="track_id", how="left")
    told = [
        number_of(MARK.join([str(name_id), *("" if cell is None else cell for cell in cells)]))
        for name_id, *cells in resolved.select("name_id", "track_id", "track", "country", "timezone").iter_rows()
    ]
    by_id = resolved.with_columns(country="hint", meaning=pl.Series(told, dtype=pl.Int64))
    return by_id.select(list(MEANINGS))
