"""From a feed's cleaned cells to records: which values, of which type, and what is wrong with those that are none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from race_assets.schemas.records import PARSED
from race_assets.schemas.table import conform
from race_assets.settings.feeds import TRACK, FeedSettings, Fields, FieldSpec, Market
from race_assets.sources.csv_feed import times as feed_times
from race_assets.sources.csv_feed.cells import cell_of, holds, text_of
from race_assets.sources.csv_feed.numbers import Numbers, bare
from race_assets.sources.csv_feed.times import Written
from race_assets.sources.findings import Problem, with_notes, with_problems
from race_assets.values import distances, ids, markets, names, odds, positions, times
from race_assets.values.numbers import plain_decimal
from race_assets.values.odds import Notation
from race_assets.values.texts import formatted

TEXTS = ("event_name", "track_name", "race_type", "selection_name", "price_kind")
IDS = ("market_id", "event_id", "selection_id")
WHOLE = ("trap", "race_number")
PRICES = (
    "price", "bsp", "last_traded", "pre_off_wap", "pre_off_max", "pre_off_min", "morning_wap", "sp_decimal",
)  # fmt: skip
AMOUNTS = ("volume", "pre_off_volume", "morning_volume")
MOMENTS = {"start_at": "start_local", "actual_off_at": "actual_off_local"}
"""Instants, and the columns for what clocks at the track show where that is all the file says."""
WORDS = {
    "status": ("ACTIVE", "SCRATCHED", "INACTIVE"),
    "result": ("WINNER", "LOSER", "PLACED", "VOID"),
    "favourite": ("F", "JF", "CF"),
    "country": ("GB", "IE", "AU", "NZ", "GB/IE"),
    "is_dead_heat": ("true", "false"),
}
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
LARGEST = 32_767
NO_MARKET = "no_market"
SP_OF_FRACTION = "decimal of sp_fraction"
"""What `sp_fraction` comes to: a file may have a column of its own for `sp_decimal`."""


@dataclass(frozen=True)
class Inferred:
    """What the file's own cells told of how they are written.

    Attributes:
        numbers: how prices and amounts are read.
        written: how the dates and times of each target are written.
    """

    numbers: Numbers = field(default_factory=Numbers)
    written: Mapping[str, Written] = field(default_factory=dict)


def fields_of(feed: FeedSettings, market: Market) -> Fields:
    """The fields of one of a row's records."""
    return {**feed.columns, **market.columns}


def records(cells: pl.DataFrame, feed: FeedSettings, inferred: Inferred) -> pl.DataFrame:
    """The records of these rows, in the shape of `schemas.records.PARSED`.

    Args:
        cells: the feed's columns, cleaned, with `source_row`, `byte_offset` and `notes`.
        feed: as the settings have it.
        inferred: what the settings leave open.

    Returns:
        one record for each market that a row is about; a row about none is one that is filtered as `no_market`.
    """
    cells = cells.with_columns(filtered=_filtered(feed))
    parts = []
    taken = pl.repeat(value=False, n=cells.height, eager=True)
    for market in feed.markets:
        applies = cells.select(holds(market.when).alias("applies")).to_series()
        applies = pl.repeat(applies[0], cells.height, eager=True) if applies.len() == 1 else applies
        taken |= applies
        parts.append(_records(cells if applies.all() else cells.filter(applies), feed, market, inferred))
    if not taken.all():
        rest = cells.filter(~taken).with_columns(filtered=pl.coalesce("filtered", pl.lit(NO_MARKET)))
        parts.append(_records(rest, feed, feed.markets[0], inferred))
    return pl.concat([conform(part, PARSED) for part in parts])


def _filtered(feed: FeedSettings) -> pl.Expr:
    reason = pl.lit(None, dtype=pl.String)
    for each in reversed(feed.filters):
        reason = pl.when(holds(each.when)).then(pl.lit(each.reason)).otherwise(reason)
    return reason


