"""The session against a real server: what is tried again, what is given up, what is counted, and what is never told."""

import gzip
import json
import logging
import socket
import subprocess
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from race_assets.errors import ApiRefusedError, ApiUnavailableError
from race_assets.http.actions import Action, Actions, Reply, Verdict
from race_assets.http.call import Access, Timeouts
from race_assets.http.retry import RetryPolicy
from race_assets.http.session import HttpSession
from race_assets.settings.nodes import RateLimit
from race_assets_tests.http.server import FakeTime, Say, Server, running, say_json
from race_assets_tests.waiting import PATIENCE_S

SECRET = "hunter2"  # noqa: S105 - a password of nothing, to be looked for where it must not be
LIMIT = RateLimit(requests_per_second=10, burst_size=5)
PAGE = Say(200, b"<!doctype html><title>Log in</title>", {"Content-Type": "text/html"})
OK = say_json({"fine": True})


@pytest.fixture
def session(time: FakeTime) -> Iterator[HttpSession]:
    with make(time) as session:
        yield session


def make(time: FakeTime, **parts: Any) -> HttpSession:
    parts.setdefault("retries", RetryPolicy(attempts=4, base_s=1, cap_s=8, deadline_s=60))
    return HttpSession("test_api", LIMIT, timing=time.timing, **parts)


class Tokens:
    """A login whose tokens are t0, t1 and so on."""

    def __init__(self) -> None:
        self.count = 0

    def token(self) -> str:
        return f"t{self.count}"

    def refused(self, token: str) -> str:
        assert token == self.token()
        self.count += 1
        return self.token()


def access(tokens: Tokens) -> Access:
    return Access(tokens, lambda token: {"ssoid": token})


def test_json_goes_out_and_comes_back(server: Server, session: HttpSession) -> None:
    url = server.on("/a", OK)
    assert session.get_json(url, params={"day": "2024-06-27"}) == {"fine": True}
    assert session.post_json(url, {"ids": [1]}) == {"fine": True}
    assert session.post_form(url, {"a": "b c&d"}) == {"fine": True}
    get, posted, form = server.seen
    assert (get.method, get.query) == ("GET", {"day": "2024-06-27"})
    assert (posted.method, json.loads(posted.body)) == ("POST", {"ids": [1]})
    assert posted.headers["Content-Type"] == "application/json"
    assert form.form == {"a": "b c&d"}
    assert {seen.headers["Accept"] for seen in server.seen} == {"application/json"}
    assert {seen.headers["Accept-Encoding"] for seen in server.seen} == {"gzip"}
    assert not any("Expect" in seen.headers for seen in server.seen)


def test_connections_are_kept(server: Server, session: HttpSession) -> None:
    url = server.on("/a", OK)
    for _ in range(3):
        session.get_json(url)
    assert len({seen.peer for seen in server.seen}) == 1


def test_packed_bodies_are_unpacked_and_counted_as_they_came(server: Server, session: HttpSession) -> None:
    packed = gzip.compress(json.dumps(["x"] * 1000).encode())
    assert session.get_json(server.on("/a", Say(200, packed, {"Content-Encoding": "gzip"}))) == ["x"] * 1000
    assert session.traffic.bytes_in == len(packed)


@pytest.mark.parametrize(
    "bad",
    [
        Say(500),
        Say(502, PAGE.body),
        Say(503),
        Say(429),
        Say(408),
        Say(reset=True),
        Say(200, b'{"fine": true}', cut=5),
        Say(200, b'{"fine": true}', cut=5, reset=True),
        Say(200, b"no gzip at all", {"Content-Encoding": "gzip"}),
        Say(200, b"zz\r\n", {"Transfer-Encoding": "chunked"}, length=False),
        Say(200, b'5\r\n{"fin', {"Transfer-Encoding": "chunked"}, length=False),
    ],
    ids=["500", "502", "503", "429", "408", "reset", "short", "reset-midway", "not-gzip", "bad-chunk", "short-chunk"],
)
def test_what_passes_is_tried_again(bad: Say, server: Server, session: HttpSession, time: FakeTime) -> None:
    assert session.get_json(server.on("/a", bad, bad, OK)) == {"fine": True}
    assert len(server.seen) == 3
    traffic = session.traffic
    assert (traffic.requests, traffic.retries) == (3, 2)
    assert traffic.waited_s == pytest.approx(time.at)
    assert time.at >= 0.5 + 1


