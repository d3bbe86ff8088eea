"""Files of records: a frame of record columns written as a CSV file that every source can read.

The first line is a mark, the second names the columns, and each row below is one record. A source reads such a file by
its mark instead of by its own parser, so that a frame takes the way of every file: archive, ledger, validation.
"""

from difflib import get_close_matches
from pathlib import Path

import polars as pl

from race_assets.errors import SettingsError
from race_assets.settings.feeds import TARGETS, TRACK, FeedSettings
from race_assets.sources.base import FileSource

MARK = "# race_assets records 1"
"""Names the format and its version: a version that has been written stays readable as it was meant."""

REQUIRED = ("track_name", "start_at", "selection_name")
MARKET_TYPE = "market_type"
COLUMNS = (*REQUIRED, *(name for name in TARGETS if name not in REQUIRED), MARKET_TYPE)
"""The columns a frame may have; what a feed may fill, and the type of the market."""

ROW = "row"
"""Number of the row in its frame. It keeps a row of nulls from being a blank line."""
INSTANT, LOCAL, DAY = "%Y-%m-%dT%H:%M:%S%.6fZ", "%Y-%m-%dT%H:%M:%S%.6f", "%Y-%m-%d"
MOMENTS = ("start_at", "actual_off_at")


def reader_of(source: FileSource, path: Path) -> FileSource:
    """Return what reads a file of the source: the source itself, or the reader of files of records.

    Args:
        source: whose file it is.
        path: where its bytes are.
    """
    head = _head(path)
    if not head or head[0] != MARK:
        return source
    from race_assets.sources.csv_feed.feed import CsvFeed

    reader = CsvFeed(source.name, _feed(head[1].split(",")))
    reader.limits = source.limits
    return reader


def written(frame: pl.DataFrame) -> str:
    """Return a frame of records as the text of such a file; the same frame gives the same text.

    Args:
        frame: has `track_name`, `start_at` and `selection_name`, and any other of `COLUMNS`. Times with a zone are
            instants, those without are what the clocks at the track show. A value that its column cannot hold, such as
            a price that is no number, is written as it is: it is the row that is rejected.

    Raises:
        SettingsError: a required column is missing, a column is unknown, its type is not one that a cell has, or a
            market is neither WIN nor PLACE.
    """
    _check_columns(frame)
    names = [name for name in COLUMNS if name in frame.columns]
    texts = frame.select(_text(name, frame.schema[name]) for name in names)
    body = texts.with_row_index(ROW, offset=1).write_csv()
    return f"{MARK}\n{body}"


def as_frame_or_path(data: object) -> pl.DataFrame | Path:
    """Return what a caller gave as a frame or a path.

    Raises:
        SettingsError: it is neither.
    """
    if isinstance(data, str | Path):
        return Path(data)
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if isinstance(data, pl.DataFrame):
        return data
    raise SettingsError(f"a {type(data).__name__} cannot be stored: give a Polars frame, or the path of a file")


def _head(path: Path) -> list[str]:
    """The first two lines of a file that is plain text and long enough; else nothing."""
    with path.open("rb") as file:
        if file.read(len(MARK)) != MARK.encode():
            return []
        file.seek(0)
        return [file.readline().decode(errors="replace").rstrip("\r\n") for _ in range(2)]


def _feed(names: list[str]) -> FeedSettings:
    """What a file with these columns means, in the words of a feed."""
    spec: dict[str, object] = {name: {"column": name} for name in names if name in TARGETS}
    spec |= {name: {"column": name, "formats": [LOCAL]} for name in MOMENTS if name in names}
    spec |= {name: {"column": name, "formats": [DAY]} for name in ("race_date",) if name in names}
    entry: dict[str, object] = {
        "encoding": "utf-8",
        "separator": ",",
        "decimal": ".",
        "header": 2,
        "null_words": [""],
        "timezone": TRACK,
        "columns": spec,
    }
    if MARKET_TYPE in names:
        types = (("WIN", "WIN"), ("WIN", None), ("PLACE", "PLACE"))
        entry["markets"] = [{"market_type": kind, "when": {MARKET_TYPE: said}} for kind, said in types]
    return FeedSettings.model_validate(entry)


def _check_columns(frame: pl.DataFrame) -> None:
    missing = [name for name in REQUIRED if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in COLUMNS]
    nested = [f"{name} ({frame.schema[name]})" for name in frame.columns if frame.schema[name].is_nested()]
    wrong = []
    if missing:
        wrong.append(f"the frame lacks {', '.join(missing)}")
    if unknown:
        wrong.append(f"unknown columns {', '.join(map(_with_nearest, unknown))}: rename or drop them")
    if nested:
        wrong.append(f"{', '.join(nested)}: a cell is a text, number, date or time")
    wrong += [
        f"{name} is a date without a time of day: give it as Datetime, or as text in ISO 8601"
        for name in MOMENTS
        if frame.schema.get(name) == pl.Date
    ]
    if MARKET_TYPE in frame.columns:
        kinds = frame[MARKET_TYPE].cast(pl.String).drop_nulls().unique().sort()
        wrong += [f"{MARKET_TYPE} {kind!r}: must be WIN or PLACE" for kind in kinds if kind not in {"WIN", "PLACE"}]
    if wrong:
        raise SettingsError(
            f"{'; '.join(wrong)}. Columns of a record are {', '.join(COLUMNS)}. A frame with the columns of the "
            "source's own CSV files is written with frame.write_csv(path), and the path given instead"
        )


def _with_nearest(name: str) -> str:
    near = get_close_matches(name.lower(), COLUMNS, n=1)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            return column.dt.strftime(LOCAL)
        return column.dt.convert_time_zone("UTC").dt.strftime(INSTANT)
    return column.dt.strftime(DAY) if dtype == pl.Date else column.cast(pl.String)
