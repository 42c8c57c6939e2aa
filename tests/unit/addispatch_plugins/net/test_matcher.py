"""Regular expressions in the child: found, not found, for ever, and when the child dies."""

import asyncio
import os
import signal

import pytest

from addispatch_plugins.net.matcher import Matcher, MatchFailed


@pytest.fixture
async def matcher():
    made = Matcher(search_s=5)
    yield made
    await made.close()


async def test_found_or_not(matcher):
    assert matcher.pid is None
    assert await matcher.search(r"stat(e|us): ok", b"status: ok")
    pid = matcher.pid
    assert not await matcher.search(r"^ok", b"status: ok")
    assert await matcher.search("Zürich", "in Zürich".encode())
    assert await matcher.search("x", b"\xff\xfe x")
    assert await matcher.search("y$", b"x" * 262_144 + b"y")
    assert matcher.pid == pid


async def test_one_that_takes_for_ever_is_ended_and_the_next_works(matcher):
    await matcher.search("a", b"a")
    matcher._search_s, pid = 0.2, matcher.pid
    with pytest.raises(MatchFailed, match=r"more than 0.2 s on this answer: write a simpler one"):
        await matcher.search(r"(a+)+$", b"a" * 60 + b"b")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    matcher._search_s = 5
    assert await matcher.search("a", b"a")


async def test_one_that_is_given_up_does_not_answer_the_next(matcher):
    await matcher.search("a", b"a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await matcher.search(r"(a+)+$", b"a" * 60 + b"b")
    assert await matcher.search("a", b"a")


async def test_a_child_that_dies_costs_one_reading(matcher):
    await matcher.search("a", b"a")
    os.kill(matcher.pid, signal.SIGKILL)
    with pytest.raises(MatchFailed, match="the next reading has a new one"):
        await matcher.search("a", b"a")
    assert await matcher.search("a", b"a")


async def test_a_pattern_that_fails_on_an_answer(matcher):
    with pytest.raises(MatchFailed, match="failed"):
        await matcher.search("(a", b"a")
    assert await matcher.search("a", b"a")


async def test_the_end_leaves_no_child(matcher):
    await matcher.search("a", b"a")
    pid = matcher.pid
    await matcher.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
