"""Logging in at Betfair: once for all processes, never again when that could lock the account, and told in words."""

import json
import logging
import re
import ssl
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from race_assets import settings
from race_assets.errors import ApiRefusedError, ApiUnavailableError, RaceAssetsError, SettingsError
from race_assets.settings.aws import AwsSettings
from race_assets.settings.betfair import BetfairAccount
from race_assets.settings.secrets import Secret
from race_assets.sources.betfair import refusals
from race_assets.sources.betfair.identity import Identity
from race_assets.sources.betfair.login import HOSTS, LIMIT, LoginService
from race_assets_tests.conftest import PROJECT
from race_assets_tests.http.server import FakeTime, Say, running, say_json
from race_assets_tests.sources.betfair.identity_server import APP_KEY, PAGE, PASSWORD, USERNAME, Betfair, account
from race_assets_tests.waiting import PATIENCE_S

HOUR = 3600
CODES = [
    "INVALID_USERNAME_OR_PASSWORD",
    "ACCOUNT_NOW_LOCKED",
    "ACCOUNT_ALREADY_LOCKED",
    "PENDING_AUTH",
    "TELBET_TERMS_CONDITIONS_NA",
    "DUPLICATE_CARDS",
    "SECURITY_QUESTION_WRONG_3X",
    "KYC_SUSPEND",
    "SUSPENDED",
    "CLOSED",
    "SELF_EXCLUDED",
    "INVALID_CONNECTIVITY_TO_REGULATOR_DK",
    "INVALID_CONNECTIVITY_TO_REGULATOR_IT",
    "NOT_AUTHORIZED_BY_REGULATOR_DK",
    "NOT_AUTHORIZED_BY_REGULATOR_IT",
    "SECURITY_RESTRICTED_LOCATION",
    "BETTING_RESTRICTED_LOCATION",
    "TRADING_MASTER",
    "TRADING_MASTER_SUSPENDED",
    "AGENT_CLIENT_MASTER",
    "AGENT_CLIENT_MASTER_SUSPENDED",
    "DANISH_AUTHORIZATION_REQUIRED",
    "SPAIN_MIGRATION_REQUIRED",
    "DENMARK_MIGRATION_REQUIRED",
    "SPANISH_TERMS_ACCEPTANCE_REQUIRED",
    "ITALIAN_CONTRACT_ACCEPTANCE_REQUIRED",
    "ITALIAN_PROFILING_ACCEPTANCE_REQUIRED",
    "CERT_AUTH_REQUIRED",
    "CHANGE_PASSWORD_REQUIRED",
    "PERSONAL_MESSAGE_REQUIRED",
    "INTERNATIONAL_TERMS_ACCEPTANCE_REQUIRED",
    "EMAIL_LOGIN_NOT_ALLOWED",
    "MULTIPLE_USERS_WITH_SAME_CREDENTIAL",
    "ACCOUNT_PENDING_PASSWORD_CHANGE",
    "TEMPORARY_BAN_TOO_MANY_REQUESTS",
    "AUTHORIZED_ONLY_FOR_DOMAIN_RO",
    "AUTHORIZED_ONLY_FOR_DOMAIN_SE",
    "SWEDEN_NATIONAL_IDENTIFIER_REQUIRED",
    "SWEDEN_BANK_ID_VERIFICATION_REQUIRED",
    "ACTIONS_REQUIRED",
    "INPUT_VALIDATION_ERROR",
    "STRONG_AUTH_CODE_REQUIRED",
    "MIGRATION_REQUIRED",
    "TERMS_AND_CONDITIONS",
    "CONTACT_VERIFICATION_REQUIRED",
    "FORBIDDEN",
    "NO_SESSION",
    "INVALID_PIN",
]
"""API_CONTRACTS 1.7."""


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def betfair() -> Iterator[Betfair]:
    with running() as server:
        yield Betfair(server)


