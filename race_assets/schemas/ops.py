"""The tables that account for everything: rejects, runs, files, built days; nothing a model is trained on."""

import polars as pl

from race_assets.schemas.records import PLACE, RACE, RUNNER
from race_assets.schemas.table import INSTANT, TEXTS, column, table

REJECTS = table(
    "quarantine.rejects",
    "Rows that were refused, with every rule they broke.",
    ("reject_id",),
    {
        "reject_id": column(pl.String, "Hash of source, file, row and stage.", required=True),
        "source": column(pl.String, "Name of the source.", required=True),
        "source_file": column(pl.String, "sha256 of the file's original bytes.", required=True),
        "source_row": column(pl.Int64, "Line of the file the row begins on; the first line is 1.", required=True),
        "byte_offset": column(pl.Int64, "Where the row begins in the file, decompressed, in bytes."),
        "race_date": column(pl.Date, "The day the row belongs to; null where that cannot be told."),
        "stage": column(pl.String, "Where it was refused: `land`, `row`, `race` or `link`.", required=True),
        "rules": column(TEXTS, "Every rule the row broke.", required=True),
        "messages": column(TEXTS, "What each rule says of the row, in the order of `rules`.", required=True),
        "row": column(pl.String, "The row as read, with its full length in bytes.", json=True),
        "run_id": column(pl.String, "The run that refused it as it is told here.", required=True),
        "rejected_at": column(INSTANT, "When it was first refused, UTC.", required=True),
        "state": column(pl.String, "`open`, `replayed` (passes now) or `discarded` (by a person).", required=True),
        "state_reason": column(pl.String, "Why the state changed."),
    },
)

REJECTED = table(
    "validated.rejects",
    "Rejected records of a day, with what places them in a race of the day; `quarantine.rejects` is made of them.",
    ("reject_id",),
    {
        **REJECTS.columns,
        **{name: RACE[name] for name in ("market_id", "market_type")},
        "track_id": PLACE["track_id"],
        **{name: RUNNER[name] for name in ("start_at", "selection_id", "trap", "dog_name", "status")},
    },
)

INGESTION_RUNS = table(
    "ops.ingestion_runs",
    "What a run made of each source and day. records_in = accepted + quarantined + duplicates + filtered, always. A "
    "row without day and records is a fetch: its requests, its bytes, and in notes the files.",
    ("run_id", "source", "race_date"),
    {
        "run_id": column(pl.String, "The Dagster run, or the landing.", required=True),
        "source": column(pl.String, "Name of the source.", required=True),
        "race_date": column(pl.Date, "The day; null accounts for rows whose day cannot be told."),
        "records_in": column(pl.Int64, "Records the landed files hold for the day.", required=True),
        "accepted": column(pl.Int64, "Records reachable from core.", required=True),
        "quarantined": column(pl.Int64, "Records refused.", required=True),
        "duplicates": column(
            pl.String, "Records another record stands for, counted by kind.", required=True, json=True
        ),
        "filtered": column(pl.String, "Records not about a runner of a race, by reason.", required=True, json=True),
        "rejected_by": column(
            pl.String, "Refused records by rule; one record may break several.", required=True, json=True
        ),
        "notes": column(pl.String, "Warnings and nulled sentinels, counted.", required=True, json=True),
        "api_requests": column(pl.Int64, "Requests sent to the source.", required=True),
        "api_retries": column(pl.Int64, "Of those, repeated ones.", required=True),
        "api_wait_s": column(pl.Float64, "Time spent waiting for the rate limit, in seconds.", required=True),
        "bytes_in": column(pl.Int64, "Bytes of the files, by the day's share of their records.", required=True),
        "duration_s": column(
            pl.Float64,
            "Time it was validated and built in, in seconds: its share, by records, of the time all sources took.",
            required=True,
        ),
        "records_per_s": column(
            pl.Float64, "records_in / duration_s; null where other sources were built with it: they have one speed."
        ),
        "success_rate": column(
            pl.Float64, "accepted / (records_in - filtered - duplicates); null where that is 0 / 0."
        ),
        "started_at": column(INSTANT, "When work on the day began, UTC.", required=True),
        "finished_at": column(INSTANT, "When it was published, UTC.", required=True),
    },
)

