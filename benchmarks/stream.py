"""An archive of PRO stream files read to its end by each library that can, and by us, in turn."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks import contestants, measure, peers, stream_corpus, stream_peers
from benchmarks.contestants import DATA, ROOT, Outcome

OURS = "race_assets.sources.betfair.stream"
MEGABYTE = 1_000_000


def corpus(markets: int) -> tuple[Path, dict[str, int]]:
    """The made-up archive of so many files, written if it is not there yet; its folder and what is in it."""
    folder = DATA / "input" / f"stream-{markets}"
    manifest = folder / stream_corpus.MANIFEST
    if not manifest.exists():
        stream_corpus.write(folder, markets)
    if not (folder / stream_corpus.TAR).exists():
        stream_corpus.pack(folder)
    return folder, json.loads(manifest.read_text())


def names() -> list[str]:
    """Who can compete here."""
    return [name for name in stream_peers.PROGRAMS if not name.startswith("ours") or find_spec(OURS)]


def read(name: str, folder: Path, raw_bytes: int) -> Outcome:
    """One program in a process of its own; the largest process is a worker where there are workers."""
    command = [sys.executable, "-m", "benchmarks.stream_peers", name, folder]
    done = measure.run(command, cwd=ROOT, log=DATA / "logs" / "stream.log")
    told = contestants.last_json(done.output)
    return Outcome(
        rows=told["messages"],
        seconds=done.seconds,
        cpu_s=done.cpu_s,
        peak_process_mib=done.peak_process_mib,
        peak_tree_mib=done.peak_tree_mib,
        stages={
            "seconds": round(told["seconds"], 3),
            "messages/s": round(told["messages"] / told["seconds"]),
            "messages/s of processor time": round(told["messages"] / told["cpu_s"]),
            "MB/s of JSON": round(raw_bytes / told["seconds"] / MEGABYTE, 1),
        },
        detail=f"{told['version']}: {_doc(name)}",
    )


def _doc(name: str) -> str:
    program = stream_peers.PROGRAMS[name]
    return (getattr(program, "func", program).__doc__ or "").strip()


def compete(markets: int, repeat: int) -> dict[str, list[Outcome]]:
    """Each in turn, so that a noisy minute touches them all.

    Raises:
        RowsMissingError: if one of them did not see every message.
    """
    folder, content = corpus(markets)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in peers.present(names())}
    for turn in range(repeat):
        for name, found in outcomes.items():
            print(f"stream, round {turn + 1} of {repeat}: {name}", file=sys.stderr, flush=True)
            outcome = read(name, folder, content["raw_bytes"])
            if outcome.rows != content["messages"]:
                raise contestants.RowsMissingError(f"{name} saw {outcome.rows} of {content['messages']} messages")
            found.append(outcome)
    return outcomes
