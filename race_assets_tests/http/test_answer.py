"""Answers whose bodies are larger than any real one are given up, whatever they were sent as."""

import gzip
import io
from types import SimpleNamespace
from typing import Any

import pytest
from urllib3 import HTTPResponse

from race_assets.http import answer
from race_assets.http.actions import Action
from race_assets.http.answer import Answer, BrokenAnswerError


def answered(body: bytes, *, packed: bool) -> Answer:
    headers = {"Content-Encoding": "gzip"} if packed else {}
    raw = HTTPResponse(io.BytesIO(gzip.compress(body) if packed else body), headers=headers, preload_content=False)
    response: Any = SimpleNamespace(status_code=200, headers=headers, raw=raw)
    return Answer(response, lambda: False)


def test_an_answer_that_unpacks_to_far_more_than_was_sent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "ALWAYS_READ", 1 << 20)
    taken: list[int] = []
    pieces = answered(bytes(20 << 20), packed=True).pieces()
    with pytest.raises(BrokenAnswerError, match="over 200 times as many") as error:
        taken.extend(map(len, pieces))
    assert error.value.verdict.action is Action.GIVE_UP
    assert sum(taken) <= 20 << 19


def test_a_body_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MOST_BODY", 1 << 20)
    assert len(answered(b"x" * (1 << 20), packed=False).body()) == 1 << 20
    with pytest.raises(BrokenAnswerError, match="an answer of over 1 MB"):
        answered(b"x" * ((1 << 20) + 1), packed=False).body()


def test_what_compresses_as_data_does_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "ALWAYS_READ", 1 << 10)
    body = b"".join(b'{"race":%d}' % number for number in range(100_000))
    assert answered(body, packed=True).body() == body
