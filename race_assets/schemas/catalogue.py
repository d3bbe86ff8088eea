"""All tables by name, in the order a reader should meet them; declared in the modules beside this one."""

from race_assets.schemas.core import (
    DOG_FORM,
    PRICE_POINTS,
    PRICES,
    RACE_ANALYSIS,
    RACE_LINKS,
    RACES,
    SELECTIONS,
)
from race_assets.schemas.live import PRICE_TICKS, SESSIONS
from race_assets.schemas.ops import (
    BUILT_DAYS,
    CHART_DATA,
    DAY_PROBLEMS,
    EXPECTATIONS,
    FILE_ATTEMPTS,
    INGESTION_RUNS,
    LINK_DECISIONS,
    PUBLICATIONS,
    RACE_COUNTS,
    REJECTED,
    REJECTS,
    REVISIONS,
    SOURCE_FILES,
    WATCHED_FILES,
)
from race_assets.schemas.records import PARSED, PARSED_ANALYSIS, PARSED_FORM, PARSED_POINTS, RAW, RECORDS

CORE = {
    schema.name: schema for schema in (RACES, SELECTIONS, PRICES, PRICE_POINTS, DOG_FORM, RACE_ANALYSIS, RACE_LINKS)
}
IN_POSTGRES = {
    **CORE,
    **{
        s.name: s
        for s in (
            REJECTS,
            INGESTION_RUNS,
            SOURCE_FILES,
            BUILT_DAYS,
            PUBLICATIONS,
            REVISIONS,
            WATCHED_FILES,
            FILE_ATTEMPTS,
            LINK_DECISIONS,
        )
    },
    **{schema.name: schema for schema in (EXPECTATIONS, DAY_PROBLEMS, RACE_COUNTS, CHART_DATA, PRICE_TICKS, SESSIONS)},
}
IN_LAKE = {
    schema.name: schema for schema in (PARSED, PARSED_POINTS, PARSED_FORM, PARSED_ANALYSIS, RAW, RECORDS, REJECTED)
}
ALL = {**IN_POSTGRES, **IN_LAKE}