def test_what_does_not_pass_ends_in_an_error_that_says_so(server: Server, session: HttpSession) -> None:
    with pytest.raises(ApiUnavailableError, match=r"test_api: GET http://127.*/a answered 503; tried 4 times in \d+ s"):
        session.get_json(server.on("/a", Say(503)))
    assert len(server.seen) == 4


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 417, 501])
def test_what_stays_is_given_up_at_once(status: int, server: Server, session: HttpSession) -> None:
    with pytest.raises(ApiRefusedError, match=f"/a answered {status}"):
        session.get_json(server.on("/a", Say(status)))
    assert len(server.seen) == 1


def test_no_data_is_none(server: Server, time: FakeTime) -> None:
    with make(time, actions=Actions(statuses={404: Action.NO_DATA})) as session:
        assert session.get_json(server.on("/a", Say(404))) is None
        assert session.request("GET", server.on("/b", Say(204))) is None


@pytest.mark.parametrize("body", [b"", b"Error", b'{"cut": ', b"\xff\xfe"])
def test_what_is_no_json_is_given_up(body: bytes, server: Server, session: HttpSession) -> None:
    with pytest.raises(ApiRefusedError, match="is no JSON"):
        session.get_json(server.on("/a", Say(200, body)))


def test_bytes_come_as_they_are(server: Server, session: HttpSession) -> None:
    reply = session.request("GET", server.on("/a", Say(200, b"\x00\xff")))
    assert reply
    assert reply.body == b"\x00\xff"


def test_a_page_is_no_data(server: Server, session: HttpSession) -> None:
    with pytest.raises(ApiRefusedError, match="web page in place of data"):
        session.request("GET", server.on("/a", PAGE))


def test_a_redirect_is_not_followed_and_told_without_its_secrets(server: Server, session: HttpSession) -> None:
    target = server.on("/b", OK)
    url = server.on("/a", Say(302, headers={"Location": f"{target}?token={SECRET}"}))
    with pytest.raises(ApiRefusedError, match=r"answered 302 and sends us on to http://.*/b\?token=\*\*\*"):
        session.get_json(url)
    assert [seen.path for seen in server.seen] == ["/a"]


def test_retry_after_is_waited_for_in_full(server: Server, session: HttpSession, time: FakeTime) -> None:
    session.get_json(server.on("/a", Say(429, headers={"Retry-After": "30"}), OK))
    assert 30 in time.slept


def test_retry_after_as_a_date(server: Server, session: HttpSession, time: FakeTime) -> None:
    headers = {"Retry-After": "Fri, 15 Jan 2027 08:00:40 GMT", "Date": "Fri, 15 Jan 2027 08:00:00 GMT"}
    session.get_json(server.on("/a", Say(503, headers=headers), OK))
    assert 40 in time.slept


def test_retry_after_beyond_the_deadline_ends_at_once(server: Server, session: HttpSession, time: FakeTime) -> None:
    with pytest.raises(ApiUnavailableError, match="asks for a pause of 600 s"):
        session.get_json(server.on("/a", Say(429, headers={"Retry-After": "600"})))
    assert len(server.seen) == 1
    assert time.at < 1


def test_a_server_that_hangs_is_left(server: Server, time: FakeTime) -> None:
    gone = threading.Event()
    with make(time, timeouts=Timeouts(read_s=0.05), retries=RetryPolicy(attempts=2)) as session:
        with pytest.raises(ApiUnavailableError, match="did not answer in time"):
            session.get_json(server.on("/a", Say(before=lambda: gone.wait(PATIENCE_S))))
        gone.set()
    assert session.traffic.requests == 2


def test_an_answer_that_drips_beyond_the_deadline_is_left(server: Server, time: FakeTime) -> None:
    """Each piece comes in time, the whole never does: a MB is more than one piece, and the clock is pushed on."""
    drip = Say(200, b"[" + b" " * (1 << 20) + b"]", before=lambda: time.sleep(100))
    with make(time) as session, pytest.raises(ApiUnavailableError, match="still answering when its time was over"):
        session.get_json(server.on("/a", drip))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/", "http://", "http://[::1/", "http://\u2024/", "ftp://x/", "http:///a"]
)
def test_what_is_no_url_is_told(url: str, session: HttpSession) -> None:
    with pytest.raises(ApiRefusedError, match="this is no URL"):
        session.get_json(url)


def test_a_body_that_json_cannot_tell_is_given_up(server: Server, session: HttpSession) -> None:
    with pytest.raises(ApiRefusedError, match="a number in it is none JSON has"):
        session.post_json(server.on("/a", OK), float("nan"))


