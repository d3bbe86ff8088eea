"""Limits of what compressed bytes may unpack to: a megabyte of them can stand for a gigabyte of nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ALWAYS_READ = 32 << 20
"""Unpacked bytes up to which the ratio does not count: short texts that repeat themselves compress very well."""
GIGABYTE = 10**9


class TooLargeError(ValueError):
    """Compressed bytes unpack to more than a setting allows; the text before that was handed on."""


@dataclass(frozen=True)
class UnpackLimits:
    """Limits, as `file_limits` of the settings has them.

    Attributes:
        ratio: unpacked bytes per packed byte.
        member_bytes: unpacked, of one member of an archive, or of a file that is no archive.
        archive_bytes: unpacked, of all members of an archive together.
    """

    ratio: float
    member_bytes: int
    archive_bytes: int

    def checked(self, pieces: Iterable[bytes], packed_bytes: int) -> Iterator[bytes]:
        """Yield the pieces of an unpacked text.

        Args:
            pieces: of the text, each of bounded size.
            packed_bytes: it was unpacked from.

        Raises:
            TooLargeError: the text is longer than it may be; says which setting allows more.
        """
        most_by_ratio = max(ALWAYS_READ, int(self.ratio * packed_bytes))
        total = 0
        for piece in pieces:
            total += len(piece)
            if total > most_by_ratio:
                raise TooLargeError(
                    f"its {packed_bytes:,} bytes unpack to over {most_by_ratio:,}, more than {self.ratio:g} times as "
                    "much, as racing data never does: fetch it again; if it is as it should be, raise "
                    "file_limits.max_unpacked_ratio"
                )
            if total > self.member_bytes:
                raise TooLargeError(
                    f"it unpacks to over {self.member_bytes / GIGABYTE:g} GB: split it, or raise "
                    "file_limits.max_member_gb"
                )
            yield piece

    def archive_problem(self, unpacked_bytes: int) -> str | None:
        """Return what to say of an archive whose members have unpacked to so many bytes; None where it may go on."""
        if unpacked_bytes <= self.archive_bytes:
            return None
        return (
            f"its members unpack to over {self.archive_bytes / GIGABYTE:g} GB together: split it, or raise "
            "file_limits.max_archive_gb"
        )