def _records(cells: pl.DataFrame, feed: FeedSettings, market: Market, inferred: Inferred) -> pl.DataFrame:
    fields = fields_of(feed, market)
    frame = cells.with_columns(
        pl.lit(None, dtype=pl.String).alias(_text("start_at")),
        pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("start_at"),
        pl.lit(None, dtype=pl.Datetime("us")).alias("start_local"),
        pl.lit(value=False).alias("start_at is missing"),
        pl.lit(None, dtype=pl.String).alias("start_at zone"),
    ).with_columns(text_of(spec).alias(_text(name)) for name, spec in fields.items())
    frame = frame.with_columns(_values(fields, inferred.numbers)).with_columns(market_type=pl.lit(market.market_type))
    frame = _with_moments(frame, fields, feed, inferred)
    frame = _with_runner(frame, fields)
    frame = _with_outcome(_with_constants(frame, fields, feed), fields, market)
    return with_problems(_with_keys(frame, fields), _problems(fields, inferred.numbers))


def _text(target: str) -> str:
    """The column that holds a target as text."""
    return f"text of {target}"


def _values(fields: Fields, numbers: Numbers) -> list[pl.Expr]:
    """Return the typed columns that need nothing but their own text."""
    made: dict[str, pl.Expr] = {}
    for name, spec in fields.items():
        text, decimal = pl.col(_text(name)), spec.decimal or numbers.decimal
        if name in (*PRICES, "sp_fraction"):
            read = odds.starting_price(_amount(text, decimal), _notation(name, spec, numbers)).struct
            if name in PRICES:
                made[name] = read.field("decimal")
            else:
                made[name] = text
                made[SP_OF_FRACTION] = read.field("decimal")
                made.setdefault("sp_decimal", read.field("decimal"))
                made.setdefault("favourite", read.field("favourite"))
        elif (value := _value(name, spec, text, decimal)) is not None:
            made[name] = value
    return [value.alias(name) for name, value in made.items()]


def _value(name: str, spec: FieldSpec, text: pl.Expr, decimal: str) -> pl.Expr | None:
    """Return a column's value read from its text; None for columns that other functions read."""
    if name in WORDS:
        return _word(name, text)
    kinds = {
        **dict.fromkeys(IDS, ids.without_decimal(text)),
        **dict.fromkeys(TEXTS, text),
        **dict.fromkeys(WHOLE, _whole(text)),
        **dict.fromkeys(AMOUNTS, plain_decimal(_amount(text, decimal))),
        "finish_position": positions.finish_position(text),
        "currency": text.str.to_uppercase(),
        "distance_m": distances.metres(_with_unit(text, spec)),
    }
    return kinds.get(name)


def _notation(name: str, spec: FieldSpec, numbers: Numbers) -> Notation | None:
    """Return how whole numbers of this field are read: as the feed states, else as the file shows, else as decimals."""
    return spec.odds or numbers.odds.get(name, "decimal")


def _whole(text: pl.Expr) -> pl.Expr:
    number = plain_decimal(text)
    return pl.when((number % 1 == 0) & (number.abs() <= LARGEST)).then(number).cast(pl.Int16, strict=False)


def _amount(text: pl.Expr, decimal: str) -> pl.Expr:
    """A number's text with a point before its decimals: no sign of a currency, no signs that group digits."""
    number = bare(text)
    group = "." if decimal == "," else ","
    # Where the other sign does not group three digits each, it is left, and the text is no number.
    is_grouped = number.str.contains(rf"^[+-]?\d{{1,3}}(?:\{group}\d{{3}})+(?:\{decimal}\d+)?$")
    plain = pl.when(is_grouped).then(number.str.replace_all(group, "", literal=True)).otherwise(number)
    if decimal == ".":
        return plain
    return (
        pl.when(plain.str.contains(".", literal=True))
        .then(plain.str.replace_all(".", "?", literal=True))
        .otherwise(plain.str.replace(",", ".", literal=True))
    )


def _word(name: str, text: pl.Expr) -> pl.Expr:
    if name == "is_dead_heat":
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(TRUE)).then(pl.lit(value=True)).when(lower.is_in(FALSE)).then(pl.lit(value=False))
    upper = text.str.to_uppercase()
    word = pl.when(upper.is_in(WORDS[name])).then(upper)
    return word.when(positions.is_removed(text)).then(pl.lit("SCRATCHED")) if name == "status" else word


def _with_unit(text: pl.Expr, spec: FieldSpec) -> pl.Expr:
    if spec.unit == "m":
        return text
    return pl.when(text.str.contains(r"[A-Za-z]")).then(text).otherwise(pl.concat_str(text, pl.lit("yd")))


