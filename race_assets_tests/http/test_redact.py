"""URLs in messages: what is secret is not in them, what helps is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from race_assets.http.redact import shown

SECRET = "hunter2"  # noqa: S105 - a password of nothing, to be looked for where it must not be


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://api.example/races?date=2024-06-27&page=2", "https://api.example/races?date=2024-06-27&page=2"),
        (f"https://me:{SECRET}@api.example:8443/x", "https://api.example:8443/x"),
        (f"https://api.example/x?apikey={SECRET}&d=1", "https://api.example/x?apikey=***&d=1"),
        (f"https://api.example/x?SSOID={SECRET}", "https://api.example/x?SSOID=***"),
        (f"https://api.example/x?{SECRET}", "https://api.example/x?***"),
        (f"https://api.example/x#{SECRET}", "https://api.example/x"),
        (f"http://[::1]:80/x?sig={SECRET}", "http://[::1]:80/x?sig=***"),
        (f"https://me:{SECRET}@api.example:notaport/x", "(a URL that cannot be read)"),
    ],
)
def test_a_url_shows_what_is_no_secret(url: str, text: str) -> None:
    assert shown(url) == text


def test_a_source_names_parameters_of_its_own() -> None:
    assert shown(f"https://api.example/x?k={SECRET}", ["k"]) == "https://api.example/x?k=***"


@given(
    st.sampled_from(["token", "api_key", "X-Signature", "password", "auth"]), st.text("abcdef0123456789%+=", min_size=9)
)
def test_no_value_of_a_secret_is_shown(name: str, value: str) -> None:
    assert value not in shown(f"https://api.example/x?{name}={value}&a=b")
