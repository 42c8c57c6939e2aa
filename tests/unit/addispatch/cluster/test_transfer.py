"""A directory in chunks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addispatch.cluster.transfer import CHUNK_BYTES, MAX_BYTES, WINDOW_COUNT, Fetch, answer, ask
from addispatch.domain.errors import ClusterError
from addispatch.domain.replication import Version

VERSION = Version(1, 2, "a" * 64)
BLOB = bytes(range(256)) * 1_000
COUNT = -(-len(BLOB) // CHUNK_BYTES)


def fetched(blob: bytes, lost: set[int] = frozenset()) -> tuple[Fetch, int]:
    """Fetch until it is there, the chunks in ``lost`` getting lost once; return how often was asked."""
    fetch, asked, lost = Fetch(VERSION), 0, set(lost)
    while fetch.blob is None:
        asked += 1
        for body in answer(fetch.ask(asked), VERSION, blob):
            if body["n"] in lost:
                lost.remove(body["n"])
            else:
                fetch.take(body)
    return fetch, asked


def test_a_directory_arrives_as_it_was() -> None:
    assert COUNT > WINDOW_COUNT
    fetch, asked = fetched(BLOB)
    assert fetch.blob == BLOB
    assert asked == -(-COUNT // WINDOW_COUNT)
    assert fetch.progress == (len(BLOB), len(BLOB))
    assert fetched(b"x")[0].blob == b"x"
    assert fetched(b"y" * CHUNK_BYTES)[0].blob == b"y" * CHUNK_BYTES


def test_only_what_is_missing_is_asked_for_again() -> None:
    fetch = Fetch(VERSION)
    assert fetch.ask(0)["want"] == list(range(WINDOW_COUNT))
    for body in answer(fetch.ask(0), VERSION, BLOB):
        if body["n"] not in {1, 5}:
            fetch.take(body)
    assert fetch.ask(1)["want"] == [1, 5, *range(WINDOW_COUNT, COUNT)]
    assert fetched(BLOB, {0, 3, COUNT - 1})[0].blob == BLOB


def test_more_is_asked_for_when_a_window_is_complete_and_only_once() -> None:
    fetch = Fetch(VERSION)
    chunks = answer(fetch.ask(0), VERSION, BLOB)
    assert [fetch.take(body) for body in reversed(chunks)] == [False] * (len(chunks) - 1) + [True]
    assert not fetch.take(chunks[0])


def test_messages_stay_below_16_kib() -> None:
    version = Version(2**53 - 1, 2**53 - 1, "a" * 64)
    blob = b"\xff" * MAX_BYTES
    last = MAX_BYTES // CHUNK_BYTES
    for body in (*answer(ask(version, [0, last - 1, last]), version, blob), Fetch(version).ask(0)):
        assert len(json.dumps(body)) < 16 * 1024


def test_a_sender_started_anew_may_pack_otherwise_and_nothing_is_mixed() -> None:
    fetch, other = Fetch(VERSION), BLOB[::-1] + b"more"
    for body in answer(fetch.ask(0), VERSION, BLOB)[:-1]:
        fetch.take(body)
    for _ in range(3):
        for body in answer(fetch.ask(1), VERSION, other):
            fetch.take(body)
    assert fetch.blob == other


def test_another_version_is_neither_sent_nor_taken() -> None:
    newer = VERSION._replace(gen=3)
    assert answer(ask(VERSION, [0]), newer, BLOB) == [{"t": "gone", "version": [1, 2, "a" * 64]}]
    fetch = Fetch(VERSION)
    fetch.ask(0)
    assert not fetch.take(answer(ask(newer, [0]), newer, b"x")[0])
    assert fetch.progress == (0, 0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": None}, "version: must be"),
        ({"version": [1, 2]}, "version: must be"),
        ({"blob": ""}, "chunk: blob, size"),
        ({"blob": "x" * 65}, "chunk: blob, size"),
        ({"size": "1"}, "chunk: blob, size"),
        ({"size": 0}, "chunk: size must be"),
        ({"size": MAX_BYTES + 1}, "chunk: size must be"),
        ({"n": -1}, "chunk: n must be 0 to"),
        ({"n": COUNT}, "chunk: n must be 0 to"),
        ({"data": "=="}, "chunk: data is no base64"),
        ({"data": "ä"}, "chunk: data is no base64"),
        ({"data": "eHg="}, "chunk: data is not as long"),
        ({"data": 5}, "chunk: blob, size"),
    ],
)
def test_a_chunk_that_is_none_is_refused(change: dict[str, Any], problem: str) -> None:
    fetch = Fetch(VERSION)
    body = answer(fetch.ask(0), VERSION, BLOB)[0]
    with pytest.raises(ClusterError, match=problem):
        fetch.take({**body, **change})
    assert fetch.progress == (0, 0)


@pytest.mark.parametrize("want", [None, "x", ["1"], [0] * (WINDOW_COUNT + 1), {}])
def test_a_request_that_is_none_is_refused(want: Any) -> None:
    with pytest.raises(ClusterError, match="want: must be at most 16"):
        answer({**ask(VERSION, []), "want": want}, VERSION, BLOB)


def test_numbers_of_chunks_that_are_not_there_are_passed_over() -> None:
    assert [body["n"] for body in answer(ask(VERSION, [-1, 0, COUNT, 10**30]), VERSION, BLOB)] == [0]


def test_there_are_no_chunks_of_what_is_too_large() -> None:
    (said,) = answer(ask(VERSION, [0]), VERSION, b"")
    assert said == {"t": "gone", "version": VERSION.row(), "why": "it is too large to be copied"}
