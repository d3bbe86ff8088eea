"""How long to wait before trying again, and how waiting is done."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pauses:
    """Waiting as it really is; tests bring their own.

    Args:
        sleep: waits for so many seconds.
        chance: a random number from 0 to 1.
    """

    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random


PAUSES = Pauses()


def pause_s(attempt: int, base_s: float, cap_s: float, chance: float = 1.0) -> float:
    """Return the pause after a failed attempt: exponential, capped, a random part of it ("full jitter").

    Args:
        attempt: the number of the attempt that failed; the first is 1.
        base_s: the longest pause after the first attempt, in seconds; it doubles with each further one.
        cap_s: the longest pause there is, in seconds.
        chance: a random number from 0 to 1; 1 is the whole pause.
    """
    return chance * min(cap_s, base_s * 2.0 ** min(attempt - 1, 64))
