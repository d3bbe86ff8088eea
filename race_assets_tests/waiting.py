"""Wait for states in tests, never for a time that a busy machine may exceed."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

PATIENCE_S = 1200.0
"""After which a process or state that a test waits for is taken for hung: far beyond what the slowest machine needs."""


def wait_until(condition: Callable[[], Value], what: str = "the condition", pause_s: float = 0.02) -> Value:
    """Poll until the condition holds and return its value.

    Raises:
        AssertionError: it did not hold within `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain for {what}"
        time.sleep(pause_s)
    return found
