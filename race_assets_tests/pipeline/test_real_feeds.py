"""The shipped feeds on real files: the account that docs/DATA_SOURCES.md tells of."""

from datetime import date
from pathlib import Path

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RECORDS
from race_assets.schemas.table import polars_schema
from race_assets_tests.pipeline.feed import ask, build_stale


def test_the_results_export_comes_through_as_written_down(workshop: Workshop, realdata: Path) -> None:
    file = realdata / "csv_feeds" / "gbgb_results_2024-05_cp1252.csv"
    (landed,) = land.land(workshop, "gbgb_results", [(file, file.name)])
    build_stale(workshop)
    assert (landed.rows_read, landed.undated, landed.rows_careful) == (6_489, 0, 0)
    sums = """select sum(records_in)::int, sum(accepted)::int, sum(quarantined)::int,
              sum((filtered ->> 'vacant_trap')::int)::int, sum((filtered ->> 'trial')::int)::int,
              sum((filtered ->> 'no_class_no_time')::int)::int
              from ops.ingestion_runs"""
    assert ask(workshop, sums) == [(6_489, 5_118, 0, 210, 1_159, 2)]
    assert ask(workshop, "select count(*), count(*) filter (where status = 'VOID') from core.races") == [(888, 5)]
    assert ask(workshop, "select count(*) from core.selections where status = 'SCRATCHED'") == [(141,)]
    void = "select count(*), count(*) filter (where result = 'WINNER') from core.selections where result = 'VOID'"
    assert ask(workshop, void) == [(28, 0)]
    shared = """select count(*) from (select race_id from core.selections where result = 'WINNER' and is_dead_heat
                group by race_id having count(*) = 2) as shared"""
    assert ask(workshop, shared) == [(3,)]
    prices = "select distinct sp_decimal from core.selections where sp_fraction = '13/8JF'"
    assert ask(workshop, prices) == [(2.625,)]
    days = [date(2024, 5, day) for day in range(15, 21)]
    records = workshop.lake.scan("validated/records", days, polars_schema(RECORDS)).collect()
    assert set(records.filter(sp_fraction="13/8JF")["favourite"]) == {"JF"}
    told = "1st £105 | Others £45 Race Total £330"
    row = workshop.source("gbgb_results").rows_as_read(file, records["byte_offset"].head(1).to_list())
    assert told in next(iter(row.values())).text


def test_the_hubs_file_makes_a_win_and_a_place_record_of_each_row(workshop: Workshop, realdata: Path) -> None:
    (file,) = (realdata / "hub").glob("*.csv")
    (landed,) = land.land(workshop, "betfair_hub", [(file, file.name)])
    build_stale(workshop)
    assert (landed.rows_read, landed.records) == (8, 16)
    assert ask(
        workshop, "select market_type, count(*) from core.prices where price_kind = 'BSP' group by 1 order by 1"
    ) == [("WIN", 8)]
    assert ask(workshop, "select sum(accepted)::int from ops.ingestion_runs") == [(16,)]
    assert ask(workshop, "select country, timezone from core.races limit 1") == [("NZ", "Pacific/Auckland")]
