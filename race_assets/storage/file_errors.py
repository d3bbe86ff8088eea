"""Say what is wrong with a file or folder that cannot be read or written, and what to do."""

import errno

from race_assets.storage import disk

_ADVICE = {
    errno.EACCES: "this user may not read it: give it the right to (chmod u+rX), or give it to this user (chown)",
    errno.EPERM: "this user may not read it: give it the right to (chmod u+rX), or give it to this user (chown)",
    errno.ENOENT: "it is gone: it was moved or removed after it was seen, or its disk is not mounted",
    errno.ENOTDIR: "a part of its path is a file: move that away",
    errno.ENAMETOOLONG: "its path is too long: move it to a folder nearer to the top, or give it a shorter name",
    errno.ELOOP: "it is a link that leads to itself: remove the link",
    errno.EIO: "its disk or network drive cannot read it: see the system's log, then copy the file there again",
    errno.ESTALE: "its network drive was mounted anew: run this again",
    errno.ENOTCONN: "its network drive is not connected: mount it again",
    errno.EHOSTDOWN: "its network drive does not answer: mount it again",
    errno.EMFILE: "this process has too many files open: raise the limit (ulimit -n), then run this again",
    errno.ENFILE: "this machine has too many files open: close programs, then run this again",
}


def explained(error: OSError) -> str:
    """Return the operating system's reason for an error, and what to do about it where that is known."""
    reason = error.strerror or str(error)
    if error.errno in disk.REASONS:
        what, remedy = disk.REASONS[error.errno]
        return f"{reason}: {what}; {remedy}, then run this again"
    advice = _ADVICE.get(error.errno or 0)
    return f"{reason}; {advice}" if advice else reason


def explained_with_path(error: OSError) -> str:
    """Return `explained` behind the path that the error is about."""
    return f"{error.filename}: {explained(error)}" if error.filename else explained(error)
