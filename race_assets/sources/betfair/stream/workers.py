"""Members of an archive read by several processes at once, and given back in the order of the archive."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Self

import msgspec

from race_assets.errors import ReaderDiedError
from race_assets.sources.betfair.stream.archive import Member
from race_assets.sources.betfair.stream.results import MemberFigures
from race_assets.sources.betfair.stream.worker import Task, perform, read_frame, write_frame

MODULE = "race_assets.sources.betfair.stream.worker"
PACKAGES = Path(__file__).absolute().parents[4]
TASK_BYTES, TASK_MEMBERS = 1 << 20, 256
AHEAD = 2
"""Tasks given out for each process beyond the one in work: giving back in order must keep none idle."""


def read_members(
    path: Path, members: Iterable[Member], offsets: Sequence[int], processes: int
) -> Iterator[tuple[Member, MemberFigures]]:
    """Every member with what it holds, in their order.

    Args:
        path: the archive.
        members: of it.
        offsets: of the T-minus grid, in seconds; empty for none.
        processes: how many read at once; what is small, and all where this is less than two, is read by this one.

    Raises:
        ReaderDiedError: a reading process died.
    """
    tasks = _tasks(path, members, offsets)
    first = list(islice(tasks, 2))
    if processes < 2 or len(first) < 2:  # noqa: PLR2004 - one is no reason for others
        for task in chain(first, tasks):
            yield from zip(task.members, perform(task), strict=True)
        return
    with _Processes(processes) as pool:
        for task, answer in pool.answers(chain(first, tasks)):
            yield from zip(task.members, answer, strict=True)


def _tasks(path: Path, members: Iterable[Member], offsets: Sequence[int]) -> Iterator[Task]:
    """Members by the megabyte: few questions, small answers."""
    part: list[Member] = []
    size = 0
    for member in members:
        part.append(member)
        size += member.size
        if size >= TASK_BYTES or len(part) >= TASK_MEMBERS:
            yield Task(str(path), part, list(offsets))
            part, size = [], 0
    if part:
        yield Task(str(path), part, list(offsets))


class _Processes:
    """Reading processes, each with a thread here that asks it; leaving the block ends them."""

    def __init__(self, processes: int) -> None:
        self._count = processes
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="stream")
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._started: list[subprocess.Popen[bytes]] = []
        self._decoder = msgspec.msgpack.Decoder(list[MemberFigures])

    def __enter__(self) -> Self:
        known = [str(PACKAGES), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, known))}
        for _ in range(self._count):
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
            self._started.append(process)
            self._idle.put(process)
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        for process in self._started:
            for pipe in (process.stdin, process.stdout):
                # What a dead process was to be told is still in the pipe.
                with suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()
            process.wait()

    def answers(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, list[MemberFigures]]]:
        """Each task with its answer, in the tasks' order."""
        asked: deque[tuple[Task, Future[list[MemberFigures]]]] = deque()
        for task in tasks:
            asked.append((task, self._threads.submit(self._ask, task)))
            if len(asked) >= self._count * (1 + AHEAD):
                done, answer = asked.popleft()
                yield done, answer.result()
        for done, answer in asked:
            yield done, answer.result()

    def _ask(self, task: Task) -> list[MemberFigures]:
        process = self._idle.get()
        body = None
        try:
            if process.stdin is not None and process.stdout is not None:
                write_frame(process.stdin, task)
                body = read_frame(process.stdout)
        except (OSError, ValueError):
            body = None
        finally:
            # A dead one too: whoever gets it next learns so, where without it all would wait.
            self._idle.put(process)
        if body is None:
            raise ReaderDiedError(
                f"{task.path}: a process that read it ended with exit code {process.poll()}; land the file again"
            )
        return self._decoder.decode(body)