SOURCE_FILES = table(
    "ops.source_files",
    "Every file ever landed.",
    ("source", "sha256"),
    {
        "source": column(pl.String, "Name of the source.", required=True),
        "sha256": column(pl.String, "Hash of the file's original bytes.", required=True),
        "name": column(pl.String, "Its name in the inbox: the file's identity.", required=True),
        "version": column(pl.Int32, "1 for the first landing of that name, then 2, …", required=True),
        "bytes": column(pl.Int64, "Size as landed.", required=True),
        "landed_at": column(INSTANT, "When it was first landed, UTC.", required=True),
        "withdrawn_at": column(INSTANT, "When a person took it back, UTC."),
        "race_dates": column(pl.List(pl.Date), "The days it tells of, sorted.", required=True),
        "race_date_records": column(pl.List(pl.Int64), "Records of each of those days.", required=True),
        "rows_read": column(pl.Int64, "Data lines read.", required=True),
        "records": column(pl.Int64, "Records made of them.", required=True),
        "undated": column(pl.Int64, "Records whose day cannot be told.", required=True),
        "parser_version": column(pl.Int32, "Version of the parser that read it.", required=True),
        "dated_by": column(
            pl.String, "The `partitions.start` it was dated by; empty for a file to be read again.", required=True
        ),
        "state": column(pl.String, "`landed`, `unreadable`, `no_data`, `blocked_page` or `set_aside`.", required=True),
        "detail": column(pl.String, "What a person should know about the file."),
        "shape": column(pl.String, "Fingerprint of its columns."),
        "rows_careful": column(pl.Int64, "Data lines that had to be looked at one by one.", required=True),
        "race_date_points": column(
            pl.List(pl.Int64),
            "Rows it has beside its records, of each of its days: price points, past runs, views; empty without any.",
            required=True,
        ),
        "first_day_ahead": column(
            pl.Date,
            "First race date of the records that got no day because they lie over `rules.start_window.future_days` "
            "ahead; the file is read again once that day is near enough.",
        ),
        "race_date_tracks": column(
            pl.List(pl.Int64),
            "Of each of its days, the set of track names its rows have (`ops.track_sets`); empty for a file that was "
            "landed before these were kept.",
            required=True,
        ),
        "race_date_zones": column(
            pl.List(pl.Int64),
            "Of each of its days, a hash of the tracks and time zones by which rows without a date got that day; 0 "
            "where every row states its date.",
            required=True,
        ),
        "dating_names": column(
            pl.List(pl.Int64),
            "The track names (`ops.track_names`) whose time zone decides the day of rows; the file is read again when "
            "one of these gets another time zone.",
            required=True,
        ),
    },
)

BUILT_DAYS = table(
    "ops.built_days",
    "The inputs each published day was built from.",
    ("race_date",),
    {
        "race_date": column(pl.Date, "The day.", required=True),
        "fingerprint": column(
            pl.String, "Of the files, parsers, settings and registry it was built from.", required=True
        ),
        "run_id": column(pl.String, "The run that published it.", required=True),
        "built_at": column(INSTANT, "When, UTC.", required=True),
        "clock_shifts": column(TEXTS, "Sources whose clock was found wrong that day, and by how much.", required=True),
        "measures": column(
            pl.String,
            "Extremes of its records and races, and the rules they break: whether a changed rule changes it.",
            json=True,
        ),
    },
)

LINK_DECISIONS = table(
    "ops.link_decisions",
    "What people decided: whether the races of two sources' markets are one.",
    ("source", "market_id", "with_source", "with_market_id"),
    {
        "source": column(pl.String, "Name of the source whose race was doubtful.", required=True),
        "market_id": column(pl.String, "Its market.", required=True),
        "with_source": column(pl.String, "The source it was compared with.", required=True),
        "with_market_id": column(pl.String, "That source's market.", required=True),
        "is_one": column(pl.Boolean, "Whether the two are one race.", required=True),
        "reason": column(pl.String, "Why, in the person's words.", required=True),
        "decided_at": column(INSTANT, "When, UTC.", required=True),
    },
)

EXPECTATIONS = table(
    "ops.expectations",
    "What sources are expected to tell of, as the settings have it; `ops.coverage` holds it against what they told.",
    ("source",),
    {
        "source": column(pl.String, "Name of the source.", required=True),
        "countries": column(TEXTS, "Whose meetings it reports; null compares it with no other source."),
        "due_days": column(pl.Int32, "Days after the race day by which it has told of it.", required=True),
        "due_time": column(pl.String, "The time of that day, `12:00`.", required=True),
        "timezone": column(pl.String, "The zone of that time.", required=True),
        "results": column(pl.Boolean, "It is to tell of results, too.", required=True),
        "since": column(pl.Date, "First day that is expected; null is its first day with data."),
        "is_current": column(
            pl.Boolean, "Whether it is expected up to today; null decides by the age of its last data."
        ),
        "current_days": column(pl.Int32, "A source with data of the last so many days is current.", required=True),
        "gap_days": column(pl.Int32, "After so many days without data a source had stopped.", required=True),
        "not_expected": column(TEXTS, "Days and periods without racing.", required=True),
    },
)

RACE_COUNTS = table(
    "ops.race_counts",
    "Races of each published day by track and reporting source; coverage is computed from them.",
    ("race_date", "source", "track_id"),
    {
        "race_date": column(pl.Date, "The day.", required=True),
        "source": column(
            pl.String, "Name of the source; `*` counts the races of all sources, each once.", required=True
        ),
        "track_id": column(pl.String, "The track.", required=True),
        "track": column(pl.String, "Its name.", required=True),
        "country": column(pl.String, "Its country.", required=True),
        "races": column(pl.Int32, "Races that the source reports there.", required=True),
        "with_result": column(pl.Int32, "Of those, races with a result or void, from any source.", required=True),
    },
)