def _with_moments(frame: pl.DataFrame, fields: Fields, feed: FeedSettings, inferred: Inferred) -> pl.DataFrame:
    """Adds each moment as an instant, or as what the clocks at the track show; and the day, where the file says it."""
    for name, local in MOMENTS.items():
        if name in fields:
            frame = _with_moment(frame, name, local, feed, inferred.written.get(name, Written()))
    if "race_date" in fields:
        formats = inferred.written.get("race_date", Written()).formats
        return frame.with_columns(race_date=feed_times.read(pl.col(_text("race_date")), formats).dt.date())
    return frame


def _with_moment(frame: pl.DataFrame, name: str, local: str, feed: FeedSettings, written: Written) -> pl.DataFrame:
    text = frame.select(text=_text(name)).unique()
    read = text.with_columns(
        iso=times.iso_instant(pl.col("text")), naive=feed_times.read(pl.col("text"), written.formats)
    )
    at, offset = pl.col("iso").struct.field("at"), pl.col("iso").struct.field("offset_minutes")
    told = read.select(
        pl.col("text").alias(_text(name)),
        at.alias(name),
        pl.when(at.is_null()).then("naive").alias(local),
        # Z says nothing of the track's calendar; an offset of its own does.
        pl.when(offset != 0).then(pl.col("iso").struct.field("local_date")).alias(f"{name} date"),
    )
    frame = frame.drop(name, local, strict=False).join(
        told, on=_text(name), how="left", nulls_equal=True, maintain_order="left"
    )
    if feed.timezone != TRACK:
        frame = _placed_in_zone(frame, name, local, feed)
    if name != "start_at":
        return frame
    return frame.with_columns(race_date=pl.coalesce(f"{name} date", pl.col(local).dt.date()))


