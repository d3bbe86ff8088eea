"""What a session has done, in figures; free of the HTTP library, for those who only book them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Traffic:
    """What a session has done: requests sent, of those second and later tries, seconds waited, bytes of bodies."""

    requests: int = 0
    retries: int = 0
    waited_s: float = 0
    bytes_in: int = 0
