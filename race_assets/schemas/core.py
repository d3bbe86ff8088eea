"""The tables people query: races, selections, prices, price points, form, analysis; not how they are made."""

import polars as pl

from race_assets.schemas.records import PAST_RUN, POINT, VIEW
from race_assets.schemas.table import INSTANT, LOCAL_TIME, TEXTS, column, table

AFTER_CURRENCY = ("volume_age_s", "best_back_stood_s", "best_lay_stood_s")
"""Columns of price points that Postgres keeps behind the currency, where migrations added them."""

PROCESSED_AT = column(INSTANT, "When this row was built, UTC.", required=True)

RACES = table(
    "core.races",
    "One row per race.",
    ("race_date", "race_id"),
    {
        "race_date": column(pl.Date, "Calendar date, at the track, of the scheduled off.", required=True),
        "race_id": column(pl.String, "`<track_id>-<YYYYMMDD>-<HHMM>`, the scheduled off at the track.", required=True),
        "track_id": column(pl.String, "The track in the registry.", required=True),
        "track": column(pl.String, "The track's name.", required=True),
        "country": column(pl.String, "`GB`, `IE`, `AU` or `NZ`.", required=True),
        "timezone": column(pl.String, "The track's IANA time zone.", required=True),
        "event_id": column(pl.String, "The first source's id of the meeting or event."),
        "event_name": column(pl.String, "The first source's name of the meeting."),
        "start_at": column(INSTANT, "Scheduled off, UTC.", required=True),
        "start_local": column(LOCAL_TIME, "Scheduled off, wall clock at the track.", required=True),
        "actual_off_at": column(INSTANT, "When the race really went off, UTC."),
        "race_number": column(pl.Int16, "Number of the race on the card."),
        "race_type": column(pl.String, "Grade or class: `A3`, `Gr5`, `HP`."),
        "distance_m": column(pl.Int32, "Distance in metres."),
        "status": column(
            pl.String,
            "`RESULT` a winner (or, from a place market alone, a placed dog) is known, `VOID` every runner is void, "
            "else `OPEN`.",
            required=True,
        ),
        "runner_count": column(pl.Int16, "Runners that stood: not scratched, not inactive.", required=True),
        "sources": column(TEXTS, "The sources that tell of the race, sorted.", required=True),
        "processed_at": PROCESSED_AT,
        "rejected_runners": column(
            pl.Int32,
            "Runners that the race lacks because their records were rejected: not scratched, and in no accepted record "
            "of any source. Records whose day or race cannot be inferred are not among them.",
            required=True,
        ),
        "has_conflicting_results": column(
            pl.Boolean,
            "Sources name different winners or positions, or one has a market void in which another has a winner or "
            "position: what the source first in `precedence.result` says stands.",
            required=True,
        ),
    },
)

SELECTIONS = table(
    "core.selections",
    "One row per runner of a race.",
    ("race_date", "selection_id"),
    {
        "race_date": column(pl.Date, "The race's date, at the track.", required=True),
        "selection_id": column(
            pl.String,
            "`<race_id>-t<trap>`; `-r1`, `-r2` for dogs replaced in that trap; `-n-<name>` without a trap.",
            required=True,
        ),
        "race_id": column(pl.String, "The race.", required=True),
        "trap": column(pl.Int16, "Trap (GB, IE), box or rug (AU, NZ)."),
        "runner_seq": column(
            pl.Int16, "0 for the dog that stands in the trap, 1, 2 for those it replaced.", required=True
        ),
        "dog_name": column(pl.String, "The dog's name."),
        "status": column(pl.String, "`ACTIVE`, `SCRATCHED` or `INACTIVE`.", required=True),
        "result": column(pl.String, "`WINNER`, `LOSER`, `PLACED` or `VOID`; from the win market where there is one."),
        "is_dead_heat": column(
            pl.Boolean, "Shared its place with another runner, by the account of one source.", required=True
        ),
        "finish_position": column(pl.Int16, "Position at the line, 1 is first."),
        "price": column(pl.Float64, "The best price known, decimal odds: see `price_kind`."),
        "price_kind": column(pl.String, "`BSP`, `LAST_TRADED`, `PRE_OFF_WAP`, `PRICE`, `SP` or `FORECAST`."),
        "price_source": column(pl.String, "The source of the price."),
        "bsp": column(pl.Float64, "Betfair starting price of the win market, decimal odds."),
        "sp_fraction": column(pl.String, "Starting price as written: `11/8F`."),
        "sp_decimal": column(pl.Float64, "Starting price, decimal odds."),
        "volume": column(pl.Float64, "Money matched on the runner in the win market, in `currency`."),
        "currency": column(pl.String, "Currency of that volume, ISO 4217; null where its source does not state it."),
        "sources": column(TEXTS, "The sources that tell of the runner, sorted.", required=True),
        "processed_at": PROCESSED_AT,
    },
)

