"""The tables of live polling: prices as they were polled, and the sessions that polled; not how they get there."""

import polars as pl

from race_assets.schemas.table import INSTANT, column, table

PRICE_TICKS = table(
    "live.price_ticks",
    "One row per poll and runner of a market: the exchange as it was at that moment.",
    ("race_date", "market_id", "selection_id", "polled_at"),
    {
        "race_date": column(pl.Date, "Calendar date, at the track, of the scheduled off.", required=True),
        "market_id": column(pl.String, "Betfair's market, `1.<digits>`.", required=True),
        "selection_id": column(pl.String, "Betfair's id of the runner.", required=True),
        "polled_at": column(INSTANT, "When the answer came, UTC.", required=True),
        "session_id": column(pl.String, "The session that polled.", required=True),
        "market_type": column(pl.String, "`WIN` or `PLACE`."),
        "start_at": column(INSTANT, "Scheduled off as it was known then, UTC."),
        "market_status": column(pl.String, "`OPEN`, `SUSPENDED`, `CLOSED` or `INACTIVE`.", required=True),
        "is_in_play": column(pl.Boolean, "The race is on and betting goes on.", required=True),
        "runner_status": column(pl.String, "`ACTIVE`, `REMOVED`, `WINNER`, `LOSER`, …", required=True),
        "best_back": column(pl.Float64, "Best price on offer to back, decimal odds."),
        "best_back_size": column(pl.Float64, "Money on offer at it, in pounds."),
        "best_lay": column(pl.Float64, "Best price on offer to lay, decimal odds."),
        "best_lay_size": column(pl.Float64, "Money on offer at it, in pounds."),
        "last_traded": column(pl.Float64, "Last price matched, decimal odds."),
        "volume": column(pl.Float64, "Money matched on the runner so far, in pounds."),
        "near_price": column(pl.Float64, "Starting price expected from all money on offer, decimal odds."),
        "far_price": column(pl.Float64, "Starting price expected from starting-price money alone, decimal odds."),
        "bsp": column(pl.Float64, "Betfair starting price, once it is known, decimal odds."),
    },
)

SESSIONS = table(
    "live.sessions",
    "Sessions of live polling. One without an end whose process is gone was killed; the next one says so.",
    ("session_id",),
    {
        "session_id": column(pl.String, "When it began and a random part.", required=True),
        "process": column(pl.String, "The process: host, pid, when it was started.", required=True),
        "started_at": column(INSTANT, "When it began, UTC.", required=True),
        "flushed_at": column(INSTANT, "When ticks were last stored, UTC."),
        "ended_at": column(INSTANT, "When it ended; of a killed one the last poll that was written down, UTC."),
        "ended": column(pl.String, "`done`, `stopped` (told to), `failed` or `killed`; null while it runs."),
        "detail": column(pl.String, "Why it failed."),
        "markets": column(pl.Int64, "Markets polled.", required=True),
        "polls": column(pl.Int64, "Polls of markets that were answered.", required=True),
        "polls_near": column(pl.Int64, "Of those, the ones near the off, where every tick counts.", required=True),
        "polls_late": column(
            pl.Int64, "Of those, the ones over a tenth of the interval off the one before.", required=True
        ),
        "polls_missed": column(pl.Int64, "Polls near the off that were due and not answered.", required=True),
        "ticks": column(pl.Int64, "Rows of `live.price_ticks` stored.", required=True),
        "ticks_recovered": column(pl.Int64, "Rows a later session stored of a killed one.", required=True),
        "api_requests": column(pl.Int64, "Requests sent.", required=True),
        "api_retries": column(pl.Int64, "Of those, repeated ones.", required=True),
        "api_wait_s": column(pl.Float64, "Time spent waiting for the rate limit, in seconds.", required=True),
        "bytes_in": column(pl.Int64, "Bytes of the answers.", required=True),
    },
)
