"""`core.race_links` out of records that know their race; how races are linked is in `identity.linking`."""

import polars as pl

from race_assets.schemas.core import RACE_LINKS
from race_assets.schemas.table import conform

KEY = ["race_date", "race_id", "source", "market_id"]


def race_links(keyed: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """`core.race_links` of these records, sorted by key.

    Args:
        keyed: records as `runners.assign` gives them, with `told` and `is_borrowed`.
        links: `identity.linking.LINKS`; those of races that are not among the records are left out.
    """
    if not links.height:
        return conform(pl.DataFrame(schema={"race_date": pl.Date}), RACE_LINKS)
    # A market whose source does not name it is what its source tells of that race.
    markets = keyed.select(*KEY, "told", "is_borrowed").unique()
    joined = (
        markets.join(links, on=["told", "is_borrowed"])
        .sort(*KEY, "told")
        .unique(KEY, keep="first", maintain_order=True)
    )
    return conform(joined, RACE_LINKS)
