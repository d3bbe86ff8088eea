"""Downloads: whole and verified under their name, or not there at all; taken up where they broke."""

import bz2
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from race_assets.errors import ApiRefusedError, ApiUnavailableError, PermanentError, TransientError
from race_assets.http.actions import Action, Actions, Reply, Verdict
from race_assets.http.call import Access, Call
from race_assets.http.download import Downloaded, _mine, clear_unfinished, download
from race_assets.http.retry import RetryPolicy
from race_assets.http.session import HttpSession
from race_assets.settings.nodes import RateLimit
from race_assets_tests.conftest import PROJECT
from race_assets_tests.http.server import Answerer, FakeTime, Say, Seen, Server
from race_assets_tests.http.test_session import PAGE, Tokens
from race_assets_tests.waiting import PATIENCE_S

BODY = os.urandom(300_000)
TAG = {"ETag": '"v1"'}


@pytest.fixture
def session(time: FakeTime) -> Iterator[HttpSession]:
    with make(time) as session:
        yield session


def make(time: FakeTime, **parts: object) -> HttpSession:
    limit = RateLimit(requests_per_second=10, burst_size=5)
    retries = RetryPolicy(attempts=4, base_s=1, cap_s=8, deadline_s=60)
    return HttpSession("test_api", limit, timing=time.timing, retries=retries, **parts)  # type: ignore[arg-type]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "files" / "1.234.bz2"


def get(
    session: HttpSession,
    url: str,
    target: Path,
    verify: Callable[[Path], None] | None = None,
    *,
    is_proof: bool = False,
) -> Downloaded | None:
    return download(session, Call("GET", url), target, verify, is_proof=is_proof)


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def ranges(body: bytes, *cuts: int, headers: dict[str, str] | None = None) -> Answerer:
    """A server that can go on in the middle, and breaks after so many bytes the first times."""
    broken = list(cuts)
    headers = TAG if headers is None else headers

    def answer(seen: Seen) -> Say:
        cut = broken.pop(0) if broken else None
        if not (asked := seen.headers.get("Range")):
            return Say(200, body, headers, cut=cut)
        begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        span = {"Content-Range": f"bytes {begin}-{len(body) - 1}/{len(body)}"}
        return Say(206, body[begin:], {**headers, **span}, cut=cut)

    return answer


def test_a_file_comes_whole(server: Server, session: HttpSession, target: Path) -> None:
    done = get(session, server.on("/f", Say(200, BODY)), target)
    assert done == Downloaded(target, len(BODY), 0)
    assert target.read_bytes() == BODY
    assert left(target) == [target.name]
    assert session.traffic.bytes_in == len(BODY)
    assert server.seen[0].headers["Accept-Encoding"] == "identity"


def test_an_old_file_is_replaced(server: Server, session: HttpSession, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"old")
    get(session, server.on("/f", Say(200, BODY)), target)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("headers", [TAG, {"Last-Modified": "Fri, 15 Jan 2027 08:00:00 GMT"}])
def test_a_broken_transfer_goes_on_where_it_broke(
    headers: dict[str, str], server: Server, session: HttpSession, target: Path
) -> None:
    done = get(session, server.serve("/f", ranges(BODY, 100_000, 50_000, headers=headers)), target)
    assert done == Downloaded(target, len(BODY), 2)
    assert target.read_bytes() == BODY
    assert [seen.headers["Range"] for seen in server.seen] == [None, "bytes=100000-", "bytes=150000-"]
    assert {seen.headers["If-Range"] for seen in server.seen[1:]} == {*headers.values()}
    assert session.traffic.bytes_in == len(BODY)


def test_a_reset_goes_on_as_well(server: Server, session: HttpSession, target: Path) -> None:
    answer = ranges(BODY)
    server.serve(
        "/f", lambda seen: answer(seen) if len(server.seen) > 1 else Say(200, BODY, TAG, cut=90_000, reset=True)
    )
    get(session, server.url + "/f", target)
    assert target.read_bytes() == BODY


def test_a_server_that_cannot_go_on_is_asked_for_all_again(server: Server, session: HttpSession, target: Path) -> None:
    done = get(session, server.on("/f", Say(200, BODY, TAG, cut=100_000), Say(200, BODY, TAG)), target)
    assert done == Downloaded(target, len(BODY), 0)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}], ids=["none", "weak"])
def test_parts_that_nothing_holds_together_are_not_joined(
    headers: dict[str, str], server: Server, session: HttpSession, target: Path
) -> None:
    get(session, server.serve("/f", ranges(BODY, 100_000, headers=headers)), target)
    assert [seen.headers["Range"] for seen in server.seen] == [None, None]


def test_parts_that_the_verification_holds_together_are(server: Server, session: HttpSession, target: Path) -> None:
    packed = bz2.compress(BODY)
    get(session, server.serve("/f", ranges(packed, 100_000, headers={})), target, whole_bz2, is_proof=True)
    assert [seen.headers["Range"] for seen in server.seen] == [None, "bytes=100000-"]
    assert [seen.headers["If-Range"] for seen in server.seen] == [None, None]
    assert target.read_bytes() == packed


