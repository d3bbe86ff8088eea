"""The DuckDB contestant: reads one CSV, its reject table on, and copies it with ADBC into one plain table."""

import argparse
import json
import time
from pathlib import Path

TABLE = "plain"
BATCH_ROWS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", required=True)
    args = parser.parse_args()
    import duckdb
    from adbc_driver_postgresql import dbapi

    began = time.perf_counter()
    with duckdb.connect() as duck, dbapi.connect(args.url) as postgres, postgres.cursor() as cursor:
        reader = duck.execute("select * from read_csv(?, store_rejects = true)", [str(args.file)]).to_arrow_reader(
            BATCH_ROWS
        )
        cursor.adbc_ingest(TABLE, reader, mode="create")
        postgres.commit()
    told = {"version": duckdb.__version__, "stages": {"load": round(time.perf_counter() - began, 2)}}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
