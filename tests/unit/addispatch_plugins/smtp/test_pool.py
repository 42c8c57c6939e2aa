"""Pool: connections are reused, bounded, and closed when they rest too long."""

from __future__ import annotations

import asyncio

import pytest

from addispatch_plugins.smtp import pool as pool_module
from addispatch_plugins.smtp.login import ServerTrouble
from addispatch_plugins.smtp.pool import Pool


class Line:
    """Stands for a conversation: the pool only asks whether it is ready and closes it."""

    def __init__(self, on_lost):
        self.ready, self.kept = True, False
        self.on_lost = on_lost
        self.closed = asyncio.Event()

    def close(self):
        self.ready = False
        self.closed.set()
        self.on_lost(self)


@pytest.fixture
def opened():
    return []


@pytest.fixture
async def pool(opened):
    async def open_(on_lost):
        opened.append(Line(on_lost))
        return opened[-1]

    pool = Pool(2, open_)
    yield pool
    pool.close()


async def test_reuses_what_was_given_back(pool, opened):
    first = await pool.take()
    assert not first.kept
    pool.give_back(first)
    assert await pool.take() is first
    assert first.kept
    assert len(opened) == 1


async def test_opens_no_more_than_its_size(pool, opened):
    first, _second = await pool.take(), await pool.take()
    waiting = asyncio.gather(pool.take())
    await asyncio.sleep(0)
    assert len(opened) == 2
    pool.give_back(first)
    assert await waiting == [first]


async def test_what_is_not_ready_is_closed(pool, opened):
    first = await pool.take()
    first.ready = False
    pool.give_back(first)
    assert first.closed.is_set()
    assert await pool.take() is not first


async def test_a_connection_lost_while_idle_is_forgotten(pool):
    first = await pool.take()
    pool.give_back(first)
    first.close()
    assert pool.idle_count == 0
    assert await pool.take() is not first


async def test_idle_connections_are_closed_in_time(pool, monkeypatch):
    monkeypatch.setattr(pool_module, "IDLE_S", 0.01)
    first = await pool.take()
    pool.give_back(first)
    await asyncio.wait_for(first.closed.wait(), 5)
    assert pool.idle_count == 0


async def test_a_failed_opening_frees_its_place():
    async def fail(_on_lost):
        raise ServerTrouble("no")

    pool = Pool(1, fail)
    for _ in range(3):
        with pytest.raises(ServerTrouble):
            await asyncio.wait_for(pool.take(), 1)


async def test_replacing_distrusts_the_other_idle_ones(pool, opened):
    first, second = await pool.take(), await pool.take()
    pool.give_back(second)
    first.ready = False
    assert await pool.replace(first) is opened[2]
    assert second.closed.is_set()


async def test_closed_it_keeps_nothing(pool):
    first, second = await pool.take(), await pool.take()
    pool.give_back(first)
    pool.close()
    pool.give_back(second)
    assert first.closed.is_set()
    assert second.closed.is_set()
