"""Archives for tests, packed in memory."""

import io
import tarfile
import zipfile
from collections.abc import Iterable


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, data in members:
            packed.writestr(name, data)
    return out.getvalue()


def tarred(members: Iterable[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        for name, data in members:
            each = tarfile.TarInfo(name)
            each.size = len(data)
            packed.addfile(each, io.BytesIO(data))
    return out.getvalue()
