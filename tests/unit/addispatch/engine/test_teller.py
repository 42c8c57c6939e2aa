"""Whose turn it is to tell: in order, few at a time, and nobody is forgotten."""

from __future__ import annotations

import asyncio

from addispatch.engine import teller
from addispatch.engine.teller import Teller


class Source:
    """Tells numbers, and notes which ones were handed over."""

    def __init__(self, names: str, told: list[str], owner: Teller) -> None:
        self.names, self.told, self.owner = list(names), told, owner
        self.futures: list[asyncio.Future[None]] = []

    def hand_over(self) -> asyncio.Future[None]:
        self.told.append(self.names.pop(0))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda _: self.owner.want(self) if self.names else None)
        self.futures.append(future)
        return future


async def test_few_are_on_their_way_and_the_next_goes_when_one_is_on_disk(monkeypatch) -> None:
    monkeypatch.setattr(teller, "FEWEST", 2)
    monkeypatch.setattr(teller, "RATE", 0)
    one, told = Teller(), list[str]()
    sources = [Source(names, told, one) for names in ("ax", "b", "c", "d")]
    for source in sources:
        one.want(source)
    assert (told, one.waiting_count) == (["a", "b"], 2)
    sources[0].futures[0].set_result(None)
    await asyncio.sleep(0)
    assert told == ["a", "b", "c"]
    sources[1].futures[0].set_exception(OSError("the disk is full"))
    await asyncio.sleep(0)
    assert told == ["a", "b", "c", "d"], "one that fails makes room, too"
    sources[2].futures[0].cancel()
    await asyncio.sleep(0)
    assert told == ["a", "b", "c", "d", "x"], "the second news of one come behind the first of all others"


async def test_one_that_cannot_tell_keeps_nobody_waiting(monkeypatch, caplog) -> None:
    monkeypatch.setattr(teller, "FEWEST", 1)
    one, told = Teller(), list[str]()

    class Broken:
        def hand_over(self) -> asyncio.Future[None]:
            raise KeyError("a bug")

    first = Source("a", told, one)
    for each in (Broken(), first, Broken(), Source("b", told, one)):
        one.want(each)
    assert (told, one.waiting_count) == (["a"], 2)
    first.futures[0].set_result(None)
    await asyncio.sleep(0)
    assert told == ["a", "b"]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError, KeyError]


async def test_the_longer_each_is_on_its_way_the_more_are_on_it(monkeypatch) -> None:
    monkeypatch.setattr(teller, "CHUNK_COUNT", 1000)
    loop, one, told = asyncio.get_running_loop(), Teller(), list[str]()
    now_s = 1000.0
    monkeypatch.setattr(loop, "time", lambda: now_s)
    sources = [Source("x", told, one) for _ in range(1000)]
    for source in sources:
        one.want(source)
    seen = []
    for took_s in (1 / 64, 1 / 4, 30.0):
        now_s += took_s
        first = next(source for source in sources if source.futures and not source.futures[0].done())
        first.futures[0].set_result(None)
        await asyncio.sleep(0)
        seen.append(sum(1 for source in sources if source.futures and not source.futures[0].done()))
    assert seen == [16, 66, 250]
    for source in sources:
        if source.futures and not source.futures[0].done():
            source.futures[0].cancel()
    await asyncio.sleep(0)


async def test_there_is_a_pause_after_a_few_however_many_may_go(monkeypatch) -> None:
    monkeypatch.setattr(teller, "FEWEST", 1000)
    monkeypatch.setattr(teller, "PAUSE_S", 0.05)
    loop, one, told = asyncio.get_running_loop(), Teller(), list[str]()
    began_s = loop.time()
    for _ in range(18):
        one.want(Source("x", told, one))
    seen = [len(told)]
    while one.waiting_count:
        await asyncio.sleep(0.005)
        seen += [len(told)] if len(told) != seen[-1] else []
    assert seen == [5, 10, 15, 18]
    assert loop.time() - began_s >= 0.15
    # Who comes later, when nobody waits, goes at once.
    one.want(Source("y", told, one))
    assert told[-1] == "y"


def test_a_thousand_are_told_in_good_time() -> None:
    """Within five seconds after their delay, those of the last second: CHUNK_COUNT at a time."""
    assert 1000 / teller.CHUNK_COUNT * teller.PAUSE_S <= 4
