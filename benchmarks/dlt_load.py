"""The dlt contestant: a program of its own that loads one CSV with dlt's Arrow path and a merge on the natural key."""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

TABLE = "selections"
KEY = ("event_id", "start_time", "selection_id")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--pipelines-dir", type=Path, required=True)
    parser.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--strategy", choices=("delete-insert", "upsert"), default="delete-insert")
    parser.add_argument(
        "--deduplicated",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="promise delete-insert that no key comes twice in the file, which spares it a window over all rows",
    )
    parser.add_argument("--key", nargs="+", default=KEY, help="columns no two rows have alike")
    parser.add_argument("--file-rows", type=int, default=500_000, help="rows of one load file; files load in parallel")
    parser.add_argument("--block-mib", type=int, default=16, help="bytes of CSV per Arrow batch")
    return parser.parse_args()


def credentials(url: str) -> str:
    """The address in the form dlt takes.

    A socket's folder stands as the host, percent-encoded, not in the query; and dlt insists on some password, which a
    server that trusts its socket never asks for.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if "host" not in query:
        return url
    port = query.get("port", ["5432"])[0]
    login = f"{parts.username or 'postgres'}:{parts.password or 'unused'}"
    return f"postgresql://{login}@{quote(query['host'][0], safe='')}:{port}{parts.path}"


def quiet(args: argparse.Namespace) -> None:
    """Settings dlt reads from the environment when imported: no telemetry, its files in our folder only."""
    os.environ.update(
        {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(args.pipelines_dir),
            "DLT_PROJECT_DIR": str(args.pipelines_dir),
            "DATA_WRITER__FILE_MAX_ITEMS": str(args.file_rows),
            "DATA_WRITER__BUFFER_MAX_ITEMS": str(min(args.file_rows, 250_000)),
        }
    )


def main() -> None:
    args = arguments()
    args.pipelines_dir.mkdir(parents=True, exist_ok=True)
    quiet(args)
    import dlt
    import pyarrow as pa
    from pyarrow import csv

    is_promised = args.deduplicated and args.strategy == "delete-insert"
    disposition = {"disposition": "merge", "strategy": args.strategy, **({"deduplicated": True} if is_promised else {})}

    @dlt.resource(name=TABLE, write_disposition=disposition, primary_key=tuple(args.key), file_format=args.format)
    def selections() -> Iterator[pa.RecordBatch]:
        yield from csv.open_csv(args.file, read_options=csv.ReadOptions(block_size=args.block_mib << 20))

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(args.pipelines_dir / "pipelines"),
        destination=dlt.destinations.postgres(credentials(args.url)),
        dataset_name="bench",
    )
    info = pipeline.run(selections())
    info.raise_on_failed_jobs()
    trace = pipeline.last_trace
    stages = {step.step: round((step.finished_at - step.started_at).total_seconds(), 2) for step in trace.steps}
    strategy = f"{args.strategy}{' (promised: no duplicates)' if is_promised else ''}"
    setting = f"Arrow batches -> {args.format} files of {args.file_rows:,} rows -> merge by {strategy}"
    print(json.dumps({"version": dlt.__version__, "configuration": setting, "stages": stages}))


if __name__ == "__main__":
    main()
