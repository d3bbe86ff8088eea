"""Betfair's stream archives of every plan, and captures: one record per runner and WIN or PLACE market.

Reading them is the work of `stream/`; here figures become records. Facts: API_CONTRACTS 3.8 and 4, SOURCE_FACTS 1.
"""

import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from race_assets.errors import UnreadableFileError
from race_assets.http.actions import looks_like_html
from race_assets.schemas.records import PROBLEM
from race_assets.settings import Settings
from race_assets.settings.exchange import ExchangeSettings
from race_assets.settings.streams import StreamSettings
from race_assets.sources import sport
from race_assets.sources.base import FileSource, ReadReport, RowAsRead
from race_assets.sources.betfair.stream import archive, excerpt
from race_assets.sources.betfair.stream.archive import Member
from race_assets.sources.betfair.stream.grid import FIELDS
from race_assets.sources.betfair.stream.market import CLOSED
from race_assets.sources.betfair.stream.results import MarketFigures, MemberFigures, RunnerFigures
from race_assets.sources.betfair.stream.workers import read_members
from race_assets.values import distances, names, times

GREYHOUNDS = "4339"
KNOWN = {"", "ACTIVE", "WINNER", "LOSER", "PLACED", "REMOVED", "REMOVED_VACANT", "HIDDEN"}
"""Statuses of runners."""
RACES = {"WIN", "PLACE"}
SENTINEL_ABOVE, SENTINEL_BELOW = 1000.0, 1.01
BATCH_RECORDS = 20_000
DOUBLE = 8
HEAD_BYTES = 512
SHOWN_KEYS = 8
RULE, MESSAGE = "rule", "message"

COLUMNS: dict[str, Any] = {
    "source_row": pl.Int64, "byte_offset": pl.Int64, "market_id": pl.String, "event_id": pl.String,
    "event_name": pl.String, "market_type": pl.String, "market_name": pl.String, "track_name": pl.String,
    "country": pl.String, "timezone": pl.String, "start_ms": pl.Int64, "off_ms": pl.Int64, "heard_ms": pl.Int64,
    "traded_ms": pl.Int64, "selection_id": pl.String, "selection_name": pl.String, "status": pl.String,
    "result": pl.String, "is_dead_heat": pl.Boolean, "bsp": pl.Float64, "last_traded": pl.Float64,
    "pre_off_volume": pl.Float64, "pre_off_wap": pl.Float64, "pre_off_max": pl.Float64, "pre_off_min": pl.Float64,
    "filtered": pl.String, "problems": pl.List(PROBLEM), "notes": pl.List(pl.String), "market": pl.Int64,
    "runner": pl.Int64,
}  # fmt: skip
"""What is gathered of a record before whole columns are made of it."""

Row = dict[str, Any]
Problems = list[tuple[str, str]]
"""Rules that are broken, each with a message."""


