"""After a take-over whoever was texted and has not answered hears once from which number it goes on."""

from __future__ import annotations

import pytest
from pipelines import group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_JANE, open_room, usual

from addispatch.domain.alarm import Priority
from addispatch.domain.case import Case, Note, Owner
from addispatch.domain.policy import Level
from addispatch.domain.receipt import Permanent
from addispatch.pipeline.takeover import NOW_FROM, TAKEOVER_LEVEL, repeat_number


def ops(**options):
    policy = usual(Level(to=("bo",)), **options)
    return (PHONE_ADAM, PHONE_JANE, PHONE_BO, policy, group("Ops", "Adam", "Jane", policy="usual"))


async def raised(room, priority=Priority.HIGH):
    await room.accept("hot", to=("Ops",), priority=priority)
    await room.sends("sms")


def repeats(room):
    return room.on(1, lambda tx, entry: repeat_number(tx, room.desk, entry, room.now_ms))


async def test_who_was_texted_is_texted_again_from_the_new_number(tmp_path):
    async with open_room(tmp_path, *ops()) as room:
        await raised(room)
        assert await repeats(room) == 2
        texts = await room.sends("sms")
        code = (await room.cases())[0]["code"]
        assert sorted(text.split(": ", 1)[0] for text in texts) == ["Adam", "Jane"]
        assert all(text.split(": ", 1)[1].startswith(f"{NOW_FROM}hot") and code in text for text in texts)
        levels = {key.level for key in (await room.states())} - {0}
        assert levels == {TAKEOVER_LEVEL}


async def test_a_second_take_over_is_told_in_the_first_words(tmp_path):
    async with open_room(tmp_path, *ops()) as room:
        await raised(room)
        assert await repeats(room) == 2
        assert await repeats(room) == 0, "the same one is told once"
        await room.sends("sms")
        await room.on(1, lambda tx, e: tx.join(e, Case(e.case.id, owner=Owner(3, 1, "s2")), room.now_ms))
        assert await repeats(room) == 2
        assert not [text for text in await room.sends("sms") if text.count(NOW_FROM) > 1]


@pytest.mark.parametrize(
    ("priority", "wanted", "count"),
    [
        (Priority.CRITICAL, None, 2), (Priority.HIGH, None, 2), (Priority.MEDIUM, None, 0), (Priority.LOW, None, 0),
        (Priority.LOW, True, 2), (Priority.CRITICAL, False, 0),
    ],
)  # fmt: skip
async def test_the_policy_says_whether(tmp_path, priority, wanted, count):
    async with open_room(tmp_path, *ops(repeat_on_takeover=wanted)) as room:
        await raised(room, priority)
        assert await repeats(room) == count


async def test_not_who_answered_nor_who_was_never_reached(tmp_path):
    async with open_room(tmp_path, *ops()) as room:
        await room.accept("hot", to=("Ops",), priority=Priority.HIGH)
        adams, janes = await room.claims("sms")
        await room.records(adams, Permanent("no such number"))
        assert await repeats(room) == 1, "Jane's is in a channel's hands: she may have it"
        declined = frozenset({Note(1, "jane", "sms", "cannot", "Jane")})
        await room.on(
            1, lambda tx, e: tx.join(e, Case(e.case.id, declines=declined, owner=Owner(5, 0, "s1")), room.now_ms)
        )
        assert janes.recipient == "Jane"
        assert await repeats(room) == 0


async def test_only_the_people_of_the_current_level(tmp_path):
    async with open_room(tmp_path, *ops()) as room:
        await raised(room)
        await room.fires()
        await room.sends("sms")
        assert await repeats(room) == 1
        assert [text.split(":")[0] for text in await room.sends("sms")] == ["Bo"]


async def test_not_of_a_case_that_is_over_nor_without_a_modem(tmp_path):
    async with open_room(tmp_path, *ops(), provided=frozenset({"email", "log"})) as room:
        await room.accept("hot", to=("Ops",), priority=Priority.HIGH)
        assert await repeats(room) == 0
    (tmp_path / "x").mkdir()
    async with open_room(tmp_path / "x", *ops()) as room:
        await raised(room)
        acked = frozenset({Note(1, "adam", "sms", "", "Adam")})
        await room.on(1, lambda tx, e: tx.join(e, Case(e.case.id, acks=acked), room.now_ms))
        assert await repeats(room) == 0