PRICES = table(
    "core.prices",
    "One row per price a source gives for a runner.",
    ("race_date", "selection_id", "source", "market_type", "price_kind"),
    {
        "race_date": column(pl.Date, "The race's date, at the track.", required=True),
        "selection_id": column(pl.String, "The runner.", required=True),
        "source": column(pl.String, "Who says so.", required=True),
        "market_type": column(pl.String, "`WIN` or `PLACE`.", required=True),
        "price_kind": column(
            pl.String,
            "As in selections, and `PRE_OFF_MAX`, `PRE_OFF_MIN`, `MORNING_WAP`.",
            required=True,
        ),
        "price": column(pl.Float64, "Decimal odds.", required=True),
        "volume": column(pl.Float64, "Money matched at prices of this kind, in `currency`."),
        "currency": column(pl.String, "Currency of the volume, ISO 4217."),
        "observed_at": column(
            INSTANT,
            "When the price was known, UTC. `BSP`, `SP`, `PRE_OFF_*`: the off, which is the latest of the race's "
            "`start_at`, the actual off by any source, the source's own off (the actual one where it states it) and "
            "its last trade. `LAST_TRADED`, `PRICE`: when a stream published it, or the last poll before the off. Null "
            "where the source states no moment, as for `MORNING_WAP`, "
            "`FORECAST` and the `PRICE` of a file. Never when a file was landed or a market was settled.",
        ),
    },
)

RACE_LINKS = table(
    "core.race_links",
    "One row per market of a race that several providers tell of: how sure it is that it is the same race.",
    ("race_date", "race_id", "source", "market_id"),
    {
        "race_date": column(pl.Date, "The race's date, at the track.", required=True),
        "race_id": column(pl.String, "The race.", required=True),
        "source": column(pl.String, "Who tells of it.", required=True),
        "market_id": column(pl.String, "The source's market.", required=True),
        "method": column(
            pl.String,
            "`first` the one whose off stands, `dogs` linked by its dogs, `ids` by another provider's ids that its "
            "source uses, `decided` by a person.",
            required=True,
        ),
        "offset_s": column(pl.Int32, "Its off minus the one that stands, in seconds.", required=True),
        "runners": column(pl.Int16, "Names it tells.", required=True),
        "names_agreed": column(pl.Int16, "Those that are names of dogs known of the race."),
        "traps_agreed": column(pl.Int16, "Those of them in the same trap."),
        "score": column(pl.Float64, "How much speaks for the link, 0 to 1."),
        "runner_up_score": column(pl.Float64, "The best score of any other pair that either race was in."),
    },
)

PRICE_POINTS = table(
    "core.price_points",
    "One row per runner, source, market type and moment before the off: what was on offer and traded by then. "
    "No row uses anything its source told later than `noted_at`.",
    ("race_date", "selection_id", "source", "market_type", "seconds_before_off"),
    {
        "race_date": column(pl.Date, "The race's date, at the track.", required=True),
        "selection_id": column(pl.String, "The runner.", required=True),
        "source": column(pl.String, "Who says so.", required=True),
        "market_type": column(pl.String, "`WIN` or `PLACE`.", required=True),
        "seconds_before_off": POINT["seconds_before_off"],
        "noted_at": column(INSTANT, "The moment: the source's scheduled off minus those seconds, UTC.", required=True),
        **{name: POINT[name] for name in POINT if name not in {"seconds_before_off", *AFTER_CURRENCY}},
        "currency": column(pl.String, "Currency of the volume, ISO 4217."),
        **{name: POINT[name] for name in AFTER_CURRENCY},
    },
)

DOG_FORM = table(
    "core.dog_form",
    "One row per runner of a race and past run, as it was known on the card of that race. Trials are among them.",
    ("race_date", "selection_id", "source", "run_number"),
    {
        "race_date": column(pl.Date, "Date of the race the runner is in now, at the track.", required=True),
        "selection_id": column(pl.String, "The runner.", required=True),
        "source": column(pl.String, "Who says so.", required=True),
        **{name: PAST_RUN[name] for name in ("run_number", "run_id", "run_at", "run_date", "track_name")},
        "track_id": column(pl.String, "The track of that run in the registry; null where it is not known there."),
        **dict(list(PAST_RUN.items())[list(PAST_RUN).index("distance_m") :]),
    },
)

RACE_ANALYSIS = table(
    "core.race_analysis",
    "One row per runner and source that has a view of it before the race.",
    ("race_date", "selection_id", "source"),
    {
        "race_date": column(pl.Date, "The race's date, at the track.", required=True),
        "selection_id": column(pl.String, "The runner.", required=True),
        "race_id": column(pl.String, "The race.", required=True),
        "source": column(pl.String, "Who says so.", required=True),
        **VIEW,
    },
)
