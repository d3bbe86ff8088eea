"""The floor: a program that copies one CSV into one plain table without a key, and does nothing else."""

import argparse
from pathlib import Path

import psycopg

TABLE = "bench.plain"
DDL = f"""
create schema bench;
create table {TABLE} (event_id bigint, event_name text, track text, start_time timestamptz, selection_id bigint,
                      selection_name text, price float8, volume float8)
"""
BLOCK = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", required=True)
    args = parser.parse_args()
    with psycopg.connect(args.url) as connection, args.file.open("rb") as source:
        connection.execute(DDL)
        connection.commit()
        with connection.cursor().copy(f"COPY {TABLE} FROM STDIN (FORMAT csv, HEADER)") as copy:
            while block := source.read(BLOCK):
                copy.write(block)


if __name__ == "__main__":
    main()
