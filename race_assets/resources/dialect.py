"""A SQLAlchemy dialect whose connections are our sessions, for Dagster's storage.

Dagster makes its engines from a URL. SQLAlchemy cannot express every libpq address in one, and states no settings; this
dialect carries the address as it is.
"""

from typing import Any

from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from race_assets.storage.conninfo import Address
from race_assets.storage.session import open_psycopg2

NAME = "race_assets"


class SessionDialect(PGDialect_psycopg2):
    """psycopg2's dialect over `open_psycopg2`."""

    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> Any:
        """Return the arguments of `connect`: the address and the schema."""
        text = str(url.query.get("address", ""))
        address = Address.parse(text, is_embedded=url.query["embedded"] == "true")
        if url.password is not None:
            address = address.with_password(str(url.password))
        return [address, str(url.query["schema"])], {}

    def connect(self, *arguments: Any, **named: Any) -> Any:
        """Open a session; psycopg2's errors are SQLAlchemy's to wrap."""
        return open_psycopg2(*arguments, **named)


def dagster_url(address: Address, schema: str) -> str:
    """Return the URL that gives Dagster's engines our sessions; only its password part holds the password."""
    registry.register(f"postgresql.{NAME}", __name__, SessionDialect.__name__)
    query = {
        "address": address.without_password().text(),
        "embedded": "true" if address.is_embedded else "false",
        "schema": schema,
    }
    # SQLAlchemy writes no password without a user; the role itself is in the address.
    url = URL.create(f"postgresql+{NAME}", NAME, address.parameters.get("password"), query=query)
    return url.render_as_string(hide_password=False)