def _placed_in_zone(frame: pl.DataFrame, name: str, local: str, feed: FeedSettings) -> pl.DataFrame:
    """Times of a zone that the feed or the row names; the row's own zone is its track's, and tells the day."""
    column = feed.timezone_column
    stated = pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    if column is None:
        told = times.localise(pl.col(local), feed.timezone)
    else:
        zone = pl.col(cell_of(column))
        zones = [each for each in frame[cell_of(column)].drop_nulls().unique() if times.is_written_zone(each)]
        told = times.localise_in(pl.col(local), zone, zones)
        shifted = times.iso_instant(pl.concat_str(pl.col(local).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f"), zone)).struct
        stated = pl.when(zone.str.contains(r"^[+-]")).then(shifted.field("at"))
        # UTC says nothing of the track's calendar.
        is_of_track = ~zone.is_in(times.UTC_NAMES) & (shifted.field("offset_minutes") != 0).fill_null(value=True)
        frame = frame.with_columns(
            pl.coalesce(f"{name} date", pl.when(is_of_track).then(pl.col(local).dt.date())).alias(f"{name} date"),
            pl.when(pl.col(local).is_not_null() & ~zone.is_in(zones).fill_null(value=False) & stated.is_null())
            .then(zone.fill_null(""))
            .alias(f"{name} zone"),
        )
    frame = frame.with_columns(stated.alias("stated"))
    frame = frame.with_columns(told.alias("told"))
    part = pl.col("told").struct.field
    frame = with_notes(frame, {"local_time_ambiguous": part("is_ambiguous")} if name == "start_at" else {})
    return frame.with_columns(
        pl.coalesce(name, part("at"), "stated").alias(name),
        part("is_missing").fill_null(value=False).alias(f"{name} is missing"),
        pl.lit(None, dtype=pl.Datetime("us")).alias(local),
    ).drop("told", "stated")


def _with_runner(frame: pl.DataFrame, fields: Fields) -> pl.DataFrame:
    if "selection_name" not in fields:
        return frame
    if "trap" not in fields:
        return names.with_trap_and_dog(frame, "selection_name")
    return frame.with_columns(dog_name=names.dog_name(pl.col("selection_name")))


def _with_constants(frame: pl.DataFrame, fields: Fields, feed: FeedSettings) -> pl.DataFrame:
    """What a feed states for all its rows, and what goes without saying."""
    constant = {"status": "ACTIVE", "country": feed.country, "currency": feed.currency}
    if "price" in fields:
        constant["price_kind"] = "PRICE"
    return frame.with_columns(
        pl.lit(value, dtype=pl.String).alias(name) for name, value in constant.items() if name not in fields
    )


def _with_outcome(frame: pl.DataFrame, fields: Fields, market: Market) -> pl.DataFrame:
    """Complete status and result where only a position, a word such as `NR` or a mark behind the name says them.

    A dog that did not run is scratched though its status says `ACTIVE`, as it stood before the race. A position
    implies its result in a WIN market where the file has no result, or a blank one.
    """
    position, said = pl.col(_text("finish_position")), pl.col(_text("result"))
    is_out = [positions.is_removed(said)] if "result" in fields else []
    if "selection_name" in fields:
        is_out.append(names.is_non_runner(pl.col("selection_name")).fill_null(value=False))
    if "finish_position" in fields:
        is_out.append(positions.is_scratched(position))
        frame = with_notes(frame, {"position_is_no_place": _is_no_place(position)})
    if is_out:
        scratched = pl.when(pl.any_horizontal(is_out)).then(pl.lit("SCRATCHED"))
        is_open = pl.col("status").fill_null("ACTIVE") == "ACTIVE"
        frame = frame.with_columns(status=pl.when(is_open).then(scratched.otherwise("status")).otherwise("status"))
    if "finish_position" not in fields or market.market_type != "WIN":
        return frame
    has_run = (pl.col("status") == "ACTIVE").fill_null(value=True)
    implied = pl.when(has_run).then(positions.win_result(position))
    return frame.with_columns(result=pl.coalesce("result", implied) if "result" in fields else implied)


def _is_no_place(position: pl.Expr) -> pl.Expr:
    """Whether a position is a number that is none, such as 0 or a code above the places there are."""
    return positions.place(position).is_not_null() & positions.finish_position(position).is_null()


def _with_keys(frame: pl.DataFrame, fields: Fields) -> pl.DataFrame:
    """Where the file has none: a market's id out of its event or track and its off, a runner's out of trap or name."""
    made = {}
    if "market_id" not in fields and "start_at" in fields:
        stamp = pl.coalesce(markets.stamp(pl.col("start_at")), markets.local_stamp(pl.col("start_local")))
        made["market_id"] = markets.event_market_id(_first_of(frame, "event_id", "track_name"), stamp)
    if "selection_id" not in fields and "dog_name" in frame.columns:
        made["selection_id"] = pl.coalesce(
            pl.concat_str(pl.lit("t"), pl.col("trap").cast(pl.String)), names.match_name(pl.col("dog_name"))
        )
    return frame.with_columns(**made)


def _first_of(frame: pl.DataFrame, *columns: str) -> pl.Expr:
    known = [pl.col(name) for name in columns if name in frame.columns]
    return pl.coalesce(known) if known else pl.lit(None, dtype=pl.String)


def _problems(fields: Fields, numbers: Numbers) -> list[Problem]:
    problems = [_unread_moment(), _unknown_zone(), _missing_hour()]
    for name, spec in fields.items():
        text, shown = pl.col(_text(name)), _shown(name)
        if name in (*WHOLE, *AMOUNTS, "distance_m"):
            problems.append(_unread("number", name, formatted(f"{name} {{}} is not a number{_range(name)}", shown)))
        elif name in PRICES:
            problems += _no_price(name)
            problems += _no_notation(name, name, _notation(name, spec, numbers))
        elif name == "sp_fraction":
            said = _priced_otherwise(
                text, shown, formatted("starting price {} is neither a fraction such as 5/2F nor decimal odds", shown)
            )
            unread = text.is_not_null() & ~odds.is_null_word(text) & ~_is_bare(name)
            among = pl.col(SP_OF_FRACTION).is_null()
            problems.append(Problem("number", unread, said, among=among, column=name))
            problems += _no_notation(name, SP_OF_FRACTION, _notation(name, spec, numbers))
        elif name == "finish_position":
            said = formatted("finish_position {} is no place, and no word for a dog that did not run or finish", shown)
            unread = ~positions.is_readable(text)
            problems.append(Problem("number", unread, said, among=pl.col(name).is_null(), column=name))
        elif name in WORDS:
            said = formatted(f"{name} {{}} is none of {', '.join(WORDS[name])}; give the feed values for it", shown)
            is_known = positions.is_removed(text) if name == "result" else pl.lit(value=False)
            unread = text.is_not_null() & ~is_known
            problems.append(Problem("value", unread, said, among=pl.col(name).is_null(), column=name))
        elif name == "race_date":
            said = formatted("race date {} is not a date as {} are", shown, _formats(spec))
            # Where the off holds the same day, it has been told of that.
            is_told = _no_moment() & pl.col(_text("start_at")).str.contains(text, literal=True)
            unread = text.is_not_null() & ~is_told.fill_null(value=False)
            problems.append(Problem("start_time", unread, said, among=pl.col(name).is_null()))
    return problems


def _unread(rule: str, name: str, message: pl.Expr) -> Problem:
    return Problem(rule, pl.col(_text(name)).is_not_null(), message, among=pl.col(name).is_null(), column=name)


def _range(name: str) -> str:
    return " such as 480, 480m or 525y" if name == "distance_m" else " that is whole" if name in WHOLE else ""


def _no_price(name: str) -> list[Problem]:
    text = pl.col(_text(name))
    not_finite = text.str.contains(r"(?i)^\s*[+-]?(nan|inf|infinity)\s*$")
    among = pl.col(name).is_null()
    unread = text.is_not_null() & ~odds.is_null_word(text) & ~_is_bare(name)
    return [
        Problem(
            "price_range",
            unread & not_finite,
            formatted(f"{name} {{}} is not a price; decimal or fractional odds, or a blank, are", _shown(name)),
            among=among,
            column=name,
        ),
        Problem(
            "number",
            unread & ~not_finite,
            _priced_otherwise(
                text,
                _shown(name),
                formatted(f"{name} {{}} is neither decimal nor fractional odds, such as 3.5 or 5/2", _shown(name)),
            ),
            among=among,
            column=name,
        ),
    ]


def _priced_otherwise(text: pl.Expr, shown: pl.Expr, message: pl.Expr) -> pl.Expr:
    """Return the message of a price that is not read; American odds have one of their own."""
    american = formatted("{} has the plus of American odds, which are not read; give decimal or fractional odds", shown)
    return pl.when(odds.is_american(text)).then(american).otherwise(message)


def _is_bare(name: str) -> pl.Expr:
    """Whether a price is a whole number, which `_no_notation` tells of."""
    return odds.is_bare_number(bare(pl.col(_text(name)))).fill_null(value=False)


def _no_notation(name: str, value: str, notation: Notation | None) -> list[Problem]:
    if notation is not None:
        return []
    said = formatted(
        f"{name} {{}} may be decimal odds or a fraction, such as 3 for 3.0 or 3/1, and the column does not tell; give "
        f"columns.{name} `odds: decimal` or `odds: fractional`",
        _shown(name),
    )
    return [Problem("number", _is_bare(name), said, among=pl.col(value).is_null(), column=name)]


def _unread_moment() -> Problem:
    return Problem(
        "start_time",
        pl.lit(value=True),
        formatted("off {} is not a date and time that this feed's formats read", _shown("start_at")),
        among=_no_moment() & pl.col("start_at zone").is_null(),
    )


def _unknown_zone() -> Problem:
    zone = pl.concat_str(pl.lit("'"), pl.col("start_at zone").str.slice(0, 60), pl.lit("'"))
    said = formatted(
        "off {} is of the zone {}, which is no zone for certain; write UTC, an IANA name such as Europe/London or an "
        "offset such as +10:00 there, or give the feed a timezone of its own",
        _shown("start_at"),
        zone,
    )
    return Problem("start_time", pl.lit(value=True), said, among=_no_moment() & pl.col("start_at zone").is_not_null())


def _no_moment() -> pl.Expr:
    """Rows whose off could not be read."""
    return pl.col("start_at").is_null() & pl.col("start_local").is_null() & ~pl.col("start_at is missing")


def _missing_hour() -> Problem:
    said = formatted("off {} does not exist there: the clocks go forward over it", _shown("start_at"))
    return Problem("local_time", pl.lit(value=True), said, among=pl.col("start_at is missing"))


def _formats(spec: FieldSpec) -> pl.Expr:
    return pl.lit(", ".join(spec.formats) or "the others of this file")


def _shown(name: str) -> pl.Expr:
    return pl.concat_str(pl.lit("'"), pl.col(_text(name)).fill_null("").str.slice(0, 60), pl.lit("'"))


def targets_with_dates(fields: Sequence[Fields]) -> dict[str, FieldSpec]:
    """The fields whose texts are dates or times, by target."""
    return {name: spec for each in fields for name, spec in each.items() if name in {*MOMENTS, "race_date"}}