@pytest.fixture
def process(betfair: Betfair, time: FakeTime, tmp_path: Path) -> Iterator[Callable[..., Identity]]:
    """An identity as a process of its own would have it, over the same home; with changes to the account."""
    made: list[Identity] = []

    def make(**changes: object) -> Identity:
        made.append(Identity(account(betfair.server.url, **changes), tmp_path / "home", timing=time.timing))
        return made[-1]

    yield make
    for identity in made:
        identity.close()


Process = Callable[..., Identity]


def test_an_interactive_login(betfair: Betfair, process: Process) -> None:
    assert process().token() == "token-1="
    (seen,) = betfair.server.seen
    assert (seen.method, seen.path) == ("POST", "/identity/api/login")
    assert seen.form == {"username": USERNAME, "password": PASSWORD}
    assert seen.headers["X-Application"] == APP_KEY


def test_one_login_for_all_processes_and_requests(betfair: Betfair, process: Process) -> None:
    first = process()
    assert {first.token(), first.token(), process().token(), process().token()} == {"token-1="}
    assert betfair.asked("login") == 1


def test_processes_that_start_at_once_log_in_once(betfair: Betfair, tmp_path: Path) -> None:
    assert said_by_processes(betfair, tmp_path, "") == {"token-1="}
    assert betfair.asked("login") == 1
    betfair.alive.clear()
    # The session is young: Betfair is asked first whether it is alive, and says no.
    assert said_by_processes(betfair, tmp_path, "token-1=") == {"token-2="}
    assert betfair.asked("login") == 2


def said_by_processes(betfair: Betfair, home: Path, refused: str) -> set[str]:
    module = "race_assets_tests.sources.betfair.identity_server"
    command = [sys.executable, "-m", module, betfair.server.url, str(home), refused]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = {process.communicate(timeout=PATIENCE_S)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    return said


def test_threads_log_in_once(betfair: Betfair, process: Process) -> None:
    identity = process()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: identity.token(), range(32))) == {"token-1="}
        betfair.alive.clear()
        assert set(pool.map(identity.refused, ["token-1="] * 32)) == {"token-2="}
    assert betfair.asked("login") == 2


def test_a_refused_token_is_replaced_once_for_all(betfair: Betfair, process: Process, time: FakeTime) -> None:
    one, other = process(), process()
    token = one.token()
    assert other.token() == token
    time.at += HOUR
    assert one.refused(token) == "token-2="
    assert other.refused(token) == "token-2="
    assert other.token() == one.token() == "token-2="
    assert (betfair.asked("login"), betfair.asked("keepAlive")) == (2, 0)


def test_a_young_session_that_is_alive_is_not_replaced(betfair: Betfair, process: Process) -> None:
    """Betfair answers with the same page to a bad session and to a file that was not bought."""
    identity = process()
    token = identity.token()
    with pytest.raises(ApiRefusedError, match="check that the account has bought or may see"):
        identity.refused(token)
    assert betfair.asked("login") == 1
    assert identity.token() == token
    betfair.renames = True
    with pytest.raises(ApiRefusedError):
        identity.refused(token)
    assert identity.token() == "token-2="


@pytest.mark.parametrize(("jurisdiction", "half"), [("global", 6 * HOUR), ("se", 6 * HOUR), ("it", 600), ("es", 600)])
def test_a_session_is_kept_alive_at_half_its_life(
    jurisdiction: str, half: int, betfair: Betfair, process: Process, time: FakeTime
) -> None:
    identity = process(jurisdiction=jurisdiction)
    token = identity.token()
    time.at += half - 60
    assert not identity.keep_alive_if_due()
    assert identity.token() == token
    time.at += 60
    assert identity.keep_alive_if_due()
    assert not identity.keep_alive_if_due()
    time.at += half
    assert identity.token() == token
    assert (betfair.asked("keepAlive"), betfair.asked("login")) == (2, 1)
    kept = [seen for seen in betfair.server.seen if seen.path == "/identity/api/keepAlive"]
    assert {(seen.method, seen.headers["X-Authentication"], seen.headers["X-Application"]) for seen in kept} == {
        ("POST", token, APP_KEY)
    }


