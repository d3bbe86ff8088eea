"""The record: one runner in one market as one source tells it, with its price points; nothing of core."""

import polars as pl

from race_assets.schemas.table import INSTANT, LOCAL_TIME, TEXTS, column, table

RACE = {
    "market_id": column(
        pl.String, "The market: Betfair's as `1.<digits>`, else what the source's rows are grouped by."
    ),
    "event_id": column(pl.String, "The source's id of the meeting or event."),
    "event_name": column(pl.String, "The source's name of the meeting, as given."),
    "market_type": column(pl.String, "`WIN` or `PLACE`."),
    "track_name": column(pl.String, "The venue as the source writes it."),
}
RUNNER = {
    "start_at": column(INSTANT, "Scheduled off, UTC."),
    "race_date": column(pl.Date, "Calendar date, at the track, of the scheduled off."),
    "race_type": column(pl.String, "Grade or class: `A3`, `Gr5`, `HP`."),
    "distance_m": column(pl.Int32, "Distance in metres."),
    "race_number": column(pl.Int16, "Number of the race on the card."),
    "selection_id": column(pl.String, "The source's id of the runner; Betfair's runner key is (market, selection)."),
    "selection_name": column(pl.String, "The runner as the source writes it."),
    "trap": column(pl.Int16, "Trap (GB, IE), box or rug (AU, NZ)."),
    "dog_name": column(pl.String, "The dog's name without trap, reserve or country marks."),
    "status": column(pl.String, "`ACTIVE` declared or ran, `SCRATCHED` withdrawn, `INACTIVE` never in the betting."),
    "result": column(pl.String, "`WINNER`, `LOSER`, `PLACED` or `VOID`."),
    "is_dead_heat": column(pl.Boolean, "Shared its place with another runner."),
    "finish_position": column(pl.Int16, "Position at the line, 1 is first."),
    "price": column(pl.Float64, "The source's plain price, decimal odds."),
    "price_kind": column(pl.String, "What the plain price is: `PRICE`, `SP`, `FORECAST`."),
    "volume": column(pl.Float64, "Money matched on the runner, in `currency`."),
    "currency": column(pl.String, "Currency of the volumes, ISO 4217."),
    "bsp": column(pl.Float64, "Betfair starting price, decimal odds."),
    "last_traded": column(pl.Float64, "Last price matched before the off, decimal odds."),
    "pre_off_wap": column(pl.Float64, "Volume-weighted average price matched before the off."),
    "pre_off_max": column(pl.Float64, "Highest price matched before the off."),
    "pre_off_min": column(pl.Float64, "Lowest price matched before the off."),
    "pre_off_volume": column(pl.Float64, "Money matched before the off, in `currency`."),
    "morning_wap": column(pl.Float64, "Volume-weighted average price of the morning's trading."),
    "morning_volume": column(pl.Float64, "Money matched in the morning, in `currency`."),
    "sp_fraction": column(pl.String, "Starting price as written: `11/8F`."),
    "sp_decimal": column(pl.Float64, "Starting price, decimal odds."),
    "favourite": column(pl.String, "`F` favourite, `JF` joint, `CF` co-favourite."),
    "actual_off_at": column(INSTANT, "When the race really went off, UTC."),
    "observed_at": column(INSTANT, "When the source said it; else when its file was first landed, UTC."),
    "point_count": column(pl.Int32, "Price points the source gives of the runner in this market; null is none."),
}
WALL_CLOCK = {
    "start_local": column(LOCAL_TIME, "Scheduled off as clocks at the track show it, where the source says no more."),
    "actual_off_local": column(LOCAL_TIME, "Actual off as clocks at the track show it, where the source says no more."),
}
ORIGIN = {
    "source": column(pl.String, "Name of the source.", required=True),
    "source_file": column(pl.String, "sha256 of the file's original bytes.", required=True),
    "source_row": column(pl.Int64, "Line of the file the record begins on; the first line is 1.", required=True),
    "byte_offset": column(pl.Int64, "Where that line begins in the file, decompressed, in bytes.", required=True),
}
PLACE = {
    "track_id": column(pl.String, "The track in the registry: `gb-romford`."),
    "country": column(pl.String, "`GB`, `IE`, `AU` or `NZ`."),
}

PROBLEM = pl.Struct({"rule": pl.String, "message": pl.String})
"""Why a parser holds a row to be wrong: the rule's id and a message with the offending value."""

POINT = {
    "seconds_before_off": column(pl.Int32, "Whole seconds before the off its source scheduled.", required=True),
    "best_back": column(pl.Float64, "Best price on offer to back, decimal odds."),
    "best_back_age_s": column(pl.Float64, "How long it had been so, in seconds."),
    "best_lay": column(pl.Float64, "Best price on offer to lay, decimal odds."),
    "best_lay_age_s": column(pl.Float64, "How long it had been so, in seconds."),
    "last_traded": column(pl.Float64, "Last price matched, decimal odds."),
    "last_traded_age_s": column(pl.Float64, "How long ago that was told, in seconds."),
    "volume": column(pl.Float64, "Money matched on the runner in this market so far, in `currency`."),
    "volume_age_s": column(pl.Float64, "How long ago it last grew, in seconds."),
}
"""What was known of a runner at one moment before the off: nothing in it may have been told later than that moment."""

POINTS = pl.List(pl.Struct({name: declared.dtype.type for name, declared in POINT.items()}))
"""The column `points` a parser may hand over beside those of PARSED: a record's points, each second at most once."""

FINDINGS = {
    "filtered": column(
        pl.String, "Why the row is not about a runner of a race: `forecast`, `match_bet`, …; else null."
    ),
    "problems": column(pl.List(PROBLEM), "What the parser found wrong with the row; null is nothing."),
    "notes": column(TEXTS, "What the parser did to the row that a person may want counted: `sentinel_bsp`, …"),
}

RECORD_KEY = ("source", "market_id", "selection_id", "market_type")

RECORDS = table(
    "validated.records",
    "Accepted records of all sources: one row is one runner in one market as one source tells it.",
    ("race_date", *RECORD_KEY),
    {**ORIGIN, **RACE, **PLACE, **RUNNER},
)

PARSED = table(
    "parsed",
    "What a source's parser hands over: records before track and day are settled.",
    ("source_row", "market_type"),
    {
        "source_row": ORIGIN["source_row"],
        "byte_offset": ORIGIN["byte_offset"],
        **RACE,
        "country": column(pl.String, "Country the source states, or `GB/IE` where it leaves the two open."),
        **RUNNER,
        **WALL_CLOCK,
        **FINDINGS,
    },
)

PARSED_POINTS = table(
    "parsed.points",
    "The price points of a file's records, beside them; a file without points has none of this.",
    ("source_row", "market_type", "seconds_before_off"),
    {
        "race_date": column(pl.Date, "The record's race date.", required=True),
        "source_row": ORIGIN["source_row"],
        "market_type": column(pl.String, "The record's market type.", required=True),
        **POINT,
    },
)

RAW = table(
    "raw",
    "One source's records of one day, all of them: also the filtered, the doubtful and the superseded.",
    ("source_file", "source_row", "market_type"),
    {
        **RECORDS.columns,
        **WALL_CLOCK,
        **FINDINGS,
        "superseded": column(pl.Boolean, "A newer version of the same file tells this day.", required=True),
    },
)
