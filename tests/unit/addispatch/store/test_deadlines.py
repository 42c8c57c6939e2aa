"""All deadlines at once: moved with the clock, frozen in a pause, each by its own time."""

from __future__ import annotations

import pytest
from ledgers import new_delivery, open_case, open_ledger
from pipelines import book, group
from rooms import PHONE_ADAM, PHONE_BO, open_room, usual

from addispatch.domain.case import Case, CloseReason, Closing, DeliveryState, Fact
from addispatch.domain.events import Said
from addispatch.engine import pause
from addispatch.pipeline.desk import Desk
from addispatch.store import deadlines, lookup

OPS = (PHONE_ADAM, PHONE_BO, usual(), group("Ops", "Adam", policy="usual"))
NOW, HOUR_MS, MINUTE_MS = 1_000_000_000, 3_600_000, 60_000


async def columns(ledger) -> dict[str, list[tuple]]:
    def query(connection):
        return {
            "cases": list(map(tuple, connection.exec_driver_sql("SELECT next_at_ms, close_at_ms FROM cases"))),
            "deliveries": list(
                map(tuple, connection.exec_driver_sql("SELECT due_at_ms, expires_at_ms FROM deliveries"))
            ),
        }

    return await ledger.read(query)


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS])
async def test_a_shift_moves_every_deadline_and_nothing_else(tmp_path, by_ms):
    async with open_ledger(tmp_path) as ledger:
        waiting = new_delivery(due_at_ms=NOW + 1, expires_at_ms=NOW + 2)
        held = new_delivery("jane", due_at_ms=None)
        await open_case(ledger, waiting, held, ack_required=True, opened_at_ms=NOW, close_after_s=3.0)
        await ledger.submit(lambda tx: tx.set_next(tx.entry(1), NOW + 4))
        before = (await ledger.submit(lambda tx: tx.entry(1))).case
        await ledger.submit(lambda tx: deadlines.shift(tx, by_ms))
        assert await columns(ledger) == {
            "cases": [(NOW + 4 + by_ms, NOW + 3000 + by_ms)],
            "deliveries": [(NOW + 1 + by_ms, NOW + 2 + by_ms), (None, None)],
        }
        entry = await ledger.submit(lambda tx: tx.entry(1))
        assert entry.next_at_ms == NOW + 4 + by_ms, "what was in memory is read anew"
        assert entry.case == before


async def test_what_is_over_has_no_deadline_that_moves(tmp_path):
    """Its times are history; only a step that is still due (a recall's late report) moves."""
    async with open_ledger(tmp_path) as ledger:
        part = new_delivery(state=DeliveryState(Fact.SENT), due_at_ms=None, expires_at_ms=NOW + 2)
        case = await open_case(ledger, part, ack_required=True, opened_at_ms=NOW, close_after_s=3.0)
        over = Case(id=case.id, closings=frozenset({Closing(NOW, CloseReason.OPERATOR)}))
        await ledger.submit(lambda tx: tx.join(tx.entry(1), over, NOW))
        await ledger.submit(lambda tx: tx.set_next(tx.entry(1), NOW + 4))
        await ledger.submit(lambda tx: deadlines.shift(tx, HOUR_MS))
        assert await columns(ledger) == {
            "cases": [(NOW + 4 + HOUR_MS, NOW + 3000)],
            "deliveries": [(None, NOW + 2)],
        }


