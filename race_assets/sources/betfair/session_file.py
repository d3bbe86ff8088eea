"""What the processes of one machine know together of their Betfair sessions: a file and its lock; no logging in."""

import fcntl
import hashlib
import hmac
import json
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)
NAME = "betfair_session"
PART = ".part"
SALT_BYTES = 16


@dataclass(frozen=True)
class Known:
    """What is known of one account at one host; times are seconds since 1970.

    Args:
        token: the session's token.
        logged_in_at: when that session began.
        renewed_at: when it was last told to go on.
        banned_until: no login is tried before.
        refused_credentials: salted hash of the credentials that were wrong.
    """

    token: str | None = None
    logged_in_at: float = 0
    renewed_at: float = 0
    banned_until: float = 0
    refused_credentials: str | None = None

    def __repr__(self) -> str:
        return f"Known(token={'***' if self.token else None}, renewed_at={self.renewed_at})"


class SessionFile:
    """The file below `home`, readable by its owner only, and the lock beside it."""

    def __init__(self, home: Path) -> None:
        self.path = home / f"{NAME}.json"
        self._lock = home / f"{NAME}.lock"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes and threads out, also while one of them logs in."""
        self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("waiting for another process that is logging in at Betfair")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            # Explicitly: a child forked meanwhile may hold a copy of the handle, and closing ours would keep the lock.
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)

    def read(self, binding: str) -> Known:
        """What is known of the account with this binding; nothing where the file is absent or is none of ours."""
        known = self._all().get(binding)
        try:
            return Known(**known) if isinstance(known, dict) else Known()
        except TypeError:
            return Known()

    def write(self, binding: str, known: Known) -> None:
        """Puts down what is known of one account, in one step for any reader; the others' stays."""
        everything = {**self._all(), binding: asdict(known)}
        # Who writes holds the lock: what lies there is of a process that was killed meanwhile.
        for leftover in self.path.parent.glob(f".{NAME}*{PART}"):
            leftover.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{NAME}", suffix=PART)
        part = Path(name)
        try:
            # mkstemp makes a file of mode 0600.
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(everything, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        finally:
            part.unlink(missing_ok=True)

    def _all(self) -> dict[str, Any]:
        try:
            everything = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            log.warning("%s cannot be read and is made anew; the next request logs in", self.path)
            return {}
        return everything if isinstance(everything, dict) else {}


def binding(*parts: str) -> str:
    """What one account at one host is filed under: a hash, so that no name stands in the file."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def hashed(secret: str, salt: bytes | None = None) -> str:
    """A slow, salted hash of credentials: a copy of the file does not give a weak password away."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    return f"{salt.hex()}:{hashlib.scrypt(secret.encode(), salt=salt, n=1 << 14, r=8, p=1).hex()}"


def is_hash_of(hash_: str, secret: str) -> bool:
    """The hash was made of this secret."""
    try:
        salt = bytes.fromhex(hash_.partition(":")[0])
    except ValueError:
        return False
    return bool(salt) and hmac.compare_digest(hash_, hashed(secret, salt))
