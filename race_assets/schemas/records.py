"""The record: one runner in one market as one source tells it, and what is told beside it; nothing of core."""

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
    "observed_at": column(
        INSTANT,
        "The moment the source states for the record's last traded or plain price, UTC: when a stream published that "
        "price; of a live recording the last poll before the off. Null where the source states none. When files were "
        "landed is in `ops.source_files`.",
    ),
    "point_count": column(pl.Int32, "Price points the source gives of the runner in this market; null is none."),
    "form_count": column(pl.Int32, "Past runs of the runner the source gives with this race; null is none."),
    "analysis_count": column(pl.Int32, "1 where the source has a view of the runner in this race; null is none."),
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

PROBLEM = pl.Struct({"rule": pl.String, "message": pl.String, "column": pl.String})
"""Why a parser finds a row wrong: the rule's id, a message with the offending value, and the column it could not read;
null where that is the whole row."""

POINT = {
    "seconds_before_off": column(pl.Int32, "Whole seconds before the off its source scheduled.", required=True),
    "best_back": column(pl.Float64, "Best price on offer to back, decimal odds."),
    "best_back_age_s": column(
        pl.Float64,
        "Seconds since the last message about prices to back, whether or not it changed the best; how fresh it is.",
    ),
    "best_lay": column(pl.Float64, "Best price on offer to lay, decimal odds."),
    "best_lay_age_s": column(
        pl.Float64,
        "Seconds since the last message about prices to lay, whether or not it changed the best; how fresh it is.",
    ),
    "last_traded": column(
        pl.Float64, "Last price matched, decimal odds: Betfair's own `ltp`, but for what was taken back."
    ),
    "last_traded_age_s": column(
        pl.Float64, "Seconds since the last trade was published, also one at the same price as the trade before."
    ),
    "volume": column(pl.Float64, "Money matched on the runner in this market so far, in `currency`."),
    "volume_age_s": column(pl.Float64, "Seconds since it last grew; null where it never did. A fall is no growth."),
    "best_back_stood_s": column(
        pl.Float64, "Seconds that `best_back` had been the best price to back without a break, whatever its size."
    ),
    "best_lay_stood_s": column(
        pl.Float64, "Seconds that `best_lay` had been the best price to lay without a break, whatever its size."
    ),
}
"""What was known of a runner at one moment before the off: nothing in it may have been told later than that moment."""

PAST_RUN = {
    "run_number": column(
        pl.Int16, "1 for the run the source lists first, usually the latest, then 2, …", required=True
    ),
    "run_id": column(pl.String, "The source's id of the race of that run; older runs may have none."),
    "run_at": column(INSTANT, "When that race was to start, UTC; null where the source gives a date only."),
    "run_date": column(pl.Date, "Its date, as the source writes it."),
    "track_name": column(pl.String, "Its track, as the source writes it."),
    "distance_m": column(pl.Int32, "Its distance in metres."),
    "trap": column(pl.Int16, "The trap the dog ran from."),
    "grade": column(pl.String, "Its grade or class: `A3`, `T3`."),
    "is_trial": column(pl.Boolean, "It was a trial, not a race."),
    "finish_position": column(pl.Int16, "Position at the line, 1 is first; null where the dog did not finish."),
    "outcome": column(pl.String, "The position as the source words it: `1st`, `NR`."),
    "sectional_s": column(pl.Float64, "Time to the line the first time round, in seconds."),
    "calc_time_s": column(pl.Float64, "The dog's own time, calculated from the winner's, in seconds."),
    "winner_time_s": column(pl.Float64, "The winner's time, in seconds."),
    "beaten": column(pl.String, "Distance beaten, or won by, as the source writes it: `1½`, `nk`, `dist`."),
    "beaten_lengths": column(pl.Float64, "The same in lengths; null where the words have no measure."),
    "other_dog": column(pl.String, "The winner, or the second where the dog won."),
    "going": column(pl.String, "Going as the source writes it: `N` for normal, `-10`."),
    "weight_kg": column(pl.Float64, "Weight of the dog, in kilograms."),
    "sp_fraction": column(pl.String, "Starting price as written: `5/2F`."),
    "sp_decimal": column(pl.Float64, "Starting price, decimal odds."),
    "favourite": column(pl.String, "`F` favourite, `JF` joint, `CF` co-favourite."),
    "remarks": column(pl.String, "Remarks in running: `EP,Led3`."),
    "bends": column(pl.String, "Positions at the bends as the source writes them: `3-2-2-1`."),
}
"""One past run of a runner, as it was known on the card of a race."""

VIEW = {
    "pick_rank": column(pl.Int16, "Place among the source's picks of the race, 1 is its first."),
    "is_selection": column(pl.Boolean, "It is the source's selection; null where the source names none."),
    "is_danger": column(pl.Boolean, "It is the danger the source names; null where it names none."),
    "is_forecast_alt": column(pl.Boolean, "It is the alternative for a forecast; null where the source names none."),
    "forecast_fraction": column(pl.String, "Starting price the source expects, as written: `5/2`."),
    "forecast_decimal": column(pl.Float64, "The same, decimal odds."),
    "chance_of_win": column(pl.Float64, "The source's figure for the chance to win, as it gives it."),
    "top_speed": column(pl.Float64, "The source's speed figure, as it gives it."),
    "runner_comment": column(pl.String, "What the source says of the runner."),
    "forecast_comment": column(pl.String, "What the source says of its expected price."),
    "race_comment": column(pl.String, "What the source says of the race."),
}
"""What an expert of the source thinks of a runner before the race."""

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

OF_RECORD = {
    "race_date": column(pl.Date, "The record's race date.", required=True),
    "source_row": ORIGIN["source_row"],
    "market_type": column(pl.String, "The record's market type.", required=True),
}

PARSED_POINTS = table(
    "parsed.points",
    "The price points of a file's records, beside them; a file without points has none of this.",
    ("source_row", "market_type", "seconds_before_off"),
    {**OF_RECORD, **POINT},
)

PARSED_FORM = table(
    "parsed.form",
    "The past runs of a file's runners, beside its records; a file without form has none of this.",
    ("source_row", "market_type", "run_number"),
    {
        **OF_RECORD,
        **PAST_RUN,
        "track_known_as": column(pl.String, "The run's track by the name the registry is asked for."),
        "country": column(pl.String, "Country of that track, or `GB/IE` where the source leaves the two open."),
    },
)

PARSED_ANALYSIS = table(
    "parsed.analysis",
    "Views of a file's runners, beside its records; a file without any has none of this.",
    ("source_row", "market_type"),
    {**OF_RECORD, **VIEW},
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