def whole_bz2(path: Path) -> None:
    try:
        bz2.decompress(path.read_bytes())
    except (OSError, ValueError) as error:
        raise PermanentError(f"{path.name} is no bz2; {error}") from error


def test_parts_of_two_files_are_fetched_again_whole(server: Server, session: HttpSession, target: Path) -> None:
    new = BODY[::-1]

    def verify(path: Path) -> None:
        if path.read_bytes() not in {BODY, new}:
            raise PermanentError("neither the old nor the new one")

    before, after = ranges(BODY, 100_000, headers={}), ranges(new, headers={})
    server.serve("/f", lambda seen: before(seen) if len(server.seen) == 1 else after(seen))
    get(session, server.url + "/f", target, verify, is_proof=True)
    assert target.read_bytes() == new
    assert len(server.seen) == 3


def test_a_part_of_another_version_is_not_joined_though_the_server_sends_it(
    server: Server, session: HttpSession, target: Path
) -> None:
    new = BODY[::-1]
    before = ranges(BODY, 100_000, headers={"ETag": '"v1"'})

    def after(seen: Seen) -> Say:
        # As servers do that know nothing of If-Range.
        start = int(seen.headers["Range"].removeprefix("bytes=").removesuffix("-")) if seen.headers["Range"] else 0
        told = {"ETag": '"v2"', "Content-Range": f"bytes {start}-{len(new) - 1}/{len(new)}"}
        return Say(206, new[start:], told) if start else Say(200, new, {"ETag": '"v2"'})

    server.serve("/f", lambda seen: before(seen) if len(server.seen) == 1 else after(seen))
    get(session, server.url + "/f", target)
    assert target.read_bytes() == new


def test_a_short_file_is_there_when_it_is_verified(server: Server, session: HttpSession, target: Path) -> None:
    seen: list[bytes] = []
    get(session, server.on("/f", Say(200, b"short")), target, lambda path: seen.append(path.read_bytes()))
    assert seen == [b"short"]


def test_a_refusal_is_read_to_its_end(server: Server, session: HttpSession, target: Path) -> None:
    def judge(reply: Reply) -> Verdict | None:
        return Verdict(Action.GIVE_UP, "is over", "END") if reply.body.endswith(b"END") else None

    call = Call("GET", server.on("/f", Say(400, b" " * 200_000 + b"END")), actions=Actions(judge=judge))
    with pytest.raises(ApiRefusedError, match="is over"):
        download(session, call, target)


def test_a_file_renamed_since_it_was_opened_is_another_s(tmp_path: Path) -> None:
    """What its writer has finished must not be taken for his leftover."""
    path = tmp_path / ".f.download"
    with path.open("ab") as file:
        path.rename(tmp_path / "f")
        assert not _mine(file, path)
        path.touch()
        assert not _mine(file, path)


@pytest.mark.parametrize(
    "middle",
    [
        Say(416),
        Say(206, BODY[5:], {"Content-Range": f"bytes 5-{len(BODY) - 1}/{len(BODY)}"}),
        Say(206, BODY[5:200_005], {"Content-Range": f"bytes 5-200004/{len(BODY)}"}),
        Say(206, BODY[100_000:150_000], {"Content-Range": f"bytes 100000-149999/{len(BODY)}"}),
        Say(206, BODY[100_000:]),
        Say(206, BODY[100_000:], {"Content-Range": f"bytes 100000-{len(BODY)}/{len(BODY) + 1}"}),
    ],
    ids=["416", "elsewhere", "as-long-but-elsewhere", "less", "no-place", "another-length"],
)
def test_what_does_not_go_on_is_not_joined(middle: Say, server: Server, session: HttpSession, target: Path) -> None:
    get(session, server.on("/f", Say(200, BODY, TAG, cut=100_000), middle, Say(200, BODY, TAG)), target)
    assert target.read_bytes() == BODY
    assert len(server.seen) == 3


def test_a_packed_transfer_is_unpacked_and_never_joined(server: Server, session: HttpSession, target: Path) -> None:
    import gzip

    packed = gzip.compress(BODY)
    headers = {**TAG, "Content-Encoding": "gzip"}
    get(session, server.on("/f", Say(200, packed, headers, cut=100_000), Say(200, packed, headers)), target)
    assert target.read_bytes() == BODY
    assert "Range" not in server.seen[1].headers


def test_an_empty_file_is_a_file(server: Server, session: HttpSession, target: Path) -> None:
    get(session, server.on("/f", Say(200, b"")), target)
    assert target.read_bytes() == b""


def test_a_transfer_that_never_ends_well_leaves_nothing(server: Server, session: HttpSession, target: Path) -> None:
    with pytest.raises(ApiUnavailableError, match="/f lost the connection"):
        get(session, server.on("/f", Say(200, BODY, cut=100_000)), target)
    assert left(target) == []
    assert len(server.seen) == 4


