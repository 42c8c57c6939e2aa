"""Emergency pause: nothing leaves, time stands still, everything goes on; or is cancelled, each message by itself."""

from __future__ import annotations

import pytest
from duet import open_duet
from pipelines import group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, open_room, usual

from addispatch.domain.receipt import Temporary
from addispatch.engine import pause as module
from addispatch.engine.pause import cancel_unsent, pause, resume
from addispatch.store import lookup
from addispatch.store import transaction as transaction_module

OPS = (PHONE_ADAM, PHONE_JANE, PHONE_BO, usual(), group("Ops", "Adam", "Jane", policy="usual"))


async def cancel_all(room, by="Ops") -> int:
    count, cursor = 0, 2**62
    while cursor is not None:
        done, cursor = await room.unit(lambda tx, cursor=cursor: cancel_unsent(tx, by, cursor, room.now_ms))
        count += done
    return count


async def test_nothing_leaves_until_it_is_resumed(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        assert await room.unit(lambda tx: pause(tx, room.desk, "Ops", room.now_ms))
        assert await room.claims() == []
        assert await room.unit(lambda tx: tx.next_due_ms("sms")) is None
        assert not await room.unit(lambda tx: pause(tx, room.desk, "Jane", room.now_ms)), "it is paused already"
        room.clock.forward(minutes=12)
        assert await room.unit(lambda tx: resume(tx, room.desk, "Jane", room.now_ms))
        assert not await room.unit(lambda tx: resume(tx, room.desk, "Jane", room.now_ms))
        assert len(await room.claims()) == 2
        assert await room.lines("Paused") == [
            "EMERGENCY PAUSE by Ops: nothing is sent until somebody resumes; alarms and acknowledgements are taken"
        ]
        assert await room.lines("Resumed") == [
            "Resumed by Jane after 12 minutes: what waits goes out, waiting times go on"
        ]
        assert [e["severity"] for e in await room.events() if e["kind"] in {"Paused", "Resumed"}] == ["severe", "info"]


async def test_a_resume_that_cancelled_what_waited_does_not_say_that_it_goes_out(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.unit(lambda tx: pause(tx, room.desk, "Ops", room.now_ms))
        assert await room.unit(lambda tx: resume(tx, room.desk, "Jane", room.now_ms, cancelled_count=3))
        assert await room.lines("Resumed") == [
            "Resumed by Jane after 0 minutes: what waited was cancelled (3 message(s)), waiting times go on"
        ]


async def test_a_pause_in_a_transaction_that_fails_is_none(tmp_path):
    async with open_room(tmp_path, *OPS) as room:

        def unit(tx):
            pause(tx, room.desk, "Ops", room.now_ms)
            raise ValueError("oops")

        with pytest.raises(ValueError, match="oops"):
            await room.unit(unit)
        assert await room.unit(lambda tx: tx.paused_at_ms) is None


async def test_each_waiting_message_is_cancelled_with_the_name_of_who_did_it(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends()
        await room.accept("cold", to=("Ops",))
        (under_way,) = await room.unit(lambda tx: tx.claim_due("sms", 1, room.now_ms))
        assert await cancel_all(room) == 1
        found = {(d["text"].split("\n")[0], d["recipient"]): (d["state"], d["error"]) for d in await room.deliveries()}
        assert found == {
            ("hot", "Adam"): ("sent", None), ("hot", "Jane"): ("sent", None),
            ("cold", under_way.recipient): ("sending", None), ("cold", "Jane"): ("cancelled", "cancelled by Ops"),
        }  # fmt: skip


async def test_a_case_of_which_nobody_knows_is_closed_and_others_go_on(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept("tried", to=("Ops",))
        await room.sends(receipt=Temporary("busy"))
        await room.accept("on its way", to=("Ops",))
        await room.claims()
        await room.accept("untold", to=("Ops",))
        await cancel_all(room)
        states = [(c["text"], c["state"], c["reason"]) for c in await room.cases()]
        assert states == [("tried", "open", None), ("on its way", "open", None), ("untold", "closed", "cancelled")]
        assert await room.lines("CaseClosed") == ["Case for Ops closed, NOBODY WAS TOLD (cancelled by Ops): untold"]
        assert [await room.next_s(seq) for seq in (1, 2, 3)] == [420, 420, None]


async def test_many_are_cancelled_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 3)
    async with open_room(tmp_path, *OPS) as room:
        for number in range(4):
            await room.accept(f"{number}", to=("Ops",))
        assert await room.unit(lambda tx: cancel_unsent(tx, "Ops", 2**62, room.now_ms)) == (3, 6)
        assert await cancel_all(room) == 5
        assert {c["state"] for c in await room.cases()} == {"closed"}
        assert await cancel_all(room) == 0


async def test_cases_beyond_the_cache_are_closed_as_well(tmp_path, monkeypatch):
    """With more open cases than the cache holds, each look at one reads it anew."""
    monkeypatch.setattr(transaction_module, "CACHE_COUNT", 0)
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        assert await cancel_all(room) == 2
        assert (await room.cases())[0]["state"] == "closed"
        assert len(await room.events("CaseClosed")) == 1


# -- the register of two nodes ----------------------------------------------------------------------------------------


async def paused(room):
    return await room.unit(lambda tx: tx.paused_at_ms is not None)


async def register(room):
    return await room.unit(lambda tx: module.register_of({module.REGISTER: lookup.mark(tx, module.REGISTER)}))


def follow(room, *value):
    return room.unit(lambda tx: module.follow(tx, room.desk, value, room.now_ms))


async def test_each_pause_and_resume_counts_on(tmp_path):
    async with open_duet(tmp_path, PHONE_ADAM) as duet:
        for unit in (pause, resume, pause, pause):
            await duet.b.unit(lambda tx, unit=unit: unit(tx, duet.b.desk, "jane", duet.b.now_ms))
        assert await register(duet.b) == (3, 1, True, "jane")
        assert await register(duet.a) == (0, 0, False, "")


async def test_a_newer_one_is_followed_silently_and_an_older_one_is_not(tmp_path):
    async with open_duet(tmp_path, PHONE_BO, settings={"system_alert_to": ("bo",)}) as duet:
        room = duet.a
        assert await follow(room, 2, 1, True, "jane")
        assert await paused(room)
        assert await room.waiting() == [], "the other node tells them"
        assert await register(room) == (2, 1, True, "jane")
        for older in ((2, 1, True, "jane"), (2, 0, False, "bo"), (1, 9, False, "bo")):
            assert not await follow(room, *older)
        assert await paused(room)
        assert await follow(room, 3, 0, False, "bo")
        assert not await paused(room)
        assert await room.lines("Resumed") == [
            "Resumed by bo after 0 minutes: messages go out again, waiting times go on"
        ]


async def test_alone_nothing_is_counted(tmp_path):
    async with open_room(tmp_path, PHONE_ADAM) as room:
        await room.unit(lambda tx: pause(tx, room.desk, "jane", room.now_ms))
        assert await register(room) == (0, 0, False, "")
