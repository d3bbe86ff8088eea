"""Addresses that something secret is sent to; which address a setting has is said where it is declared."""

from urllib.parse import urlsplit

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def encrypted(url: str, what: str) -> str:
    """The URL without its closing slash.

    Args:
        url: of a setting.
        what: is sent there, for the message.

    Raises:
        ValueError: it is neither https nor of this machine itself, or it holds a password, which messages would show.
    """
    parts = urlsplit(url)
    is_loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_loopback):
        raise ValueError(f"must be an https URL: {what} sent there (http only to this machine itself)")
    if parts.username or parts.password:
        raise ValueError("must hold neither user nor password: they have settings of their own")
    return url.rstrip("/")