def test_a_keep_alive_s_new_token_is_everyone_s(betfair: Betfair, process: Process, time: FakeTime) -> None:
    one, other = process(), process()
    one.token()
    other.token()
    betfair.renames = True
    time.at += 6 * HOUR
    assert one.token() == "token-2="
    assert other.token() == "token-2="
    assert (betfair.asked("keepAlive"), betfair.asked("login")) == (1, 1)


def test_a_session_that_has_ended_is_replaced(betfair: Betfair, process: Process, time: FakeTime) -> None:
    identity = process()
    identity.token()
    betfair.alive.clear()
    time.at += 6 * HOUR
    assert identity.token() == "token-2="
    time.at += 12 * HOUR
    assert identity.token() == "token-3="
    assert betfair.asked("keepAlive") == 1


def test_a_keep_alive_that_fails_is_put_off_not_fatal(
    betfair: Betfair, process: Process, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    identity = process()
    identity.token()
    time.at += 6 * HOUR
    betfair.keep_alives = [Say(503)] * 4
    assert identity.token() == "token-1="
    assert "not renewed, trying again in a minute" in caplog.text
    assert identity.token() == "token-1="
    assert betfair.asked("keepAlive") == 4
    time.at += 60
    assert identity.token() == "token-1="
    assert (betfair.asked("keepAlive"), betfair.asked("login")) == (5, 1)


def test_a_clock_set_back_does_not_keep_a_session_for_ever(process: Process, time: FakeTime) -> None:
    identity = process()
    identity.token()
    time.at -= 30
    assert identity.token() == "token-1="
    time.at -= 10 * HOUR
    assert identity.token() == "token-2="


def test_logout_ends_the_session_of_all(betfair: Betfair, process: Process) -> None:
    one, other = process(), process()
    one.token()
    one.logout()
    one.logout()
    assert betfair.alive == set()
    assert betfair.asked("logout") == 1
    assert other.token() == one.token() == "token-2="


@pytest.mark.parametrize("code", [code for code in CODES if code != refusals.BANNED])
def test_every_refusal_says_what_to_do_and_is_not_asked_for_again(
    code: str, betfair: Betfair, process: Process
) -> None:
    betfair.answers = [code]
    identity = process()
    for _ in range(3):
        with pytest.raises(ApiRefusedError, match=f"refuses the login, {code}: ") as raised:
            identity.token()
        assert raised.value.code == code
        assert refusals.UNKNOWN not in str(raised.value)
    assert betfair.asked("login") == 1


def test_the_table_has_every_code_once() -> None:
    listed = [code for codes in refusals.GROUPS.values() for code in codes]
    assert sorted(listed) == sorted(CODES)


@pytest.mark.parametrize("code", ["WHAT_IS_THIS", "", "a b\nc"])
def test_an_unknown_refusal_is_one_too(code: str, betfair: Betfair, process: Process) -> None:
    betfair.answers = [say_json({"token": "", "status": "FAIL", "error": code})]
    with pytest.raises(ApiRefusedError, match="log in on Betfair's site to see what it wants") as raised:
        process().token()
    assert "\n" not in str(raised.value)


def test_an_account_put_right_is_tried_again_later(betfair: Betfair, process: Process, time: FakeTime) -> None:
    betfair.answers = ["PERSONAL_MESSAGE_REQUIRED"]
    identity = process()
    with pytest.raises(ApiRefusedError):
        identity.token()
    time.at += 20 * 60
    assert identity.token() == "token-1="
    assert betfair.asked("login") == 2


def test_another_process_may_try_an_account_put_right_at_once(betfair: Betfair, process: Process) -> None:
    betfair.answers = ["PERSONAL_MESSAGE_REQUIRED"]
    with pytest.raises(ApiRefusedError):
        process().token()
    assert process().token() == "token-1="


def test_wrong_credentials_are_tried_once_by_all_processes_and_right_ones_at_once(
    betfair: Betfair, process: Process, time: FakeTime, tmp_path: Path
) -> None:
    wrong = {"password": Secret("wrong")}
    for _ in range(3):
        with pytest.raises(
            ApiRefusedError, match=r"INVALID_USERNAME_OR_PASSWORD: correct betfair.username and"
        ) as told:
            process(**wrong).token()
        assert str(tmp_path / "home" / "betfair_session.json") in str(told.value)
        time.at += 24 * HOUR
    assert betfair.asked("login") == 1
    assert process().token() == "token-1="
    assert process(**wrong).token() == "token-1="
    assert betfair.asked("login") == 2


def test_credentials_put_right_at_betfair_are_tried_when_the_file_is_removed(
    betfair: Betfair, process: Process, tmp_path: Path
) -> None:
    new = {"password": Secret("new")}
    with pytest.raises(ApiRefusedError):
        process(**new).token()
    betfair.password = "new"  # noqa: S105 - of nothing
    (tmp_path / "home" / "betfair_session.json").unlink()
    assert process(**new).token() == "token-1="


def test_a_ban_is_kept_for_twenty_minutes_by_all_processes(betfair: Betfair, process: Process, time: FakeTime) -> None:
    betfair.answers = [refusals.BANNED]
    identity = process()
    with pytest.raises(ApiUnavailableError, match=r"TOO_MANY_REQUESTS\): no login is tried before \d\d:\d\d:\d\d UTC"):
        identity.token()
    time.at += 20 * 60 - 10
    for banned in (identity, process()):
        with pytest.raises(ApiUnavailableError, match="no login is tried before"):
            banned.token()
    assert betfair.asked("login") == 1
    time.at += 10
    assert process().token() == "token-1="
    assert identity.token() == "token-1="


def test_a_session_goes_on_during_a_ban(betfair: Betfair, process: Process, time: FakeTime) -> None:
    one, other = process(), process()
    token = one.token()
    other.token()
    time.at += HOUR
    betfair.answers = [refusals.BANNED]
    with pytest.raises(ApiUnavailableError):
        one.refused(token)
    assert other.token() == token


@pytest.mark.parametrize(
    "bad", [PAGE, Say(503), Say(reset=True), say_json({"status": "FAIL", "error": "INTERNAL_ERROR"})]
)
def test_what_passes_is_tried_again(bad: Say, betfair: Betfair, process: Process) -> None:
    betfair.answers = [bad, bad]
    assert process().token() == "token-1="
    assert betfair.asked("login") == 3


@pytest.mark.parametrize(
    ("bad", "kind", "words"),
    [
        (PAGE, ApiUnavailableError, "answered with a web page"),
        (Say(403), ApiRefusedError, "answered 403"),
        (say_json([1]), ApiRefusedError, "JSON that is no object"),
        (say_json({"token": "", "status": "SUCCESS", "error": ""}), ApiRefusedError, "refuses the login, SUCCESS"),
    ],
)
def test_a_login_that_never_works_is_told(
    bad: Say, kind: type[RaceAssetsError], words: str, betfair: Betfair, process: Process
) -> None:
    betfair.answers = [bad] * 9
    with pytest.raises(kind, match=words):
        process().token()


def test_limited_access_is_a_login_with_a_warning(
    betfair: Betfair, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    betfair.answers = ["LIMITED_ACCESS"]
    assert process().token() == "token-1="
    assert "PERSONAL_MESSAGE_REQUIRED; log in on Betfair's site once" in caplog.text


def test_logins_stay_below_100_a_minute(betfair: Betfair, process: Process, time: FakeTime) -> None:
    assert LIMIT.requests_per_second * 60 + LIMIT.burst_size < 100
    identity = process()
    for _ in range(10):
        identity.token()
        identity.logout()
    assert betfair.asked("login") == 10
    assert time.at == pytest.approx(20 / LIMIT.requests_per_second)


# The file the processes share


def test_the_file_is_its_owner_s_and_names_nobody(process: Process, tmp_path: Path) -> None:
    with pytest.raises(ApiRefusedError):
        process(password=Secret("wr0ngwr0ng")).token()
    process().token()
    file = tmp_path / "home" / "betfair_session.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "token-1=" in file.read_text()
    assert not any(text in file.read_text() for text in (USERNAME, PASSWORD, APP_KEY, "wr0ngwr0ng"))
    assert sorted(path.name for path in file.parent.iterdir()) == ["betfair_session.json", "betfair_session.lock"]


def test_another_account_key_or_host_has_another_session(betfair: Betfair, process: Process) -> None:
    assert process().token() == "token-1="
    betfair.answers = [say_json({"token": f"other-{n}", "status": "SUCCESS", "error": ""}) for n in range(3)]
    assert process(username=Secret("other")).token() == "other-0"
    assert process(app_key=Secret("other")).token() == "other-1"
    assert process(identity_url=f"{betfair.server.url}//identity").token() != "token-1="
    assert process().token() == "token-1="


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"x": 1}', "\x00"])
def test_a_file_that_is_none_of_ours_is_made_anew(
    text: str, betfair: Betfair, process: Process, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "betfair_session.json").write_text(text)
    assert process().token() == process().token() == "token-1="
    assert betfair.asked("login") == 1


def test_an_entry_of_another_version_is_made_anew(process: Process, tmp_path: Path) -> None:
    process().token()
    file = tmp_path / "home" / "betfair_session.json"
    entries = json.loads(file.read_text())
    file.write_text(json.dumps({binding: {"of": "tomorrow"} for binding in entries}))
    assert process().token() == "token-2="


# With a certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=race_assets -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*command.split(), *files], cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def test_a_certificate_login(
    betfair: Betfair, process: Process, certificate: tuple[Path, Path], time: FakeTime
) -> None:
    identity = process(cert_file=certificate[0], key_file=certificate[1])
    assert identity.token() == "token-1="
    time.at += 6 * HOUR
    identity.token()
    identity.logout()
    assert [seen.path for seen in betfair.server.seen] == [
        "/cert/api/certlogin",
        "/identity/api/keepAlive",
        "/identity/api/logout",
    ]
    assert betfair.server.seen[0].form == {"username": USERNAME, "password": PASSWORD}


