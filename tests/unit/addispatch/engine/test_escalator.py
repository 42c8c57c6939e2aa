"""Fires what is due, in time and by itself; one bad case holds up no other, a pause holds up all."""

from __future__ import annotations

import asyncio

import pytest
from pipelines import BrokenDisk, group, person, until
from rooms import PHONE_ADAM, PHONE_BO, PHONE_CHIEF, open_room, usual

from addispatch.domain.errors import StoreError
from addispatch.domain.policy import Level
from addispatch.engine import escalator as module
from addispatch.engine import pause
from addispatch.engine.escalator import AGAIN_MS, Escalator
from addispatch.runtime.clock import SystemClock
from addispatch.store import deadlines

CHIEF = {"system_alert_to": ("chief",)}
OPS = (PHONE_ADAM, PHONE_BO, usual(), group("Ops", "Adam", policy="usual"))


def watching(room) -> Escalator:
    room.said = []
    return Escalator(room.ledger, room.clock, lambda: room.desk, room.said.append)


async def due_in(room, seconds, seq=1):
    at_ms = room.now_ms + int(seconds * 1000)
    await room.on(seq, lambda tx, entry: tx.set_next(entry, at_ms))


async def levels(room) -> list[int]:
    return [(await room.entry(seq)).case.position.level for seq in range(1, len(await room.cases()) + 1)]


async def test_a_look_fires_what_is_due_and_says_when_the_next_one_is(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        for _ in range(3):
            await room.accept(to=("Ops",))
        await due_in(room, -1, 1)
        await due_in(room, 0, 2)
        await due_in(room, 0.001, 3)
        next_ms = await watching(room).look()
        assert await levels(room) == [1, 1, 0]
        assert next_ms == room.now_ms + 1
        assert room.said == []


async def test_nothing_to_do_is_said_as_such(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        assert await watching(room).look() is None


async def test_however_many_are_due(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    async with open_room(tmp_path, *OPS) as room:
        for seq in range(1, 6):
            await room.accept(to=("Ops",))
            await due_in(room, 0, seq)
        await watching(room).look()
        assert await levels(room) == [1] * 5


async def test_in_a_pause_nothing_is_fired(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.unit(lambda tx: pause.pause(tx, room.desk, "Ops", room.now_ms))
        await due_in(room, 0)
        assert await watching(room).look() is None
        assert await levels(room) == [0]


async def test_after_a_long_stop_only_the_next_level_is_told(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        room.clock.forward(hours=9)
        next_ms = await watching(room).look()
        assert await levels(room) == [1]
        assert next_ms == room.now_ms + 420_000


async def test_a_case_whose_step_fails_is_put_off_told_and_holds_up_no_other(tmp_path, monkeypatch, caplog):
    fire = module.fire

    def fire_some(transaction, desk, entry, now_ms):
        if entry.seq == 1:
            raise ValueError("oops")
        fire(transaction, desk, entry, now_ms)

    monkeypatch.setattr(module, "fire", fire_some)
    async with open_room(tmp_path, *OPS) as room:
        for seq in (1, 2):
            await room.accept(to=("Ops",))
            await due_in(room, 0, seq)
        await watching(room).look()
        assert await levels(room) == [0, 1]
        assert await room.next_s(1) == AGAIN_MS / 1000
        assert [(event.line, event.kind) for event in room.said] == [
            ("A step of an escalation failed and is tried again: oops", "StepFailed")
        ]
        assert "a step of case 1 failed" in caplog.text


async def test_a_full_disk_is_for_the_supervisor_and_loses_no_step(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await due_in(room, 0)
        looking = watching(room)
        with BrokenDisk(room.ledger), pytest.raises(StoreError):
            await looking.look()
        await looking.look()
        assert await levels(room) == [1]


async def test_a_case_that_cannot_even_be_put_off_does_not_make_it_run_hot(tmp_path, monkeypatch):
    def fail(*_args):
        raise ValueError("oops")

    monkeypatch.setattr(module, "fire", fail)
    monkeypatch.setattr(module.lookup, "put_off", fail)
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await due_in(room, 0)
        assert await watching(room).look() == room.now_ms + AGAIN_MS


@pytest.fixture
async def running(tmp_path):
    """An escalator on the real clock, woken as the node wakes it."""
    async with open_room(tmp_path, *OPS, clock=SystemClock()) as room:
        looking = watching(room)
        room.looks = 0

        def work(transaction):
            if transaction.next_at_ms is not None:
                looking.set_earlier(transaction.next_at_ms)

        room.ledger.on_work = work
        look = looking.look

        async def counted():
            room.looks += 1
            return await look()

        looking.look = counted
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(looking.run())
            await until(lambda: room.looks == 1)
            yield room
            task.cancel()


async def test_it_wakes_by_itself_when_a_step_is_due(running):
    await running.accept(to=("Ops",))
    await due_in(running, 0.15)
    assert await levels(running) == [0]
    began_ms = running.now_ms
    await until(lambda: _is_at(running, [1]))
    assert 50 <= running.now_ms - began_ms < 2000


async def test_an_earlier_step_wakes_it_and_a_later_one_does_not(running):
    for seq in (1, 2):
        await running.accept(to=("Ops",))
        await due_in(running, 3600, seq)
    await running.unit(lambda _tx: None)
    looks = running.looks
    await due_in(running, 7200, 2)
    await running.unit(lambda _tx: None)
    assert running.looks == looks
    await due_in(running, 0, 1)
    await until(lambda: _is_at(running, [1, 0]))


async def test_the_end_of_a_pause_wakes_it(running):
    await running.accept(to=("Ops",))
    await running.unit(lambda tx: pause.pause(tx, running.desk, "Ops", running.now_ms))
    await due_in(running, 0)
    await running.unit(lambda _tx: None)
    assert await levels(running) == [0]
    await running.unit(lambda tx: pause.resume(tx, running.desk, "Ops", running.now_ms))
    await until(lambda: _is_at(running, [1]))


async def test_a_clock_that_is_set_wakes_it(running):
    await running.accept(to=("Ops",))
    await due_in(running, 3600)
    await running.unit(lambda tx: deadlines.shift(tx, -3_700_000))
    await until(lambda: _is_at(running, [1]))


async def _is_at(room, wanted):
    return await levels(room) == wanted


async def test_a_chain_that_reaches_nobody_alerts_a_few_times_and_not_at_every_step(tmp_path):
    """7: one system alert per condition per 30 minutes."""
    mute = person("Mute")
    policy = usual(*(Level(to=("mute",)) for _ in range(10)), repeat=20)
    async with open_room(
        tmp_path, PHONE_CHIEF, policy, mute, group("Ops", "Mute", policy="usual"), settings=CHIEF
    ) as room:
        await room.accept(to=("Ops",))
        await watching(room).look()
        assert len(await room.events("ChainEnded")) == 1
        assert 1 <= len(await room.waiting()) <= 5
