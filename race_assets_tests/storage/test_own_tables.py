"""A user's table follows the frames it is stored from, and never keeps a value as something else."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import polars as pl
import pytest

from race_assets.errors import PermanentError
from race_assets.storage import own_tables
from race_assets.storage.postgres import Warehouse
from race_assets_tests.storage.frames import DAY1, DAY2, ask, tell

TABLE = "analysis.fields"
AT = datetime(2024, 6, 27, 18, 36)  # noqa: DTZ001 - a local time
VALUES: dict[str, tuple[Any, pl.DataType]] = {
    "smallint": (3, pl.Int16()),
    "integer": (3, pl.Int32()),
    "bigint": (3, pl.Int64()),
    "real": (2.5, pl.Float32()),
    "double precision": (2.5, pl.Float64()),
    "boolean": (True, pl.Boolean()),
    "text": ("7", pl.String()),
    "bytea": (b"\xff", pl.Binary()),
    "date": (date(2024, 6, 27), pl.Date()),
    "time without time zone": (AT.time(), pl.Time()),
    "timestamp without time zone": (AT, pl.Datetime("us")),
    "timestamp with time zone": (AT.replace(tzinfo=UTC), pl.Datetime("us", "UTC")),
    "bigint[]": ([1, 2], pl.List(pl.Int64())),
    "double precision[]": ([1.5], pl.List(pl.Float64())),
}
"""For each type of Postgres a value and the type of Polars that is stored in it."""


@pytest.fixture
def warehouse(database: str) -> Warehouse:
    return Warehouse(database)


@pytest.fixture
def kept(warehouse: Warehouse) -> Iterator[None]:
    """Connections are used again."""
    with warehouse.kept():
        yield


def day(number: date = DAY1, **columns: Any) -> pl.DataFrame:
    """One row of a day."""
    return pl.DataFrame({"race_date": [number]}).with_columns(**columns)


def of_type(kind: str) -> pl.Expr:
    value, dtype = VALUES[kind]
    return pl.lit(pl.Series([value], dtype=dtype)).first()


def store(warehouse: Warehouse, frame: pl.DataFrame, days: Sequence[date] | None = (DAY1,)) -> None:
    own_tables.replace_days(warehouse, TABLE, frame, days)


def stored(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return ask(warehouse, f"select * from {TABLE} order by 1")


@pytest.mark.usefixtures("kept")
def test_a_type_that_changed_is_refused_by_day_and_followed_as_a_whole(warehouse: Warehouse) -> None:
    for before, after in permutations(VALUES, 2):
        first, then = day(v=of_type(before)), day(DAY2, v=of_type(after))
        store(warehouse, first, None)
        with pytest.raises(PermanentError) as refused:
            store(warehouse, then, [DAY2])
        said = str(refused.value)
        assert f"column v is {before} and would become {after}: cast it" in said
        assert 'drop table "analysis"."fields"' in said
        assert stored(warehouse) == [(DAY1, VALUES[before][0])]

        store(warehouse, then, None)
        assert stored(warehouse) == [(DAY2, VALUES[after][0])]


def test_every_column_that_cannot_be_stored_is_named_at_once(warehouse: Warehouse) -> None:
    store(warehouse, day(a=pl.lit(1), b=pl.lit("x"), c=pl.lit(1.5)))
    with pytest.raises(PermanentError, match=r"lacks the column b; column a is integer .* double precision") as refused:
        store(warehouse, day(a=pl.lit(1.5), c=pl.lit(2.5)))
    assert "column c" not in str(refused.value)


def test_a_new_column_is_added_and_null_on_other_days(warehouse: Warehouse) -> None:
    store(warehouse, day(v=pl.lit(1)))
    store(warehouse, day(DAY2, w=pl.lit("new"), v=pl.lit(2)), [DAY2])
    assert stored(warehouse) == [(DAY1, 1, None), (DAY2, 2, "new")]
    store(warehouse, day(v=pl.lit(3), w=pl.lit("told")))
    assert stored(warehouse) == [(DAY1, 3, "told"), (DAY2, 2, "new")]


def test_a_column_that_is_gone_is_refused_by_day_and_dropped_from_a_whole_table(warehouse: Warehouse) -> None:
    store(warehouse, day(v=pl.lit(1)))
    with pytest.raises(PermanentError, match="lacks the column v"):
        store(warehouse, day())
    assert stored(warehouse) == [(DAY1, 1)]
    store(warehouse, day(), None)
    assert stored(warehouse) == [(DAY1,)]


@pytest.mark.parametrize("days", [[DAY1], None])
def test_a_column_that_postgres_fills_may_be_left_out_and_is_kept(
    warehouse: Warehouse, days: list[date] | None
) -> None:
    store(warehouse, day(v=pl.lit(1)), days)
    tell(warehouse, f"alter table {TABLE} add column note text default 'none', add column id bigserial")
    store(warehouse, day(v=pl.lit(2)), days)
    assert stored(warehouse) == [(DAY1, 2, "none", 2)]


@pytest.mark.parametrize("days", [[DAY1], None])
def test_a_table_that_fits_stays_the_same_table(warehouse: Warehouse, days: list[date] | None) -> None:
    store(warehouse, day(v=pl.lit(1), w=pl.lit("x")), days)
    oid = ask(warehouse, f"select '{TABLE}'::regclass::oid")
    store(warehouse, day(w=pl.lit("y"), v=pl.lit(2)), days)
    assert ask(warehouse, f"select '{TABLE}'::regclass::oid") == oid
    assert stored(warehouse) == [(DAY1, 2, "y")]


def test_a_whole_table_that_cannot_be_made_anew_stays_as_it_was(warehouse: Warehouse) -> None:
    store(warehouse, day(v=pl.lit(1)), None)
    tell(warehouse, f"create view analysis.latest as select * from {TABLE}")
    with pytest.raises(PermanentError, match=r"(?s)stays as it was.*view analysis\.latest depends") as refused:
        store(warehouse, day(v=pl.lit(1.5)), None)
    assert TABLE in str(refused.value)
    assert stored(warehouse) == [(DAY1, 1)]


def test_rows_that_the_table_refuses_are_named_and_change_nothing(warehouse: Warehouse) -> None:
    store(warehouse, day(v=pl.lit(1)))
    tell(warehouse, f"alter table {TABLE} add check (v < 2)")
    with pytest.raises(PermanentError, match=r"analysis\.fields cannot be stored.*violates check"):
        store(warehouse, day(v=pl.lit(2), w=pl.lit(0)))
    assert stored(warehouse) == [(DAY1, 1)]


@pytest.mark.parametrize(
    "texts",
    [
        pl.Series(["a", "b\0c", None]),
        pl.Series(["a", "b\0c", None], dtype=pl.Categorical),
        pl.Series([["a"], [], ["b", None, "\0"]]),
    ],
)
def test_a_text_with_a_nul_is_refused_with_its_column(warehouse: Warehouse, texts: pl.Series) -> None:
    with pytest.raises(PermanentError, match=r"analysis\.fields: v has texts with a NUL"):
        store(warehouse, pl.DataFrame({"race_date": [DAY1] * 3, "v": texts, "w": ["fine"] * 3}))
    assert ask(warehouse, "select to_regclass('analysis.fields')") == [(None,)]


def test_names_that_postgres_would_cut_are_refused(warehouse: Warehouse) -> None:
    fits = "é" * 31
    store(warehouse, day(**{fits: pl.lit(1)}))
    with pytest.raises(PermanentError, match="63 bytes"):
        store(warehouse, day(**{fits: pl.lit(1), "é" * 32: pl.lit(1)}))
    with pytest.raises(PermanentError, match="63 bytes"):
        own_tables.replace_days(warehouse, "analysis." + "t" * 64, day(), None)


@pytest.mark.parametrize("table", ["core.races", "ops.wanted_days", "dagster.runs", "quarantine.rejects"])
@pytest.mark.parametrize("days", [[DAY1], None])
def test_a_table_of_race_assets_is_not_overwritten(warehouse: Warehouse, table: str, days: list[date] | None) -> None:
    with pytest.raises(PermanentError, match="another key"):
        own_tables.replace_days(warehouse, table, day(), days)


def test_what_is_no_table_is_not_overwritten(warehouse: Warehouse) -> None:
    tell(warehouse, "create schema analysis")
    tell(warehouse, f"create view {TABLE} as select 1 as v")
    with pytest.raises(PermanentError, match="not as a table"):
        store(warehouse, day(), None)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (pl.lit(Decimal("1.25")), "cast it to Float64"),
        (pl.lit(1, dtype=pl.UInt64), "cast it to Int64"),
        (pl.struct("race_date"), "unnest it"),
        (pl.duration(seconds=2), r"dt.total_milliseconds"),
        (pl.lit(None), "cast it to the type"),
        (pl.concat_list(pl.lit(1)).reshape((1, 1)), r"arr.to_list"),
    ],
)
def test_a_type_that_is_not_stored_is_named_with_what_to_do(warehouse: Warehouse, value: pl.Expr, remedy: str) -> None:
    with pytest.raises(PermanentError, match=f"column 'v' holds .*{remedy}"):
        store(warehouse, day(v=value))
