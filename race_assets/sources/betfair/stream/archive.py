"""What a file holds: one stream, or the members of a zip or tar archive, found in place; they are read elsewhere."""

import re
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from race_assets.values.texts import storable

ZIP_BEGINS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
TAR_MARK, TAR_MARK_AT = b"ustar", 257
TAR_BLOCK = 512
LONGEST_NAME = 1000
LARGEST_TAR_HEADER, LONGEST_NUMBER = 1 << 18, 100
"""Bytes of an extended header, which has a few hundred; and digits in it that follow one another: Python's own reading
of one takes time by the square of them."""
ZIP_LOCAL = struct.Struct("<26xHH")
ZIP_LOCAL_SIZE = 30
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


_NUMBER = re.compile(rb"\d{%d}" % LONGEST_NUMBER)


class Member(msgspec.Struct, array_like=True, frozen=True):
    """A stream within a file.

    Attributes:
        name: its path in the archive; empty for a file that is no archive.
        offset, size: where its packed bytes are in the file.
        is_deflated: a zip archive holds it deflated.
        problem: why it cannot be read; its bytes are then left alone.
        crc: CRC-32 of its bytes as they were packed, where the archive tells it.
    """

    name: str
    offset: int
    size: int
    is_deflated: bool = False
    problem: str = ""
    crc: int | None = None


def members(path: Path) -> Iterator[Member]:
    """The streams of a file, in the order of their bytes; what cannot be read is a member with a problem."""
    for member in _members(path):
        name = storable(member.name)
        name = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
        yield member if name == member.name else msgspec.structs.replace(member, name=name)


def _members(path: Path) -> Iterator[Member]:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(TAR_BLOCK)
    if head.startswith(ZIP_BEGINS):
        yield from _of_zip(path, size)
    elif head[TAR_MARK_AT:].startswith(TAR_MARK):
        yield from _of_tar(path, size)
    else:
        yield Member("", 0, size)


def _of_zip(path: Path, size: int) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            listed = sorted(archive.infolist(), key=lambda each: each.header_offset)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        yield Member("", 0, size, problem=f"the zip archive cannot be read: {error}; fetch it again")
        return
    with path.open("rb") as file:
        end = 0
        for each in listed:
            if each.is_dir():
                continue
            member = _zipped(file, each)
            if not member.problem and member.offset < end:
                member = msgspec.structs.replace(
                    member,
                    problem="its bytes are those of another member too: the zip archive is damaged, or made to"
                    " unpack to more than it holds; fetch it again",
                )
            end = max(end, member.offset + member.size)
            yield member


def _zipped(file: BinaryIO, each: zipfile.ZipInfo) -> Member:
    # Where bytes are missing before it, its place lies before the file.
    file.seek(max(0, each.header_offset))
    header = file.read(ZIP_LOCAL_SIZE)
    if each.header_offset < 0 or len(header) < ZIP_LOCAL_SIZE or not header.startswith(ZIP_BEGINS[0]):
        return Member(
            each.filename, max(0, each.header_offset), 0, problem="its place in the zip archive holds no member"
        )
    offset = each.header_offset + ZIP_LOCAL_SIZE + sum(ZIP_LOCAL.unpack(header))
    problem = ""
    if each.flag_bits & 1:
        problem = "it is encrypted; unpack the archive with its password, and land what is in it"
    elif each.compress_type not in {STORED, DEFLATED}:
        problem = f"it is packed by zip's method {each.compress_type}, which is not read; pack it with deflate"
    return Member(each.filename, offset, each.compress_size, each.compress_type == DEFLATED, problem, each.CRC)


def _of_tar(path: Path, size: int) -> Iterator[Member]:
    """Members in place; an archive that ends without its end mark is told as one more."""
    end = 0
    with path.open("rb") as file:
        try:
            with tarfile.TarFile(fileobj=file, mode="r", tarinfo=_TarHeader) as archive:
                while (each := archive.next()) is not None:
                    end = archive.offset
                    # It would keep every header it has seen.
                    archive.members.clear()  # type: ignore[attr-defined] # typeshed leaves it out
                    if each.isreg():
                        yield _tarred(each, size)
                    elif not each.isdir():
                        yield Member(each.name, each.offset, 0, problem="it is a link or a device, not a file")
        except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
            yield Member("", end, 0, problem=f"the tar archive is damaged at byte {end:,}: {error}; fetch it again")
            return
        file.seek(end)
        if len(block := file.read(TAR_BLOCK)) < TAR_BLOCK or block.strip(b"\0"):
            yield Member("", end, 0, problem=f"the tar archive has no end: it is cut or damaged at byte {end:,}")
            return
        while block := file.read(TAR_BLOCK * TAR_BLOCK):
            if block.strip(b"\0"):
                said = "bytes follow the end of the tar archive, such as another one; take them apart, and land each"
                yield Member("", end, 0, problem=said)
                return


class _TarHeader(tarfile.TarInfo):
    """A member's header, whose extensions are looked at before Python reads them."""

    def _proc_pax(self, archive: Any) -> Any:
        begin = archive.fileobj.tell()
        text = archive.fileobj.read(min(self.size, LARGEST_TAR_HEADER))
        archive.fileobj.seek(begin)
        if self.size > LARGEST_TAR_HEADER or _NUMBER.search(text):
            raise tarfile.ReadError("an extended header is longer than any is")
        return super()._proc_pax(archive)  # type: ignore[misc] # typeshed leaves it out


def _tarred(each: tarfile.TarInfo, size: int) -> Member:
    if each.issparse():
        return Member(each.name, each.offset, 0, problem="it is a sparse file")
    there = min(each.size, max(0, size - each.offset_data))
    return Member(each.name, each.offset_data, there)
