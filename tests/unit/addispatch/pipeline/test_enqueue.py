"""From a plan to cases: what opens one, what adds to one, what exempts, what is known already."""

from __future__ import annotations

import pytest
from pipelines import ADAM, JANE, group, person, route
from rooms import PHONE_ADAM, PHONE_JANE, open_room, usual

from addispatch.domain.alarm import Mark, Priority
from addispatch.domain.policy import Policy

BOTH = (ADAM, JANE, group("Ops", "Adam", "Jane"), group("Fire", "Adam"))
CRITICAL = Policy(id="critical", name="critical", renotify_after_s=600, close_after_h=1)
POLICED = (ADAM, JANE, CRITICAL, group("Ops", "Adam", policy="critical"), group("Fire", "Adam", "Jane"))


def words(delivery):
    """A text without its footnote."""
    return delivery["text"].split("\n")[0]


# -- a new alarm ---------------------------------------------------------------------------------------------------------


async def test_urgent_ones_queue_in_front(tmp_path):
    async with open_room(tmp_path, person("Bo", "log"), route("all", "Bo")) as node:
        await node.accept("low", priority=Priority.LOW)
        await node.accept("fire", priority=Priority.CRITICAL)
        assert [claim.text for claim in await node.claims()] == ["fire", "low"]


# -- keys ----------------------------------------------------------------------------------------------------------------


