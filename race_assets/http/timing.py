"""Where time and chance come from, so that a test can bring its own; nothing is waited for here."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """The outside world of a session.

    Args:
        clock: seconds that only grow.
        sleep: waits for so many seconds.
        now: seconds since 1970, UTC.
        chance: a number from 0 to 1.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random