def test_nobody_at_the_port(session: HttpSession) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ApiUnavailableError, match=r"lost the connection \(ConnectionRefusedError\)"):
        session.get_json(f"http://127.0.0.1:{port}/")


def test_a_refused_session_logs_in_once_and_tries_once_more(server: Server, time: FakeTime) -> None:
    tokens = Tokens()
    url = server.serve("/a", lambda seen: OK if seen.headers["ssoid"] == "t1" else PAGE)
    with make(time, actions=Actions(html=Action.RELOGIN), access=access(tokens)) as session:
        assert session.get_json(url) == {"fine": True}
        assert session.get_json(url) == {"fine": True}
    assert [seen.headers["ssoid"] for seen in server.seen] == ["t0", "t1", "t1"]
    assert session.traffic.retries == 1


def test_a_login_does_not_use_up_the_time_for_tries(server: Server, time: FakeTime) -> None:
    class Slow(Tokens):
        def refused(self, token: str) -> str:
            time.at += 60
            return super().refused(token)

    url = server.on("/a", PAGE, Say(503), OK)
    with make(time, actions=Actions(html=Action.RELOGIN), access=access(Slow())) as session:
        assert session.get_json(url) == {"fine": True}


def test_a_new_session_refused_as_well_is_the_end(server: Server, time: FakeTime) -> None:
    tokens = Tokens()
    session = make(time, actions=Actions(html=Action.RELOGIN), access=access(tokens))
    with session, pytest.raises(ApiRefusedError, match="web page in place of data, with a new session as well"):
        session.get_json(server.on("/a", PAGE))
    assert (tokens.count, len(server.seen)) == (1, 2)


def test_a_login_that_is_refused_names_what_was_asked_for(server: Server, time: FakeTime) -> None:
    class Refusing(Tokens):
        def refused(self, token: str) -> str:
            raise ApiRefusedError(f"no more than {len(token)} letters", "CLOSED")

    session = make(time, actions=Actions(html=Action.RELOGIN), access=access(Refusing()))
    words = r"/a answered with a web page in place of data, and no new session helps: no more than 2 letters"
    with session, pytest.raises(ApiRefusedError, match=words) as raised:
        session.get_json(server.on("/a", PAGE))
    assert raised.value.code == "CLOSED"


def test_without_a_login_there_is_none_to_be_made(server: Server, time: FakeTime) -> None:
    with make(time, actions=Actions(html=Action.RELOGIN)) as session, pytest.raises(ApiRefusedError):
        session.get_json(server.on("/a", PAGE))
    assert len(server.seen) == 1


def test_an_api_s_own_code_comes_with_the_error(server: Server, session: HttpSession) -> None:
    def judge(reply: Reply) -> Verdict | None:
        code = (reply.document or {}).get("errorCode")
        return Verdict(Action.GIVE_UP, f"answered {code}", code) if code else None

    url = server.on("/a", say_json({"errorCode": "TOO_MUCH_DATA"}, 400))
    with pytest.raises(ApiRefusedError, match="answered TOO_MUCH_DATA") as raised:
        session.get_json(url, actions=Actions(judge=judge))
    assert raised.value.code == "TOO_MUCH_DATA"


def test_requests_keep_to_the_limit_and_their_weight(server: Server, session: HttpSession, time: FakeTime) -> None:
    url = server.on("/a", OK)
    for _ in range(10):
        session.get_json(url, weight=4)
    assert time.at == pytest.approx(10 * 4 / 10)


def test_threads_share_a_session(server: Server, session: HttpSession) -> None:
    url = server.serve("/a", lambda seen: say_json(int(seen.query["n"])))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: session.get_json(url, params={"n": n}), range(50))) == list(range(50))
    assert session.traffic.requests == 50


def test_no_cookie_is_kept(server: Server, session: HttpSession) -> None:
    url = server.on("/a", say_json(1, Set_Cookie="who=me"))
    session.get_json(url)
    session.get_json(url)
    assert "Cookie" not in server.seen[1].headers


