"""The original bytes of every landed file, by hash, kept for good; which of them count is the ledger's business.

`archive/<source>/<ab>/<sha256>` holds the bytes. While a file is archived but not yet in the ledger, its sidecar lies
in `archive/<source>/pending`, so that a process killed in between leaves a trace the next landing follows.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from race_assets.errors import TransientError
from race_assets.storage.files import commit, readable_name, replacing, temporary

COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class ArchivedFile:
    """A file whose bytes are in the archive."""

    source: str
    sha256: str
    name: str
    bytes: int
    landed_at: datetime
    path: Path


class Archive:
    """The archive below a home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "archive"

    def path(self, source: str, sha256: str) -> Path:
        """Where the bytes with that hash are."""
        return self.folder / source / sha256[:2] / sha256

    def take(self, path: Path, source: str, name: str) -> ArchivedFile:
        """Copies a file's bytes in and leaves its sidecar pending; the file itself stays where it is.

        Raises:
            TransientError: the file changed while it was copied.
        """
        before = path.stat()
        with temporary(self.folder / source) as part:
            sha256, size = _copied(path, part)
            after = path.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
                raise TransientError(f"{path}: was still being written; it is taken once it has settled")
            archived = ArchivedFile(source, sha256, name, size, datetime.now(UTC), self.path(source, sha256))
            if not archived.path.with_name(f"{sha256}.json").exists():
                self._write_sidecar(archived)
            if not archived.path.exists():
                commit(part, archived.path)
        return archived

    def pending(self, source: str) -> list[ArchivedFile]:
        """Files that were archived but, as far as the archive knows, never entered in the ledger, oldest first."""
        found = []
        for sidecar in sorted((self.folder / source / "pending").glob("*.json")):
            told = json.loads(sidecar.read_text(encoding="utf-8"))
            told["name"] = readable_name(told["name"])
            path = self.path(source, told["sha256"])
            if path.exists():
                landed_at = datetime.fromisoformat(told.pop("landed_at"))
                found.append(ArchivedFile(**told, landed_at=landed_at, path=path))
        return sorted(found, key=lambda file: file.landed_at)

    def settle(self, file: ArchivedFile) -> None:
        """Notes that the ledger knows the file: its sidecar moves beside its bytes."""
        pending = self._pending_path(file)
        self._excuse_path(file.source, file.sha256).unlink(missing_ok=True)
        if pending.exists():
            pending.replace(file.path.with_name(f"{file.sha256}.json"))

    def excuse(self, source: str, sha256: str, process: str) -> None:
        """Note on disk that an attempt of a process to read the file ended for a reason that is not the file's."""
        with replacing(self._excuse_path(source, sha256)) as part:
            part.write_text(process, encoding="utf-8")

    def take_excuse(self, source: str, sha256: str) -> str | None:
        """Return the process noted by `excuse` and drop the note; None without one."""
        path = self._excuse_path(source, sha256)
        try:
            process = path.read_text(encoding="utf-8")
            path.unlink()
        except FileNotFoundError:
            return None
        return process

    def _excuse_path(self, source: str, sha256: str) -> Path:
        return self.folder / source / "pending" / f"{sha256}.excused"

    def _pending_path(self, file: ArchivedFile) -> Path:
        return self.folder / file.source / "pending" / f"{file.sha256}.json"

    def _write_sidecar(self, file: ArchivedFile) -> None:
        told = {**asdict(file), "landed_at": file.landed_at.isoformat()}
        del told["path"]
        with replacing(self._pending_path(file)) as part:
            part.write_text(json.dumps(told), encoding="utf-8")


def _copied(path: Path, into: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream, into.open("wb") as out:
        while chunk := stream.read(COPY_BYTES):
            digest.update(chunk)
            out.write(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
