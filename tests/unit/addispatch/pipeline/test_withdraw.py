"""Taking back: what waits and asks, of everybody or of one; never what is under way, out, or an answer."""

from __future__ import annotations

from pipelines import ADAM, JANE, group
from rooms import open_room, usual

from addispatch.domain.case import CaseState, CloseReason, DeliveryState, Fact, Phase
from addispatch.domain.receipt import Temporary
from addispatch.pipeline import notice
from addispatch.pipeline.withdraw import cancel, withdraw

OPS = (ADAM, JANE, usual(), group("Ops", "Adam", "Jane", policy="usual"))


def facts(states):
    return {(key.recipient, key.channel): state.fact for key, state in states.items() if key.cycle >= 0}


async def test_what_waits_is_taken_back_and_what_is_under_way_is_not(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.claims("sms")
        count = await room.on(1, lambda tx, entry: withdraw(tx, entry, "Jane came", room.now_ms))
        assert count == 2
        assert facts(await room.states()) == {
            ("adam", "sms"): Fact.NONE, ("jane", "sms"): Fact.NONE,
            ("adam", "email"): Fact.CANCELLED, ("jane", "email"): Fact.CANCELLED,
        }  # fmt: skip
        assert {d["error"] for d in await room.deliveries() if d["state"] == "cancelled"} == {"Jane came"}
        assert await room.claims("email") == [], "it is due no more"


async def test_of_one_person_only(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        assert await room.on(1, lambda tx, entry: withdraw(tx, entry, "no", room.now_ms, only="adam")) == 2
        assert [d["recipient"] for d in await room.deliveries() if d["state"] == "queued"] == ["Jane", "Jane"]


async def test_an_answer_is_never_taken_back(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        to = [notice.Address("adam", "Adam", "sms", ADAM.sms)]
        await room.on(1, lambda tx, e: notice.send(tx, e, notice.Notice("Thanks", "m"), to, set(), room.now_ms))
        await room.on(1, lambda tx, entry: withdraw(tx, entry, "over", room.now_ms))
        assert await room.waiting() == ["Adam: Thanks"]


async def test_what_was_tried_stays_so(tmp_path):
    """He may have got it: his code must count."""
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        await room.sends("sms", receipt=Temporary("busy"))
        await room.on(1, lambda tx, entry: withdraw(tx, entry, "over", room.now_ms))
        states = await room.states()
        tried = [state for key, state in states.items() if key.channel == "sms"]
        assert tried == [DeliveryState(Fact.CANCELLED, 1, Phase.PENDING)] * 2
        assert (await room.entry()).state[0] is CaseState.OPEN


async def test_a_case_of_which_all_is_cancelled_untried_is_closed(tmp_path):
    async with open_room(tmp_path, *OPS) as room:
        await room.accept(to=("Ops",))
        entry = await room.entry()
        for key in list(entry.case.deliveries):
            await room.on(1, lambda tx, e, key=key: cancel(tx, e, key, "by hand", room.now_ms))
        assert entry.state == (CaseState.CLOSED, CloseReason.CANCELLED)
        assert entry.next_at_ms is None