def test_a_long_file_may_break_as_often_as_it_likes_while_it_grows(
    server: Server, session: HttpSession, target: Path
) -> None:
    big = os.urandom(9 << 20)
    done = get(session, server.serve("/f", ranges(big, *[(1 << 20) + 1] * 8)), target)
    assert done == Downloaded(target, len(big), 8)
    assert target.read_bytes() == big


def test_a_file_that_is_bad_is_not_kept(server: Server, session: HttpSession, target: Path) -> None:
    with pytest.raises(PermanentError, match="is no bz2"):
        get(session, server.on("/f", Say(200, BODY)), target, whole_bz2)
    assert left(target) == []
    assert len(server.seen) == 1


def test_a_file_that_may_be_whole_another_time_is_fetched_again(
    server: Server, session: HttpSession, target: Path
) -> None:
    def verify(path: Path) -> None:
        if not path.read_bytes().endswith(BODY[-9:]):
            raise TransientError("its end is missing")

    get(session, server.on("/f", Say(200, BODY[:-9]), Say(200, BODY)), target, verify)
    assert target.read_bytes() == BODY
    with pytest.raises(ApiUnavailableError, match="sent a file that is not whole: its end is missing"):
        get(session, server.on("/g", Say(200, BODY[:-9])), target, verify)
    assert target.read_bytes() == BODY


def test_it_is_verified_before_it_has_its_name(server: Server, session: HttpSession, target: Path) -> None:
    seen: list[tuple[bytes, bool]] = []
    get(
        session, server.on("/f", Say(200, BODY)), target, lambda path: seen.append((path.read_bytes(), target.exists()))
    )
    assert seen == [(BODY, False)]


def test_a_page_is_not_written(server: Server, session: HttpSession, target: Path) -> None:
    with pytest.raises(ApiRefusedError, match="web page in place of data"):
        get(session, server.on("/f", PAGE), target)
    assert left(target) == []


def test_a_session_refused_by_a_page_is_renewed(server: Server, time: FakeTime, target: Path) -> None:
    url = server.serve("/f", lambda seen: Say(200, BODY) if seen.headers["ssoid"] == "t1" else PAGE)
    access = Access(Tokens(), lambda token: {"ssoid": token})
    with make(time, actions=Actions(html=Action.RELOGIN), access=access) as session:
        get(session, url, target)
    assert target.read_bytes() == BODY


def test_no_data_is_no_file(server: Server, time: FakeTime, target: Path) -> None:
    with make(time, actions=Actions(statuses={404: Action.NO_DATA})) as session:
        assert get(session, server.on("/f", Say(404)), target) is None
    assert left(target) == []


def test_errors_before_the_file_are_tried_again(server: Server, session: HttpSession, target: Path) -> None:
    get(session, server.on("/f", Say(503), Say(429), Say(reset=True), Say(200, BODY)), target)
    assert target.read_bytes() == BODY


def test_a_file_that_another_is_fetching_is_left_to_it(server: Server, session: HttpSession, target: Path) -> None:
    told: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(ApiUnavailableError, match="another process is downloading this file") as raised:
            get(session, server.url + "/f", target)
        told.append(str(raised.value))
        assert clear_unfinished(target.parent) == 0

    get(session, server.on("/f", Say(200, BODY, midway=meanwhile)), target)
    assert len(told) == 1
    assert target.read_bytes() == BODY


KILLED = """
import sys
from pathlib import Path
from race_assets.http.call import Call
from race_assets.http.download import download
from race_assets.http.session import HttpSession
from race_assets.settings.nodes import RateLimit
limit = RateLimit(requests_per_second=50, burst_size=100)
download(HttpSession("test_api", limit), Call("GET", sys.argv[1]), Path(sys.argv[2]))
"""


def killed(server: Server, target: Path) -> None:
    """Leaves what a process leaves that is killed in the middle of a download."""
    half, dead = threading.Event(), threading.Event()

    def midway() -> None:
        half.set()
        dead.wait(PATIENCE_S)

    url = server.on("/f", Say(200, BODY, midway=midway), Say(200, BODY))
    process = subprocess.Popen([sys.executable, "-c", KILLED, url, str(target)], cwd=PROJECT)
    assert half.wait(PATIENCE_S)
    while not list(target.parent.glob(".*.download")):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    dead.set()


def test_what_a_killed_process_left_is_written_over(server: Server, session: HttpSession, target: Path) -> None:
    killed(server, target)
    assert left(target) == [f".{target.name}.download"]
    get(session, server.url + "/f", target)
    assert left(target) == [target.name]
    assert target.read_bytes() == BODY


def test_what_a_killed_process_left_can_be_cleared(server: Server, target: Path) -> None:
    killed(server, target)
    (target.parent / ".other.part").write_bytes(b"not ours")
    assert clear_unfinished(target.parent) == 1
    assert left(target) == [".other.part"]