def test_the_environment_s_proxy_and_netrc_do_not_touch_loopback(
    server: Server, time: FakeTime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with make(time) as session:
        assert session.get_json(server.on("/a", OK)) == {"fine": True}
    assert "Authorization" not in server.seen[0].headers


def test_other_hosts_are_reached_through_the_environment_s_proxy(
    server: Server, session: HttpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, server.url)
    monkeypatch.setenv("no_proxy", "")
    server.on("/a", OK)
    assert session.get_json("http://api.invalid/a") == {"fine": True}
    assert server.seen[0].headers["Host"] == "api.invalid"


class Held:
    """A lock that notes what happens to it."""

    def __init__(self, server: Server) -> None:
        self.notes: list[str] = []
        self._server = server

    def __enter__(self) -> None:
        self.notes.append(f"taken before request {len(self._server.seen) + 1}")

    def __exit__(self, *_: object) -> None:
        self.notes.append(f"given back after request {len(self._server.seen)}")


def test_the_lock_is_held_from_the_first_request_to_the_end(server: Server, time: FakeTime) -> None:
    lock = Held(server)
    url = server.on("/a", OK)
    with make(time, lock=lock) as session:
        assert lock.notes == []
        session.get_json(url)
        session.get_json(url)
        assert lock.notes == ["taken before request 1"]
    session.close()
    assert lock.notes == ["taken before request 1", "given back after request 2"]


def test_who_has_waited_for_the_lock_has_saved_up_nothing(server: Server, time: FakeTime) -> None:
    """The process that had it may have sent its burst a moment ago."""

    class Awaited(Held):
        def __enter__(self) -> None:
            time.at += 100

    with make(time, lock=Awaited(server)) as session:
        for _ in range(3):
            session.get_json(server.on("/a", OK))
    assert time.at == pytest.approx(100.3)


def test_a_session_that_asks_nothing_takes_no_lock(server: Server, time: FakeTime) -> None:
    lock = Held(server)
    make(time, lock=lock).close()
    assert lock.notes == []


@pytest.mark.parametrize(
    "fail",
    [
        lambda session, server: session.get_json(server.on("/a", Say(503)), params={"apikey": SECRET}),
        lambda session, server: session.get_json(server.on("/a", Say(403)), params={"own": SECRET}),
        lambda session, server: session.get_json(server.on("/a", Say(reset=True)), params={"token": SECRET}),
        lambda session, _: session.get_json(f"http://me:{SECRET}@127.0.0.1:9/a"),
        lambda session, _: session.get_json(f"no-url?token={SECRET}"),
        lambda session, server: session.get_json(server.on("/a", OK), headers={"X-Key": f"{SECRET}\nX: y"}),
        lambda session, server: session.get_json(server.on("/a", OK), headers={"X-Key": f"{SECRET}\u20ac"}),
        lambda session, server: session.post_form(server.on("/a", PAGE), {"password": SECRET}),
        lambda session, server: session.get_json(server.on("/a", Say(200, SECRET.encode()))),
    ],
    ids=["503", "403", "reset", "userinfo", "no-url", "bad-header", "odd-header", "form", "body"],
)
def test_no_secret_is_in_an_error_its_traceback_or_a_log(
    fail: Callable[[HttpSession, Server], object],
    server: Server,
    time: FakeTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with make(time, secret_params=["own"]) as session, pytest.raises((ApiRefusedError, ApiUnavailableError)) as raised:
        fail(session, server)
    told = raised.value
    assert (told.__cause__, told.__context__) == (None, None)
    everything = "".join(traceback.format_exception(told, chain=True)).partition("test_api: ")[2]
    assert everything
    assert SECRET not in everything + caplog.text + repr(session)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=race_assets -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True
    )
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


@pytest.fixture
def tls(certificate: Path) -> Iterator[Server]:
    """A server with TLS that wants the client's certificate."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with running(context) as server:
        yield server


def test_a_certificate_nobody_vouches_for_is_not_trusted(tls: Server, session: HttpSession) -> None:
    with pytest.raises(ApiRefusedError, match="TLS certificate that cannot be trusted"):
        session.get_json(tls.on("/a", OK))
    assert tls.seen == []


def test_a_client_certificate_is_shown(
    tls: Server, certificate: Path, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with make(time, client_cert=(certificate, None)) as session:
        assert session.get_json(tls.on("/a", OK)) == {"fine": True}
    with make(time) as session, pytest.raises(ApiUnavailableError):
        session.get_json(tls.url + "/a")
    assert len(tls.seen) == 1


def test_a_client_certificate_that_is_gone_is_told(time: FakeTime, tmp_path: Path) -> None:
    session = make(time, client_cert=(tmp_path / "none.pem", None))
    with session, pytest.raises(ApiRefusedError, match="client certificate or the authorities' file cannot be read"):
        session.get_json("https://127.0.0.1:9/")
