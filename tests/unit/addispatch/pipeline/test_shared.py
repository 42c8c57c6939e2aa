"""One message for people in two audiences of an alarm: what becomes of it becomes of all who share it."""

from __future__ import annotations

import pytest
from pipelines import group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, open_room, usual

from addispatch.domain.case import DeliveryState, Fact
from addispatch.domain.receipt import Permanent, Sent
from addispatch.pipeline.shared import SHARED, follow, followers, hand_on
from addispatch.pipeline.withdraw import withdraw

#: Adam is in all of them, so he gets one message.
TWO = (
    PHONE_ADAM, PHONE_JANE, PHONE_BO, usual(),
    group("Ops", "Adam", policy="usual"), group("Fire", "Adam", "Jane", policy="usual"), group("Night", "Adam"),
)  # fmt: skip
ALL = ("Ops", "Fire", "Night")


async def adams(room, seq=1) -> DeliveryState:
    return next(state for key, state in (await room.states(seq)).items() if key.recipient == "adam")


async def shares(room, seq=1) -> list[int]:
    """The cases in which somebody shares the first message of a case."""

    def unit(tx, entry):
        return [other.seq for other, _ in followers(tx, entry, next(iter(entry.case.deliveries)))]

    return await room.on(seq, unit)


async def test_one_message_goes_out_for_all(tmp_path):
    async with open_room(tmp_path, *TWO) as room:
        code = (await room.accept(to=ALL)).cases[0].code
        assert await room.waiting() == [f"{who}: hot\nACK: Reply {code} + msg" for who in ("Adam", "Jane")]
        errors = {(d["recipient"], d["state"]): d["error"] for d in await room.deliveries()}
        assert errors["Adam", "held"] == SHARED
        assert errors["Adam", "filtered"] == "told of the same alarm already, by another group or by name"
        assert await shares(room) == [2]


@pytest.mark.parametrize(
    ("receipt", "fact"), [(Sent(), Fact.SENT), (Permanent("no such number"), Fact.FAILED)], ids=["sent", "failed"]
)
async def test_what_becomes_of_it_becomes_of_all_who_share_it(tmp_path, receipt, fact):
    async with open_room(tmp_path, *TWO) as room:
        await room.accept(to=ALL)
        claim = next(claim for claim in await room.claims() if claim.recipient == "Adam")
        await room.records(claim, receipt)
        assert [(await adams(room, seq)).fact for seq in (1, 2)] == [fact, fact]
        assert await shares(room) == []
        assert [await room.next_s(seq) for seq in (1, 2)] == [300, 300] if fact is Fact.SENT else [0, 420]


async def test_if_its_case_needs_it_no_more_the_next_one_goes_itself(tmp_path):
    async with open_room(tmp_path, *TWO) as room:
        await room.accept(to=ALL)
        await room.on(1, lambda tx, entry: withdraw(tx, entry, "over", room.now_ms))
        assert (await adams(room, 1)).fact is Fact.CANCELLED
        assert [claim.case_seq for claim in await room.claims() if claim.recipient == "Adam"] == [2]


async def test_what_was_shared_is_handed_to_one_and_no_closed_case(tmp_path):
    people = (*TWO, group("Extra", "Adam", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        await room.accept(to=("Ops", "Fire", "Extra"))
        assert await shares(room) == [2, 3] or await shares(room) == [3, 2]

        def unit(tx, entry):
            hand_on(tx, entry, next(iter(entry.case.deliveries)), room.now_ms)
            return set(tx.channels)

        assert await room.on(1, unit) == {"sms"}, "the lane is woken"
        due = await room.unit(lambda tx: tx.connection.exec_driver_sql(
            "SELECT count(*) FROM deliveries WHERE recipient = 'Adam' AND due_at_ms IS NOT NULL").scalar()
        )  # fmt: skip
        assert due == 2, "its own, and one more"


async def test_an_outcome_is_told_to_whoever_shares_it_once(tmp_path):
    async with open_room(tmp_path, *TWO) as room:
        await room.accept(to=ALL)

        def unit(tx, entry):
            key = next(iter(entry.case.deliveries))
            return [len(follow(tx, entry, key, Fact.SENT, SHARED, room.now_ms)) for _ in range(2)]

        assert await room.on(1, unit) == [1, 0]
        sent = [d for d in await room.deliveries() if d["recipient"] == "Adam" and d["state"] == "sent"]
        assert [d["sent_at"] for d in sent] == ["2026-01-01T12:00:00.000Z"]


async def test_other_alarms_and_notices_share_nothing(tmp_path):
    async with open_room(tmp_path, *TWO) as room:
        await room.accept(to=("Ops",))
        await room.accept("cold", to=("Fire",))
        assert await shares(room) == []
        assert await room.on(1, _of_notice) == []


def _of_notice(tx, entry):
    key = next(iter(entry.case.deliveries))
    return list(followers(tx, entry, key._replace(cycle=-1)))
