"""Running a command under a clock: wall time, processor time, peak memory; and the figures drawn from repeats."""

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SAMPLE_S = 0.1
MEBIBYTE = 1 << 20
# The kernel's mark is in KiB, on macOS in bytes.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class CommandFailedError(RuntimeError):
    """A measured command ended with an exit code other than 0, or ran into its time limit."""


@dataclass
class Run:
    """What one finished command took. Peaks are resident memory in MiB, Postgres left out."""

    seconds: float
    cpu_s: float
    peak_process_mib: float
    peak_tree_mib: float
    output: str


@dataclass
class Watch:
    """Peak memory of a process and its descendants, sampled until it ends."""

    pid: int
    deadline: float
    largest: int = 0
    total: int = 0
    timed_out: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Sample until ``done``; a tree still alive at the deadline is ended, process by process."""
        while not self.done.wait(SAMPLE_S):
            family = _family(self.pid)
            sizes = list(_sizes(family))
            self.largest = max(self.largest, *sizes, 0)
            self.total = max(self.total, sum(sizes))
            if time.monotonic() > self.deadline and not self.timed_out:
                self.timed_out = True
                for process in family:
                    with suppress(psutil.Error):
                        process.kill()


def _family(pid: int) -> list[psutil.Process]:
    """The process and everything it started, as far as still alive."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _sizes(family: Iterable[psutil.Process]) -> Iterable[int]:
    """Resident bytes of each of our processes; the server's belong to nobody here."""
    for process in family:
        with suppress(psutil.Error):
            if not process.name().startswith("postgres"):
                yield process.memory_info().rss


def _kernel_peak(usage: resource.struct_rusage) -> int:
    """The kernel's own mark of a child's peak, in bytes; 0 where it may be ours, taken over at the fork."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage.ru_maxrss * MAXRSS_UNIT if usage.ru_maxrss > ours else 0


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    log: Path,
    timeout_s: float = 1800,
) -> Run:
    """Run one command to its end; its stderr goes to ``log``.

    Raises:
        CommandFailedError: with the end of the log, if the command fails or takes longer than ``timeout_s``.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    output = log.with_suffix(".out")
    with log.open("wb") as errors, output.open("wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
        )
        watch = Watch(process.pid, time.monotonic() + timeout_s)
        sampler = threading.Thread(target=watch.run, daemon=True)
        sampler.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()
            raise
        finally:
            watch.done.set()
            sampler.join()
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or watch.timed_out:
        reason = f"took more than {timeout_s:.0f} s" if watch.timed_out else f"exit code {process.returncode}"
        tail = (output.read_text(errors="replace") + log.read_text(errors="replace"))[-3000:]
        raise CommandFailedError(f"{' '.join(map(str, command))}: {reason}; see {log}\n{tail}")
    return Run(
        seconds=seconds,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_process_mib=max(_kernel_peak(usage), watch.largest) / MEBIBYTE,
        peak_tree_mib=max(_kernel_peak(usage), watch.total) / MEBIBYTE,
        output=output.read_text(errors="replace"),
    )


def median(values: Iterable[float]) -> float:
    """The median, rounded to what a noisy machine can tell."""
    return round(statistics.median(values), 3)


def median_ratio(numerators: Iterable[float], denominators: Iterable[float]) -> float:
    """The median of the ratios of pairs measured one after the other."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))