async def test_a_raise_with_the_key_of_an_open_case_adds_to_it(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        first = await node.accept("hot", key="boiler", to=("Ops",))
        second = await node.accept("hotter", key="boiler", to=("Ops",))
        assert second.cases == first.cases
        assert second.alarm_id != first.alarm_id
        (case,) = await node.cases()
        assert (case["count"], case["text"], case["last_text"]) == (2, "hot", "hotter")
        assert len(case["deliveries"]) == 2, "no new message"
        assert (await node.events("AlarmAdded"))[0]["text"] == "boiler: raised again, 2 times now, open for Ops"


async def test_a_raise_that_is_more_urgent_is_told_again_once(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        await node.accept(key="boiler", to=("Ops",), priority=Priority.MEDIUM)
        await node.sends()
        for text, priority in (("worse", "critical"), ("still", "critical"), ("better", "low"), ("again", "critical")):
            await node.accept(text, key="boiler", to=("Ops",), priority=Priority(priority))
        (case,) = await node.cases()
        assert [words(d) for d in case["deliveries"]] == ["hot", "hot", "worse", "worse"]
        assert case["count"] == 5


async def test_a_more_urgent_raise_tells_a_person_in_two_open_cases_once(tmp_path):
    async with open_room(tmp_path, *BOTH) as node:
        await node.accept(key="boiler", to=("Ops", "Fire"), ack_required=True)
        await node.sends()
        await node.accept("worse", key="boiler", to=("Ops", "Fire"), priority=Priority.CRITICAL)
        told = [
            (d["recipient"], d["channel"])
            for d in await node.deliveries()
            if words(d) == "worse" and d["state"] == "queued"
        ]
        assert sorted(told) == [("Adam", "email"), ("Adam", "sms"), ("Jane", "email"), ("Jane", "sms")]


async def test_a_raise_that_is_worse_is_told_again_with_the_same_priority(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        await node.accept(key="boiler", to=("Ops",))
        await node.sends()
        for text, is_worse in (("same", False), ("worse", True), ("as bad", False)):
            await node.accept(text, key="boiler", to=("Ops",), is_worse=is_worse)
        (case,) = await node.cases()
        assert [words(d) for d in case["deliveries"]] == ["hot", "hot", "worse", "worse"]
        assert case["count"] == 4


async def test_long_after_the_last_message_a_raise_is_told_again(tmp_path):
    """However often it is raised in between: the policy says 600 s."""
    async with open_room(tmp_path, *POLICED) as node:
        for number in range(8):
            await node.accept(f"{200 * number} s", key="boiler", to=("Ops",))
            node.clock.forward(seconds=200)
        assert [words(d) for d in await node.deliveries() if d["channel"] == "sms"] == ["0 s", "600 s", "1200 s"]


async def test_a_key_belongs_to_its_source_and_audience(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        await node.accept(key="boiler", to=("Ops",))
        await node.accept(key="boiler", to=("Ops",), source="modbus")
        await node.accept(key="boiler", to=("Ops", "Fire"))
        assert [(c["source"], c["audience"], c["count"]) for c in await node.cases()] == [
            ("mqtt", "Ops", 2), ("modbus", "Ops", 1), ("mqtt", "Fire", 1),
        ]  # fmt: skip


async def test_a_case_that_is_closed_is_not_added_to(tmp_path):
    async with open_room(tmp_path, *BOTH) as node:
        await node.accept(key="boiler", to=("Fire",))
        await node.sends()
        await node.accept(key="boiler", to=("Fire",))
        assert [(c["state"], c["count"]) for c in await node.cases()] == [("closed", 1), ("open", 1)]


async def test_raises_are_counted_over_a_restart(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        for _ in range(3):
            await node.accept(key="boiler", to=("Ops",))
    async with open_room(tmp_path, *POLICED, store_id="s2") as node:
        await node.accept("last", key="boiler", to=("Ops",))
        (case,) = await node.cases()
        assert (case["count"], case["last_text"]) == (4, "last")


# -- exempt words --------------------------------------------------------------------------------------------------------

EXEMPT = (PHONE_ADAM, PHONE_JANE, usual(), group("Ops", "Adam", policy="usual"), group("Fire", "Jane"))


async def test_a_text_of_recovery_is_told_and_asks_nothing(tmp_path):
    async with open_room(tmp_path, *EXEMPT) as room:
        accepted = await room.accept("pump back to normal", to=("Ops",))
        assert accepted.cases[0].code is None
        assert await room.sends() == ["Adam: pump back to normal"]
        (case,) = await room.cases()
        assert (case["state"], case["reason"]) == ("closed", "exempt")
        assert await room.next_s() is None
        assert await room.lines("AlarmExempt") == [
            "exempt by keyword 'back to normal', needs no acknowledgement: pump back to normal"
        ]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "pump not back to normal"},
        {"text": "pump hot"},
        {"priority": Priority.CRITICAL},
        {"is_stated": True},
        {"ack_required": True},
    ],
    ids=str,
)
async def test_what_exempts_nothing(tmp_path, fields):
    async with open_room(tmp_path, *EXEMPT) as room:
        accepted = await room.accept(**{"text": "pump back to normal", "to": ("Ops",), **fields})
        assert accepted.cases[0].code
        assert await room.events("AlarmExempt") == []


async def test_who_has_no_policy_has_no_exempt_words(tmp_path):
    """Nobody asks him anything anyway."""
    async with open_room(tmp_path, *EXEMPT) as room:
        await room.accept("pump back to normal", to=("Fire",))
        await room.sends()
        assert (await room.cases())[0]["reason"] == "sent"


@pytest.mark.parametrize(("clears", "state"), [(False, "open"), (True, "closed")])
async def test_a_word_closes_the_case_of_its_key_only_if_the_policy_says_so(tmp_path, clears, state):
    policy = usual(keyword_clears=clears)
    async with open_room(tmp_path, PHONE_ADAM, policy, group("Ops", "Adam", policy="usual")) as room:
        await room.accept("pump hot", key="pump", to=("Ops",))
        await room.sends()
        await room.accept("pump back to normal", key="pump", to=("Ops",))
        first, second = await room.cases()
        assert first["state"] == state
        assert (second["code"], second["count"]) == (None, 1), "a case of its own: it is another thing to say"


# -- the same alarm again ------------------------------------------------------------------------------------------------


async def test_the_same_id_gets_the_same_answer_and_nothing_happens(tmp_path):
    async with open_room(tmp_path, *POLICED) as room:
        first = await room.accept(id="7", to=("Ops",))
        again = await room.accept("other words", id="7", to=("Ops",))
        assert (again.alarm_id, again.cases, again.duplicate) == (first.alarm_id, first.cases, True)
        other = await room.accept(id="7", source="modbus", to=("Ops",))
        assert other.alarm_id != first.alarm_id
        assert not other.duplicate
        assert len(await room.cases()) == 2


async def test_a_mark_is_stored_with_its_alarm_and_with_its_duplicate(tmp_path):
    async with open_room(tmp_path, *POLICED) as room:
        for value in (b"one", b"two"):
            await room.accept(id="7", to=("Ops",), mark=Mark("retained:x", value))
            assert room.ledger.marks["retained:x"] == value


async def test_more_raises_of_a_policy_ask_with_the_code_of_the_case(tmp_path):
    async with open_room(tmp_path, *EXEMPT) as room:
        accepted = await room.accept("hot", key="boiler", to=("Ops",))
        await room.accept("fire", key="boiler", to=("Ops",), priority=Priority.CRITICAL)
        code = accepted.cases[0].code
        assert await room.sends() == [f"Adam: fire\nACK: Reply {code} + msg", f"Adam: hot\nACK: Reply {code} + msg"]
        keys = list(await room.states())
        assert [key[:2] for key in keys] == [(0, 0), (0, -2)], "outside the steps of the escalation"
