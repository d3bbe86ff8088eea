"""Passwords of the embedded PostgreSQL's roles: random, in a file of libpq's, never in a URL or a statement."""

import hashlib
import hmac
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from race_assets.errors import PermanentError

OWNER = "race_assets"
READER = "race_assets_reader"
DATABASE = "race_assets"

FILE_NAME = "postgres.passwords"
PASSWORD_BYTES = 32
FIELDS = 5
"""Host, port, database, role and password in a line of a libpq password file."""
SCRAM_ITERATIONS = 1
"""Iterations slow down guessing, which is hopeless for 256 random bits; one keeps connecting cheap."""


@dataclass(frozen=True)
class Passwords:
    """The passwords of the two roles that log in, and the file that holds them."""

    path: Path
    by_role: Mapping[str, str]

    @classmethod
    def of(cls, home: Path, owner: tuple[int, int] | None) -> "Passwords":
        """Return the passwords of a home; new ones where the file is missing or not as we write it.

        Args:
            home: the data home.
            owner: user and group id to give a new file to; None keeps the process's own.

        Raises:
            PermanentError: the file cannot be read.
        """
        path = home / FILE_NAME
        by_role = _parsed(path)
        if by_role is None:
            by_role = {role: secrets.token_hex(PASSWORD_BYTES) for role in (OWNER, READER)}
            write_private(path, "".join(f"*:*:*:{role}:{password}\n" for role, password in by_role.items()), owner)
        elif path.stat().st_mode & 0o077:
            # libpq ignores a file that others can read.
            path.chmod(0o600)
        return cls(path, by_role)


def url(passwords: Path, socket_dir: Path, port: int, role: str, database: str = DATABASE) -> str:
    """Return the libpq URL of a role of the embedded server; its password is in the file that the URL names."""
    options = {"host": socket_dir, "port": port, "passfile": passwords}
    encoded = "&".join(f"{name}={quote(os.fsencode(str(value)))}" for name, value in options.items())
    return f"postgresql://{role}@/{database}?{encoded}"


def verifier(password: str) -> str:
    """Return what the server stores of a password (RFC 5803): the password itself never reaches its log.

    The salt follows from the password, so that the same passwords give the same statements; salts tell equal passwords
    apart, and no two of these are equal.
    """
    salt = hashlib.sha256(f"salt of {password}".encode()).digest()[:16]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    client_key, server_key = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    stored_key = hashlib.sha256(client_key).digest()
    salt_text, stored_text, server_text = (b64encode(each).decode() for each in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt_text}${stored_text}:{server_text}"


def _parsed(path: Path) -> dict[str, str] | None:
    """Return the password of each role; None where the file is missing or cut."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PermanentError(
            f"{path} cannot be read: {error.strerror}; give it to the user that runs race_assets, or delete it and "
            "end every race_assets process: the next start makes a new one"
        ) from error
    fields = [line.split(":") for line in lines]
    found = {each[3]: each[4] for each in fields if len(each) == FIELDS}
    is_whole = {OWNER, READER} <= set(found) and all(len(each) == 2 * PASSWORD_BYTES for each in found.values())
    return found if is_whole else None


def write_private(path: Path, text: str, owner: tuple[int, int] | None) -> None:
    """Write a file only its owner reads, in one step for any reader."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
        if owner is not None:
            os.fchown(fd, *owner)
        file.write(text)
        file.flush()
        os.fsync(fd)
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
