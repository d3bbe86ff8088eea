"""Credentials are found where the settings say, when they are used; what is wrong is told without them."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from race_assets.errors import SecretUnreachableError, SettingsError
from race_assets.settings import Settings, load
from race_assets.settings import aws as aws_settings
from race_assets.settings.secrets import HIDDEN, Secret
from race_assets.storage.postgres import Warehouse, server_url
from race_assets_tests.conftest import PROJECT

Done = subprocess.CompletedProcess[str]
REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "NO_PROXY": "127.0.0.1"}
NO_CREDENTIALS = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A Secrets Manager of our own, over HTTP."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Test credentials, none of the developer's own, and nothing looked up before."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (CREDENTIALS | NO_CREDENTIALS).items():
        monkeypatch.setenv(name, value)
    aws_settings.fetched.cache_clear()
    yield
    aws_settings.fetched.cache_clear()


@pytest.fixture
def store(endpoint: str) -> Iterator[Callable[..., None]]:
    """Puts a secret there, or another value of it; all are gone after the test."""
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=endpoint)
    names: list[str] = []

    def put(name: str, value: str | bytes) -> None:
        kind = "SecretString" if isinstance(value, str) else "SecretBinary"
        if name in names:
            client.put_secret_value(SecretId=name, **{kind: value})
        else:
            client.create_secret(Name=name, **{kind: value})
            names.append(name)

    yield put
    for name in names:
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def settings(url: str, **aws: str | None) -> Settings:
    return Settings.model_validate({"postgres": {"url": url}, "aws": aws})


def revealed(url: str, **aws: str | None) -> str:
    told = settings(url, **aws)
    assert told.postgres.url is not None
    return told.postgres.url.reveal(told.aws)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


# Where a credential is


@pytest.mark.parametrize("value", ["hunter2", "postgresql://racing:hunter2@db/races", "aws-but-not-quite", " env:X"])
def test_a_plain_value_is_itself(value: str) -> None:
    assert revealed(value) == value


def test_a_variable_is_read_when_the_credential_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACING_URL", raising=False)
    told = settings("env:RACING_URL")
    monkeypatch.setenv("RACING_URL", "aws:taken#as-it-is")
    assert told.postgres.url is not None
    assert told.postgres.url.reveal(told.aws) == "aws:taken#as-it-is"


@pytest.mark.parametrize(
    ("stored", "reference", "value"),
    [
        ("the whole text", "aws:racing", "the whole text"),
        ('{"url": "postgresql://x"}', "aws:racing", '{"url": "postgresql://x"}'),
        ('{"url": "postgresql://x", "pin": 1234}', "aws:racing#url", "postgresql://x"),
        ('{"pin": 1234}', "aws:racing#pin", "1234"),
        ('{"a#b": "odd key"}', "aws:racing#a#b", "odd key"),
    ],
)
def test_a_secret_of_aws_is_the_whole_text_or_one_key_of_it(
    endpoint: str, store: Callable[..., None], stored: str, reference: str, value: str
) -> None:
    store("racing", stored)
    assert revealed(reference, region=REGION, endpoint_url=endpoint) == value


def test_a_secret_of_aws_is_found_by_its_arn(endpoint: str, store: Callable[..., None]) -> None:
    store("team/racing", "by arn")
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=endpoint)
    arn = client.describe_secret(SecretId="team/racing")["ARN"]
    assert revealed(f"aws:{arn}", region=REGION, endpoint_url=endpoint) == "by arn"


def test_a_secret_of_aws_is_asked_for_once_by_all_that_need_it(endpoint: str, store: Callable[..., None]) -> None:
    store("racing", '{"url": "first", "other": "beside"}')
    assert revealed("aws:racing#url", region=REGION, endpoint_url=endpoint) == "first"
    store("racing", '{"url": "second"}')
    assert revealed("aws:racing#other", region=REGION, endpoint_url=endpoint) == "beside"
    aws_settings.fetched.cache_clear()
    assert revealed("aws:racing#url", region=REGION, endpoint_url=endpoint) == "second"


def test_the_region_of_the_environment_serves_where_the_settings_name_none(
    endpoint: str, store: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    store("racing", "here")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    assert revealed("aws:racing", endpoint_url=endpoint) == "here"


def test_loading_settings_and_what_needs_no_credential_look_nothing_up_and_do_not_load_boto3(
    environment: dict[str, str],
) -> None:
    reference = {"RACE_ASSETS_POSTGRES__URL": "aws:nowhere", "RACE_ASSETS_AWS__ENDPOINT_URL": "http://127.0.0.1:1"}
    assert load(None, reference).postgres.url == Secret("aws:nowhere")
    imported = [sys.executable, "-X", "importtime", "-m", "race_assets", "sources"]
    done = subprocess.run(
        imported, env={**environment, **reference}, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pydantic" in done.stderr
    assert "boto" not in done.stderr


def test_the_warehouse_is_found_through_aws(endpoint: str, store: Callable[..., None], database: str) -> None:
    store("warehouse", json.dumps({"url": database}))
    told = settings("aws:warehouse#url", region=REGION, endpoint_url=endpoint)
    assert server_url(told) == database
    with Warehouse.open(told).connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


# What is wrong


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:RACE_NOWHERE", "the variable RACE_NOWHERE is not set in this process; set it"),
        ("env:RACE_EMPTY", "the variable RACE_EMPTY is empty in this process"),
        ("aws:nowhere", "there is no secret of that name there; check the name, aws.region"),
        ("aws:nowhere#url", "there is no secret of that name there; check the name, aws.region"),
        ("aws:racing#user", "the secret has no key 'user'; it has none_yet, pass, switch"),
        ("aws:racing#none_yet", "the secret has no key 'none_yet'"),
        ("aws:racing#switch", "holds no text that could be a credential"),
        ("aws:plain#user", "the secret is no JSON object, so it has no keys; leave #KEY out"),
        ("aws:list#user", "the secret is no JSON object"),
        ("aws:bytes", "it holds bytes, not text"),
    ],
)
def test_what_is_not_there_is_told_by_setting_and_reference_and_not_by_what_is(
    endpoint: str, store: Callable[..., None], monkeypatch: pytest.MonkeyPatch, reference: str, told: str
) -> None:
    monkeypatch.setenv("RACE_EMPTY", "")
    store("racing", '{"pass": "hunter2", "none_yet": null, "switch": true}')
    store("plain", "hunter2")
    store("list", '["hunter2"]')
    store("bytes", b"hunter2")
    with pytest.raises(SettingsError) as raised:
        revealed(reference, region=REGION, endpoint_url=endpoint)
    assert str(raised.value).startswith(f"postgres.url: {reference}: ")
    assert told in str(raised.value)
    assert "hunter2" not in repr(raised.value)
    assert raised.value.__suppress_context__


def test_a_secret_that_is_to_be_deleted_is_refused_by_its_code(endpoint: str, store: Callable[..., None]) -> None:
    store("racing", "hunter2")
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=endpoint)
    client.delete_secret(SecretId="racing", RecoveryWindowInDays=7)
    with pytest.raises(SettingsError, match=r"postgres\.url: aws:racing: .*deletion\? \(InvalidRequestException\)"):
        revealed("aws:racing", region=REGION, endpoint_url=endpoint)


def test_without_aws_credentials_region_or_a_url_the_settings_are_at_fault(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"postgres\.url: aws:racing: there is no AWS region; set aws\.region"):
        revealed("aws:racing", endpoint_url=endpoint)
    with pytest.raises(SettingsError, match=r"aws\.endpoint_url is no URL"):
        revealed("aws:racing", region=REGION, endpoint_url="nonsense")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SettingsError, match="the AWS profile that AWS_PROFILE names is not there"):
        revealed("aws:racing", region=REGION, endpoint_url=endpoint)
    monkeypatch.delenv("AWS_PROFILE")
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match=r"postgres\.url: aws:racing: there are no AWS credentials"):
        revealed("aws:racing", region=REGION, endpoint_url=endpoint)


def test_a_secrets_manager_that_does_not_answer_may_do_so_later() -> None:
    where = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(SecretUnreachableError, match=r"postgres\.url: aws:racing: Secrets Manager cannot be reached"):
        revealed("aws:racing", region=REGION, endpoint_url=where)


@pytest.mark.parametrize(
    ("status", "code", "kind", "told"),
    [
        (500, "InternalServiceError", SecretUnreachableError, "answers InternalServiceError (500)"),
        (400, "ThrottlingException", SecretUnreachableError, "answers ThrottlingException (400)"),
        (400, "AccessDeniedException", SettingsError, "allow secretsmanager:GetSecretValue on it (AccessDenied"),
        (400, "InvalidSignatureException", SettingsError, "correct the secret access key"),
        (400, "SomethingNew", SettingsError, "Secrets Manager refuses to give it (SomethingNew)"),
    ],
)
def test_an_answer_of_aws_is_told_by_its_code_and_never_by_its_text(
    answering: Callable[..., str], status: int, code: str, kind: type[Exception], told: str
) -> None:
    where = answering(status, {"__type": code, "message": "x-amz-security-token: hunter2"})
    with pytest.raises(kind, match=re.escape(told)) as raised:
        revealed("aws:racing", region=REGION, endpoint_url=where)
    assert "hunter2" not in str(raised.value)


@pytest.fixture
def answering() -> Iterator[Callable[[int, Mapping[str, Any]], str]]:
    """Starts a local HTTP server that gives one answer to everything, and gives its URL."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    started: list[ThreadingHTTPServer] = []

    def start(status: int, body: Mapping[str, Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.send_response(status)
                data = json.dumps(body).encode()
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        started.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "is empty"),
        ("env:", "name of a variable"),
        ("env:A B", "name of a variable"),
        ("aws:", "name or ARN"),
        ("aws:#key", "name or ARN"),
        ("aws:name#", "name or ARN"),
        (7, "must be text; put it in quotes"),
        (["x"], "must be text"),
    ],
)
def test_what_is_no_credential_is_refused_when_settings_are_loaded(tmp_path: Path, written: object, told: str) -> None:
    file = tmp_path / "race_assets.yaml"
    file.write_text(f"postgres: {{url: {json.dumps(written)}}}")
    with pytest.raises(SettingsError, match=told) as raised:
        load(file, {})
    assert str(raised.value).startswith(f"{file}: postgres.url is (hidden): ")