async def test_a_shift_wakes_who_sleeps_until_a_deadline(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        woken = []
        ledger.on_work = lambda transaction: woken.append(transaction.next_at_ms)
        await ledger.submit(lambda tx: deadlines.shift(tx, 1))
        await ledger.submit(lambda tx: tx.event(NOW, Said("a commit after it, so that it was told")))
        assert woken == [0]


async def test_what_waited_before_a_pause_waits_as_long_after_it(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",), ttl_s=600)
        await room.sends("sms")
        await room.accept("cold", to=("Ops",), ttl_s=600)
        before = await columns(room.ledger)
        room.clock.forward(minutes=1)
        await room.unit(lambda tx: pause.pause(tx, room.desk, "ops", room.now_ms))
        room.clock.forward(minutes=30)
        await room.unit(lambda tx: pause.resume(tx, room.desk, "ops", room.now_ms))
        after = await columns(room.ledger)
        moved = 30 * MINUTE_MS
        assert after["cases"] == [(next_ms + moved, close_ms + moved) for next_ms, close_ms in before["cases"]]
        assert after["deliveries"] == [before["deliveries"][0], tuple(ms + moved for ms in before["deliveries"][1])]


async def test_what_comes_in_a_pause_begins_to_wait_when_it_ends(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.unit(lambda tx: pause.pause(tx, room.desk, "ops", room.now_ms))
        room.clock.forward(minutes=30)
        await room.accept(to=("Ops",), ttl_s=600)
        room.clock.forward(minutes=30)
        await room.unit(lambda tx: pause.resume(tx, room.desk, "ops", room.now_ms))
        found = await columns(room.ledger)
        now_ms = room.now_ms
        assert found["deliveries"] == [(now_ms, now_ms + 600_000)]
        ((next_ms, close_ms),) = found["cases"]
        assert next_ms == now_ms + 420_000, "2 min for the hand-over, then 5"
        assert close_ms >= now_ms + 72 * HOUR_MS


async def test_the_clock_they_were_written_by(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        assert await ledger.submit(deadlines.known_clock) is None
        await ledger.submit(lambda tx: deadlines.note_clock(tx, "boot 1", 5))
        await ledger.submit(lambda tx: deadlines.note_clock(tx, "boot 2", -6))
        assert await ledger.submit(deadlines.known_clock) == ("boot 2", -6)


async def test_the_time_of_the_newest_event(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        assert await ledger.submit(deadlines.newest_ms) == 0
        for at_ms in (7, 5):
            await ledger.submit(lambda tx, at_ms=at_ms: tx.event(at_ms, Said("x")))
        assert await ledger.submit(deadlines.newest_ms) == 5, "the last one written"


async def test_the_pause_is_in_a_mark_and_outlives_a_restart(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        assert deadlines.pause_of(ledger.marks) is None
        await ledger.submit(lambda tx: pause.pause(tx, Desk(directory=book()), "Ops", 77))
        assert deadlines.pause_of(ledger.marks) == {"at_ms": 77, "by": "Ops", "told_at_ms": 77}
    async with open_ledger(tmp_path) as ledger:
        assert await ledger.submit(lambda tx: tx.paused_at_ms) == 77
        await ledger.submit(lambda tx: pause.resume(tx, Desk(directory=book()), "Ops", 99))
        assert deadlines.pause_of(ledger.marks) is None
    async with open_ledger(tmp_path) as ledger:
        assert await ledger.submit(lambda tx: (tx.paused_at_ms, lookup.mark(tx, deadlines.PAUSE))) == (None, b"")


@pytest.mark.parametrize("seconds", [3600, -3600])
async def test_a_clock_that_is_set_in_a_pause_makes_it_no_longer_and_no_shorter(tmp_path, seconds):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.unit(lambda tx: pause.pause(tx, room.desk, "ops", room.now_ms))
        room.clock.forward(minutes=5)
        await room.accept("cold", to=("Ops",), ttl_s=600)
        room.clock.step(seconds)
        room.clock.adopt(seconds * 1000)
        await room.unit(lambda tx: deadlines.shift(tx, seconds * 1000))
        room.clock.forward(minutes=5)
        await room.unit(lambda tx: pause.resume(tx, room.desk, "ops", room.now_ms))
        assert [await room.next_s(1), await room.next_s(2)] == [420, 420]
        assert "after 10 minutes" in (await room.lines("Resumed"))[0]