def test_the_certificate_is_shown(
    process: Process, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(cert)
    context.verify_mode = ssl.CERT_REQUIRED
    with running(context) as server:
        Betfair(server)
        identity = process(cert_file=cert, key_file=key, identity_cert_url=f"{server.url}/cert")
        assert identity.token() == "token-1="


@pytest.mark.parametrize("code", ["CERT_AUTH_REQUIRED", "INVALID_USERNAME_OR_PASSWORD"])
def test_a_certificate_login_that_is_refused(
    code: str, betfair: Betfair, process: Process, certificate: tuple[Path, Path]
) -> None:
    betfair.answers = [code]
    with pytest.raises(ApiRefusedError, match=code):
        process(cert_file=certificate[0], key_file=certificate[1]).token()


def test_limited_access_with_a_certificate(
    betfair: Betfair, process: Process, certificate: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    betfair.answers = ["LIMITED_ACCESS"]
    assert process(cert_file=certificate[0], key_file=certificate[1]).token() == "token-1="
    assert "lets us in with limits: LIMITED_ACCESS" in caplog.text


def test_certificates_that_cannot_be_used_are_told(process: Process, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    locked = key.with_name("locked.pem")
    command = ["openssl", "rsa", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    for files, words in (
        ({"key_file": key}, "betfair.key_file is set without betfair.cert_file"),
        ({"cert_file": cert.with_name("none")}, "betfair.cert_file: there is no file"),
        ({"cert_file": cert, "key_file": cert.with_name("none")}, "betfair.key_file: there is no file"),
        ({"cert_file": cert}, "do not fit together"),
        ({"cert_file": key, "key_file": key}, "do not fit together"),
        ({"cert_file": cert, "key_file": locked}, "do not fit together"),
    ):
        with pytest.raises(SettingsError, match=words):
            process(**files)


# Settings and secrets


@pytest.mark.parametrize("jurisdiction", HOSTS)
def test_hosts_are_by_jurisdiction(jurisdiction: str, time: FakeTime) -> None:
    given = account("http://127.0.0.1", jurisdiction=jurisdiction, identity_url=None, identity_cert_url=None)
    end = {"global": "com", "au": "com.au"}.get(jurisdiction, jurisdiction)
    assert LoginService(given, AwsSettings(), time.timing).host == f"https://identitysso.betfair.{end}"
    end = {"global": "com", "au": "com"}.get(jurisdiction, jurisdiction)
    assert HOSTS[given.jurisdiction][1] == f"https://identitysso-cert.betfair.{end}"


def test_missing_credentials_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        Identity(BetfairAccount(username=Secret("me"), password=None), tmp_path)
    assert "betfair.password, betfair.app_key: not set" in str(raised.value)
    assert "RACE_ASSETS_BETFAIR__PASSWORD, RACE_ASSETS_BETFAIR__APP_KEY" in str(raised.value)
    assert "username" not in str(raised.value).lower()


def test_settings_come_from_variables_as_they_are_written() -> None:
    names = {"USERNAME": "007", "PASSWORD": "0123 #no: comment", "APP_KEY": "1e5", "JURISDICTION": "au"}
    given = settings.load(environment={f"RACE_ASSETS_BETFAIR__{name}": text for name, text in names.items()}).betfair
    secrets = (given.username, given.password, given.app_key)
    assert [each and each.reveal(AwsSettings()) for each in secrets] == ["007", "0123 #no: comment", "1e5"]
    assert given.jurisdiction == "au"


@pytest.mark.parametrize(
    "text",
    ["password: 123454321", "password: [123454321]", "app_key: {x: 123454321}", "identity_url: ftp://me:123454321@x"],
)
def test_a_setting_that_is_wrong_is_told_without_its_value(text: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(f"betfair: {{{text}}}")
    with pytest.raises(SettingsError, match=r"betfair\.\w+ is \(hidden\)") as raised:
        settings.load(tmp_path / "s.yaml", {})
    assert "123454321" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://identitysso.betfair.com", "identitysso.betfair.com", "https://", "", "http://x@"]
)
def test_a_password_goes_to_no_host_unencrypted(url: str) -> None:
    with pytest.raises(ValueError, match="must be an https URL"):
        BetfairAccount(identity_url=url)


def test_an_address_holds_no_password() -> None:
    with pytest.raises(ValueError, match="must hold neither user nor password") as refused:
        BetfairAccount(identity_url="https://somebody:hunter2@identitysso.betfair.com")
    assert "must be an https URL" not in str(refused.value)


def test_no_secret_is_in_an_error_a_log_or_a_repr(
    betfair: Betfair, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[Any] = []
    answers = [Say(403), Say(reset=True), PAGE, "SUSPENDED", "INVALID_USERNAME_OR_PASSWORD", "LIMITED_ACCESS"]
    for answer in answers:
        betfair.answers = [answer] * 4
        identity = process()
        try:
            identity.token()
        except RaceAssetsError as error:
            told += traceback.format_exception(error)
        told += [repr(identity), repr(vars(identity))]
        betfair.answers = []
    text = "".join(told) + caplog.text
    secrets = [USERNAME, PASSWORD, "pa+ss%26w", APP_KEY, *betfair.alive]
    assert not [secret for secret in secrets if re.search(rf"(?<!\w){re.escape(secret)}", text)]


def test_the_server_of_these_tests_is_of_the_kind_betfair_has(betfair: Betfair) -> None:
    """Without Accept it is a page, as API_CONTRACTS 1.2 says; else these tests would not see that it is sent."""
    import requests

    answer = requests.post(betfair.server.url + "/identity/api/login", data={}, timeout=PATIENCE_S)
    assert "<!doctype html" in answer.text
