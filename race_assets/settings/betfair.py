"""The Betfair account and the hosts it logs in at; what logging in does is in `sources/betfair/identity.py`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from race_assets.settings.nodes import Node
from race_assets.settings.secrets import Secret
from race_assets.settings.urls import encrypted

Jurisdiction = Literal["global", "au", "it", "es", "ro", "se"]


class BetfairAccount(Node):
    """Who logs in at Betfair, and where."""

    username: Secret | None = Field(None, description="the account's username, not its e-mail address")
    password: Secret | None = Field(None, description="with two-step authentication the code follows it directly")
    app_key: Secret | None = Field(None, description="application key, from the account's API page")
    jurisdiction: Jurisdiction = Field("global", description="au includes New Zealand; it and es end sessions early")
    cert_file: Path | None = Field(None, description="PEM certificate for a login without a person; none: interactive")
    key_file: Path | None = Field(None, description="its private key; none: the certificate's file has both")
    identity_url: str | None = Field(None, description="login host; none: by jurisdiction")
    identity_cert_url: str | None = Field(None, description="host of the login with a certificate; none: the same")

    @field_validator("identity_url", "identity_cert_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        return None if url is None else encrypted(url, "the password is")