class BetfairHistoric(FileSource):
    """Stream files of Betfair's historic data and of captures, alone or in archives.

    Its parser version is a number made of the price grid: with another one, files are read anew.

    Attributes:
        must_close: a market whose file does not reach its close is refused: the file was cut.
        version: raised whenever the same file would parse to something else.
    """

    name = "betfair_historic"
    title = "Betfair historic data: stream files of every plan, as bought or recorded"
    row_is = "record"
    must_close = True
    version = 3

    @classmethod
    def configured(cls, settings: Settings) -> "BetfairHistoric":
        """See `FileSource.configured`."""
        return cls(settings.sources.betfair_historic)

    def __init__(self, settings: StreamSettings | ExchangeSettings) -> None:
        self.offsets = settings.price_points.offsets()
        self.processes = settings.processes or os.cpu_count() or 1
        self.parser_version = zlib.crc32(f"{self.version} {self.offsets}".encode()) & 0x7FFF_FFFF

    def read(self, path: Path, name: str, report: ReadReport) -> Iterator[pl.DataFrame]:
        """See `FileSource.read`."""
        report.shape = "stream"
        _refuse_page(path)
        gathered = _Gathered(name, must_close=self.must_close)
        unknown: Counter[str] = Counter()
        count = 0
        for member, found in self._members(path):
            count += 1
            report.rows_read += found.lines
            unknown.update(found.unknown)
            gathered.add(member, found)
            if len(gathered.rows) >= BATCH_RECORDS:
                yield self.seen(gathered.frame())
        if not count:
            raise UnreadableFileError("no_data", "the archive holds no files; nothing to take")
        if gathered.rows:
            yield self.seen(gathered.frame())
        report.warnings += _told_unknown(unknown) + _backward_steps(gathered.backward)

    def _members(self, path: Path) -> Iterator[tuple[Member, MemberFigures]]:
        return read_members(path, archive.members(path), self.offsets, self.processes, self.unpack_limits)

    def seen(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The records without what nobody has seen; a file that was bought has seen everything.

        Args:
            frame: records, beside the columns of `schemas.records.PARSED` with `heard_at`, the last message before the
                off.
        """
        return frame.drop("heard_at")

    def cells_of(self, path: Path, text: str) -> list[str]:
        """See `FileSource.cells_of`; a message is one cell."""
        del path
        return [text]

    def rows_as_read(self, path: Path, byte_offsets: Sequence[int]) -> dict[int, RowAsRead]:
        """See `FileSource.rows_as_read`; the last definition of a record's market, as it stands in the file."""
        return excerpt.rows_as_read(path, byte_offsets, self.unpack_limits)


def _refuse_page(path: Path) -> None:
    with path.open("rb") as file:
        if looks_like_html(file.read(HEAD_BYTES)):
            raise UnreadableFileError(
                "blocked_page",
                "it is an HTML page saved under this name, not data; the session had ended or the file is not bought: "
                "log in and fetch it again",
            )


def _told_unknown(unknown: Counter[str]) -> list[str]:
    if not unknown:
        return []
    shown = ", ".join(f"{key} ({count:,} times)" for key, count in sorted(unknown.items())[:SHOWN_KEYS])
    more = f" and {len(unknown) - SHOWN_KEYS} more" if len(unknown) > SHOWN_KEYS else ""
    return [f"keys that are not known were passed over: {shown}{more}"]


def _backward_steps(markets: Mapping[str, int]) -> list[str]:
    if not markets:
        return []
    shown = ", ".join(list(markets)[:SHOWN_KEYS]) + (", …" if len(markets) > SHOWN_KEYS else "")
    count = sum(markets.values())
    whose = f"{count:,} message{'s' * (count > 1)} of {len(markets):,} market{'s' * (len(markets) > 1)} ({shown})"
    return [f"{whose} with an earlier time (pt) than one above: taken in the file's order, at the latest time so far"]


class _Gathered:
    """Records of some members, and their price points."""

    def __init__(self, file: str, *, must_close: bool) -> None:
        self.file = file
        self.must_close = must_close
        self.rows: list[Row] = []
        self.grids: list[tuple[int, MarketFigures]] = []
        self.backward: dict[str, int] = {}
        self.source_row = 0
        self.markets = 0

    def add(self, member: Member, found: MemberFigures) -> None:
        """Takes in a member: each market's runners, and one record for everything that cannot be one."""
        where = member.name or self.file
        for number, market in enumerate(found.markets):
            self.markets += 1
            if market.backward_steps:
                self.backward[market.market_id] = self.backward.get(market.market_id, 0) + market.backward_steps
            at = member.offset + number
            without = _without_runners(where, market)
            problems = _market_problems(where, market, must_close=self.must_close)
            rows = [without] if without else [_runner_row(where, market, each, problems) for each in market.runners]
            for place, row in enumerate(rows):
                self._append(row, at, place)
            if market.points and not without:
                self.grids.append((self.markets, market))
        for damage in found.damages:
            self._append(_problem_row("readable", f"{where}: {damage}"), member.offset, -1)

    def _append(self, row: Row, at: int, place: int) -> None:
        self.source_row += 1
        place_of = {"source_row": self.source_row, "byte_offset": at, "market": self.markets, "runner": place}
        self.rows.append(row | place_of)

    def frame(self) -> pl.DataFrame:
        """The records so far with their points and `heard_at`; then begins anew."""
        frame = _records(pl.DataFrame(self.rows, schema=COLUMNS, infer_schema_length=None))
        if self.grids:
            frame = frame.join(_nested(self.grids), on=["market", "runner"], how="left", maintain_order="left")
        self.rows, self.grids = [], []
        return frame.drop("market", "runner")


def _problem_row(rule: str, message: str) -> Row:
    return {"problems": [{RULE: rule, MESSAGE: message}]}


def _without_runners(where: str, market: MarketFigures) -> Row | None:
    """The one record of a market that names no runners, if it is such a one."""
    named = f"{where}: market {market.market_id}"
    if not market.has_definition:
        said = f"{named} has {market.messages:,} messages and no marketDefinition; land the whole stream"
    elif not market.runners:
        said = f"{named} has a marketDefinition without runners; land the whole stream"
    else:
        return None
    return _market_row(market) | _problem_row("market_defined", said)


def _market_row(market: MarketFigures) -> Row:
    """What all records of a market share."""
    return {
        "market_id": market.market_id,
        "event_id": market.event_id,
        "event_name": market.event_name,
        "market_type": market.market_type,
        "market_name": market.name,
        "track_name": market.venue,
        "country": market.country,
        "timezone": market.timezone,
        "start_ms": market.scheduled_off,
        "off_ms": None if _is_void(market) else market.off,
        "heard_ms": market.last_heard,
        "filtered": _filtered(market),
    }


def _filtered(market: MarketFigures) -> str | None:
    if market.event_type_id not in {GREYHOUNDS, None}:
        return sport.NOT_GREYHOUNDS
    if market.market_type is not None and market.market_type not in RACES:
        return market.market_type.lower()
    return None


def _is_void(market: MarketFigures) -> bool:
    """Closed, and nobody won or was placed (API_CONTRACTS 8.7); a status that nobody knows may mean either."""
    won = any(runner.status in {"WINNER", "PLACED"} or runner.status not in KNOWN for runner in market.runners)
    return market.status == CLOSED and not won


def _runner_row(where: str, market: MarketFigures, runner: RunnerFigures, of_market: Problems) -> Row:
    status, result = _outcome(market, runner)
    bsp, notes = runner.bsp, []
    if bsp is not None and not SENTINEL_BELOW <= bsp <= SENTINEL_ABOVE:
        bsp, notes = None, ["sentinel_bsp"]
    if runner.is_known and not runner.is_listed:
        notes.append("left_out_of_last_definition")
    if market.backward_steps:
        notes.append("time_went_back")
    if market.is_latin_1:
        notes.append("latin_1")
    found = [*of_market, *_runner_problems(where, market, runner)]
    problems = [{RULE: rule, MESSAGE: message} for rule, message in found]
    handicap = f":{runner.handicap:g}" if runner.handicap else ""
    return _market_row(market) | {
        "selection_id": f"{runner.selection_id}{handicap}",
        "selection_name": runner.name,
        "status": status,
        "result": result,
        "is_dead_heat": _is_dead_heat(market, runner),
        "bsp": bsp,
        "last_traded": runner.last_traded,
        "traded_ms": None if runner.last_traded is None else runner.last_traded_pt,
        "pre_off_volume": runner.volume,
        "pre_off_wap": runner.wap,
        "pre_off_max": runner.highest,
        "pre_off_min": runner.lowest,
        "problems": problems or None,
        "notes": notes or None,
    }


def _outcome(market: MarketFigures, runner: RunnerFigures) -> tuple[str, str | None]:
    """Status and result of a runner; in a void market all stood but those withdrawn before."""
    if runner.status in {"HIDDEN", "REMOVED_VACANT"}:
        return "INACTIVE", None
    if _is_void(market) and not runner.was_withdrawn:
        return "ACTIVE", "VOID"
    if runner.status == "REMOVED" or not runner.is_listed:
        return "SCRATCHED", None
    won = "PLACED" if market.market_type == "PLACE" else "WINNER"
    return "ACTIVE", {"WINNER": won, "PLACED": "PLACED", "LOSER": "LOSER"}.get(runner.status)


def _is_dead_heat(market: MarketFigures, runner: RunnerFigures) -> bool:
    """More won than can; of a PLACE market's placed nobody can say which shared the last place."""
    won = sum(each.status == "WINNER" for each in market.runners)
    return market.market_type == "WIN" and runner.status == "WINNER" and won > (market.number_of_winners or 1)


def _market_problems(where: str, market: MarketFigures, *, must_close: bool) -> Problems:
    named = f"{where}: market {market.market_id}"
    if _filtered(market):
        return []
    found = []
    if market.broken:
        found.append(("readable", f"{named} lost a message: {market.broken}"))
    if market.event_type_id is None and sport.is_horse_market(market.name):
        said = f"{named} does not name its sport, and {market.name!r} may be of a horse race"
        found.append((sport.RULE, said))
    if market.market_type is None:
        found.append(("market_defined", f"{named} has a marketDefinition without marketType"))
    if market.scheduled_off is None:
        said = f"{named} has a marketDefinition without marketTime, so its off is not known; land the whole stream"
        found.append(("start_time", said))
    if must_close and market.status != CLOSED:
        ends = market.status or "without a status"
        said = f"{named} does not close: it ends {ends}, cut or not yet settled; land the whole stream"
        found.append(("settled", said))
    return found


def _runner_problems(where: str, market: MarketFigures, runner: RunnerFigures) -> Problems:
    if _filtered(market):
        return []
    if runner.status not in KNOWN:
        said = f"runner {runner.selection_id} is {runner.status[:40]!r}, a status that nobody knows"
        return [("runner_known", f"{where}: market {market.market_id}: {said}; report this with the file")]
    if runner.is_known:
        return []
    whom = f"runner {runner.selection_id}, whom no marketDefinition names"
    at = f"from byte {runner.stranger_at:,} of its text on"
    return [("runner_known", f"{where}: market {market.market_id} has prices of {whom}, {at}")]


def _records(rows: pl.DataFrame) -> pl.DataFrame:
    """Whole columns out of what was gathered per record."""
    race = distances.grade_and_distance(pl.col("market_name"))
    zones = [zone for zone in rows["timezone"].drop_nulls().unique() if times.is_zone(zone)]
    frame = names.with_trap_and_dog(rows, "selection_name").with_columns(
        start_at=_instant("start_ms"),
        actual_off_at=_instant("off_ms"),
        observed_at=_instant("traded_ms"),
        heard_at=_instant("heard_ms"),
    )
    return frame.with_columns(
        race_date=times.in_zone(pl.col("start_at"), pl.col("timezone"), zones).dt.date(),
        country=pl.when(pl.col("country").is_in(["GB", "IE"])).then(pl.lit("GB/IE")).otherwise("country"),
        race_type=race.struct.field("race_type"),
        distance_m=race.struct.field("distance_m"),
        race_number=race.struct.field("race_number"),
        volume=pl.col("pre_off_volume"),
        currency=pl.lit("GBP"),
    )


def _instant(milliseconds: str) -> pl.Expr:
    return pl.col(milliseconds).cast(pl.Datetime("ms", "UTC")).cast(pl.Datetime("us", "UTC"))


def _nested(grids: Sequence[tuple[int, MarketFigures]]) -> pl.DataFrame:
    """`market`, `runner` and the list of its `points`, out of the grids of some markets; NaN is null."""
    import pyarrow as pa

    packed = b"".join(market.points for _, market in grids)
    count = len(packed) // DOUBLE
    values = pl.Series(pl.from_arrow(pa.Array.from_buffers(pa.float64(), count, [None, pa.py_buffer(packed)])))
    rows = pl.DataFrame(
        {
            "market": [number for number, _ in grids],
            "is_basic": [market.is_basic for _, market in grids],
            "rows": [len(market.points) // DOUBLE // len(FIELDS) for _, market in grids],
        }
    )
    columns = [values.gather_every(len(FIELDS), place).fill_nan(None).alias(name) for place, name in enumerate(FIELDS)]
    whose = rows.select(pl.col("market", "is_basic").repeat_by("rows")).explode("market", "is_basic").drop_nulls()
    points = whose.hstack(columns).with_columns(
        pl.col("runner").cast(pl.Int64), pl.col("seconds_before_off").cast(pl.Int32)
    )
    # BASIC tells no amounts (API_CONTRACTS 4.4): they are not 0, but not known.
    known = points.filter(~pl.col("is_basic") | pl.col("last_traded").is_not_null()).with_columns(
        pl.when(~pl.col("is_basic")).then(pl.col("volume", "volume_age_s"))
    )
    fields = [name for name in FIELDS if name != "runner"]
    return known.group_by("market", "runner", maintain_order=True).agg(pl.struct(fields).alias("points"))
