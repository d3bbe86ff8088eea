"""The exceptions race_assets raises on purpose: two kinds, and their few children. No handling lives here.

Every message names the thing (file, row, setting, market), says what is wrong and what to do about it.
"""

from race_assets.display import visible_lines


class RaceAssetsError(Exception):
    """Something race_assets knows how to describe; catch this to catch all of them.

    Names, cells and answers in its message are shown with `visible_lines`, wherever the message ends up.

    Args:
        messages: one, or several that are independent of each other, each of which begins a line.
    """

    def __init__(self, *messages: object) -> None:
        super().__init__("\n".join(map(visible_lines, messages)))


class TransientError(RaceAssetsError):
    """May pass by itself: the same call, made again later, can succeed."""


class ReaderDiedError(TransientError):
    """A process that read a file ended in the middle: it may pass by itself, or be what the file does to readers."""


class PermanentError(RaceAssetsError):
    """Stays until a person acts; the message says how."""


class SettingsError(PermanentError):
    """A setting has a name or a value that is not allowed; the message gives its path and what is."""


class DiskError(PermanentError):
    """A file cannot be written: no room, a quota, a read-only file system; nothing of it is kept, the old one stays."""


class UnreadableFileError(PermanentError):
    """A file as a whole cannot be read; its rows are not taken, its neighbours are.

    Args:
        state: what ``ops.source_files.state`` records: ``unreadable``, ``blocked_page`` or ``no_data``.
        detail: what is wrong with the file and what to do, without the file's name.
    """

    def __init__(self, state: str, detail: str) -> None:
        super().__init__(detail)
        self.state = state
        self.detail = str(self)


class WarehouseError(TransientError):
    """Postgres cannot be reached or went away; nothing of the transaction in flight was kept."""


class WarehouseRefusedError(PermanentError):
    """Postgres is there and refuses a statement: a full disk, a cancelled transaction; nothing of it was kept."""


class ApiUnavailableError(TransientError):
    """An API did not answer as it should on any try; later it may."""


class ApiRefusedError(PermanentError):
    """An API refuses what was asked, or answers with what nobody knows.

    Args:
        message: what was asked, what came back and what to do.
        code: the API's own code for it, where it gave one.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class SecretUnreachableError(TransientError):
    """A credential cannot be looked up now; the message gives its setting and reference."""


class LoginRefusedError(ApiRefusedError):
    """An API does not let us in with these credentials; no other request can succeed until a person acts."""


class DayFailedError(PermanentError):
    """One or more days could not be published; the message names each day and why. Other days were."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__("; ".join(f"{day}: {reason}" for day, reason in sorted(reasons.items())))
        self.reasons = reasons