def test_a_credential_in_a_variable_is_taken_letter_by_letter() -> None:
    for value in ("007", "yes", "a: b", "'x'", "{", " # "):
        assert load(None, {"RACE_ASSETS_POSTGRES__URL": value}).postgres.url == Secret(value)


def test_a_credential_shows_itself_nowhere() -> None:
    secret = settings("hunter2").postgres.url
    assert (str(secret), repr(secret), f"{secret}") == (HIDDEN, f"Secret('{HIDDEN}')", HIDDEN)
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")
    assert {secret: 1}[Secret("hunter2")] == 1


@pytest.mark.parametrize("arguments", [["query", "select 1"], ["ingest"], ["schedule"], ["rejects"], ["psql"]])
@pytest.mark.parametrize("reference", ["env:RACE_NOWHERE", "aws:racing#url"])
def test_a_command_that_finds_no_credential_says_which_and_ends_with_2(
    command: Callable[..., Done], arguments: list[str], reference: str
) -> None:
    where = {"RACE_ASSETS_AWS__ENDPOINT_URL": f"http://127.0.0.1:{closed_port()}", "RACE_ASSETS_AWS__REGION": REGION}
    done = command(
        *arguments, RACE_ASSETS_POSTGRES__URL=reference, RACE_ASSETS_POSTGRES__READER_URL="", **where, **CREDENTIALS
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"postgres.url: {reference}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_at_sign_in_a_password_is_not_told_as_part_of_the_host() -> None:
    told = settings("postgresql://racing:hun@ter2@127.0.0.1:1/races")
    with pytest.raises(
        SettingsError, match=r"postgres\.url holds a second @; write one in the password as %40"
    ) as raised:
        Warehouse.open(told)
    assert "ter2" not in str(raised.value)