CHART_DATA = table(
    "ops.chart_data",
    "Figures of each published day that charts show.",
    ("race_date", "chart", "label"),
    {
        "race_date": column(pl.Date, "The day.", required=True),
        "chart": column(pl.String, "`prices` or `overround`.", required=True),
        "label": column(pl.String, "A range of decimal odds, or the name of a track.", required=True),
        "number": column(pl.Int64, "Runners in that range, or races with a price for every runner.", required=True),
        "total": column(pl.Float64, "Sum of the overrounds of those races; 0 for prices.", required=True),
    },
)

DAY_PROBLEMS = table(
    "ops.day_problems",
    "What stood in the way of a day when it was last asked for, landed or built; gone once it is not.",
    ("race_date", "source"),
    {
        "source": column(pl.String, "Name of the source; `*` where the day could not be built.", required=True),
        "race_date": column(pl.Date, "The day.", required=True),
        "kind": column(pl.String, "`blocked` (refused, not bought, a page) or `failed`.", required=True),
        "reason": column(pl.String, "Why, and what to do.", required=True),
        "noted_at": column(INSTANT, "When, UTC.", required=True),
    },
)

REVISIONS = table(
    "ops.revisions",
    "What records of a published day said otherwise when it was published again: a row per cell, or per record that "
    "came or went.",
    ("race_date", "revised_at", "source", "market_id", "selection_id", "market_type", "what", "column_name"),
    {
        "race_date": column(pl.Date, "The day.", required=True),
        "revised_at": column(INSTANT, "When it was published again, UTC.", required=True),
        "source": column(pl.String, "Who says so.", required=True),
        "market_id": column(pl.String, "The record's market.", required=True),
        "selection_id": column(pl.String, "The record's runner.", required=True),
        "market_type": column(pl.String, "`WIN` or `PLACE`.", required=True),
        "what": column(pl.String, "`changed`, or of a whole record `came` or `went`.", required=True),
        "column_name": column(pl.String, "The column of `validated.records`; `*` for a whole record.", required=True),
        "dog_name": column(pl.String, "The dog, as the record had it before."),
        "old": column(pl.String, "What it said before, as text."),
        "new": column(pl.String, "What it says now, as text."),
        "run_id": column(pl.String, "The run that published it.", required=True),
    },
)

PUBLICATIONS = table(
    "ops.publications",
    "Every time a day was published, and how large it was.",
    ("race_date", "built_at"),
    {
        "race_date": column(pl.Date, "The day.", required=True),
        "built_at": column(INSTANT, "When, UTC.", required=True),
        "run_id": column(pl.String, "The run that published it.", required=True),
        "fingerprint": column(pl.String, "What it was built from.", required=True),
        "races": column(pl.Int64, "Races published.", required=True),
        "selections": column(pl.Int64, "Selections published.", required=True),
        "prices": column(pl.Int64, "Prices published.", required=True),
        "price_points": column(pl.Int64, "Price points published.", required=True),
        "race_links": column(pl.Int64, "Links published.", required=True),
        "dog_form": column(pl.Int64, "Past runs published.", required=True),
        "race_analysis": column(pl.Int64, "Views of runners published.", required=True),
    },
)

WATCHED_FILES = table(
    "ops.watched_files",
    "What the drop sensor has seen in the inboxes.",
    ("source", "name"),
    {
        "source": column(pl.String, "Name of the source.", required=True),
        "name": column(pl.String, "Path below the source's drop folder.", required=True),
        "size": column(pl.Int64, "Bytes when last looked at.", required=True),
        "mtime_ns": column(pl.Int64, "Modification time when last looked at, nanoseconds.", required=True),
        "looks": column(pl.Int32, "Looks in a row that found it unchanged.", required=True),
        "taken_size": column(pl.Int64, "Size when last landed."),
        "taken_mtime_ns": column(pl.Int64, "Modification time when last landed, nanoseconds."),
        "attempts": column(pl.Int32, "Times a landing was asked for since it last changed.", required=True),
        "seen_at": column(INSTANT, "When last looked at, UTC.", required=True),
        "asked_at": column(INSTANT, "When a landing was last asked for, UTC."),
    },
)

FILE_ATTEMPTS = table(
    "ops.file_attempts",
    "Files that could not be read to their end yet, and how often that was tried; a file that is read leaves it.",
    ("source", "sha256"),
    {
        "source": column(pl.String, "Name of the source.", required=True),
        "sha256": column(pl.String, "Hash of the file's original bytes.", required=True),
        "name": column(pl.String, "Its name in the inbox.", required=True),
        "parser_version": column(pl.Int32, "Version of the parser; another one starts the count again.", required=True),
        "failures": column(
            pl.Int64, "Attempts that failed because of the file, or whose process was killed.", required=True
        ),
        "excused": column(
            pl.Int64, "Attempts that ended for another reason: database away, disk full, stopped.", required=True
        ),
        "running": column(
            pl.String,
            "Process of each attempt under way, and when it began, in seconds since 1970.",
            required=True,
            json=True,
        ),
        "last_failure": column(pl.String, "Why the last failed attempt failed."),
        "last_at": column(INSTANT, "When the last attempt began or ended, UTC.", required=True),
        "set_aside_at": column(
            INSTANT, "When it was set aside, UTC: it is not read again until `race-assets land --retry`."
        ),
    },
)
