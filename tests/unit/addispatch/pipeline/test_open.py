"""Cases as they are opened: one code for an alarm, one message per person, the policy frozen, the first step set."""

from __future__ import annotations

import re

import orjson
import pytest
from pipelines import ADAM, JANE, book, group, person, route
from rooms import PHONE_ADAM, PHONE_BO, PHONE_CHIEF, open_room, usual

from addispatch.domain.addressbook import Mode, TextTemplate
from addispatch.domain.alarm import AlarmState, Priority
from addispatch.domain.policy import Level, Policy
from addispatch.pipeline import open as opening

BOTH = (ADAM, JANE, group("Ops", "Adam", "Jane"), group("Fire", "Adam"))
CRITICAL = Policy(id="critical", name="critical", renotify_after_s=600, close_after_h=1)
POLICED = (ADAM, JANE, CRITICAL, group("Ops", "Adam", policy="critical"), group("Fire", "Adam", "Jane"))
ASKING = (PHONE_ADAM, PHONE_BO, usual(), group("Ops", "Adam", policy="usual"))


async def test_a_person_in_two_groups_gets_one_message_per_address(tmp_path):
    async with open_room(tmp_path, *BOTH) as node:
        await node.accept(to=("Ops", "Fire", "Adam"))
        queued = [(d["recipient"], d["channel"]) for d in await node.deliveries() if d["state"] == "queued"]
        assert sorted(queued) == [("Adam", "email"), ("Adam", "sms"), ("Jane", "email"), ("Jane", "sms")]
        ops, fire, adam = await node.cases()
        for case in (fire, adam):
            assert (case["state"], case["reason"]) == ("closed", "filtered")
            assert {d["error"] for d in case["deliveries"]} == {
                "told of the same alarm already, by another group or by name"
            }
        assert ops["state"] == "open"
        assert await node.events("AlarmReachesNobody") == []


async def test_cases_of_one_alarm_share_a_code_and_another_alarm_has_another(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        first = await node.accept(to=("Ops", "Fire"), ack_required=True)
        second = await node.accept(to=("Ops", "Fire"))
        codes = [ref.code for ref in first.cases]
        assert codes[0] == codes[1]
        assert re.fullmatch(r"[A-HJ-M]\d{3}", codes[0])
        assert second.cases[0].code not in (None, codes[0])
        assert second.cases[1].code is None, "Fire has no policy, and the alarm asks for nothing"
        assert [(c["code"], c["state"]) for c in await node.cases()][:2] == [(codes[0], "open")] * 2


async def test_the_policy_is_frozen_into_the_case(tmp_path):
    async with open_room(tmp_path, *POLICED) as node:
        await node.accept(to=("Ops",))
        node.pipeline.use(book(ADAM, group("Ops", "Adam")))
        head = (await node.entry()).case.head
        assert orjson.loads(head.policy)["renotify_after_s"] == 600
        assert head.close_after_s == 3600


async def test_what_nobody_can_get_is_final_at_once_and_loud(tmp_path):
    async with open_room(tmp_path, person("Bo", "sms", sms="+6591234567"), provided=frozenset({"email"})) as node:
        await node.accept(to=("Bo",))
        (case,) = await node.cases()
        assert (case["state"], case["reason"]) == ("closed", "failed")
        assert [e["severity"] for e in await node.events("AlarmReachesNobody")] == ["severe"]
        assert "no plugin provides the channel sms" in (await node.events("DeliveryFailed"))[0]["text"]


async def test_a_ladder_is_stored_with_its_rungs(tmp_path):
    climber = person("Bo", "sms", "email", mode=Mode.LADDER, sms="+6591234567", email=("b@x",))
    async with open_room(tmp_path, climber) as node:
        await node.accept(to=("Bo",))
        assert [(d["channel"], d["state"]) for d in await node.deliveries()] == [("sms", "queued"), ("email", "held")]


# -- what is fixed when it opens -----------------------------------------------------------------------------------------


async def test_the_first_level_waits_for_the_hand_over_and_its_own_time(tmp_path):
    policy = usual(Level(after_minutes=3, to=("bo",)), max_send_wait_s=60)
    async with open_room(tmp_path, PHONE_ADAM, PHONE_BO, policy, group("Ops", "Adam", policy="usual")) as room:
        await room.accept(to=("Ops",))
        assert await room.next_s() == 60 + 180


async def test_without_policy_there_is_no_next_step_though_somebody_must_acknowledge(tmp_path):
    async with open_room(tmp_path, *BOTH) as room:
        accepted = await room.accept(to=("Ops",), ack_required=True)
        assert accepted.cases[0].code
        assert await room.next_s() is None
        assert "ACK: Reply" in (await room.deliveries())[0]["text"], "the usual footnote"


async def test_a_policy_whose_people_cannot_be_reached_escalates_at_once_with_a_system_alert(tmp_path):
    nobody = person("Adam", "chat", sms="+6591234567", chat=("https://chat.example/x",))
    people = (nobody, PHONE_BO, PHONE_CHIEF, usual(), group("Ops", "Adam", policy="usual"))
    async with open_room(tmp_path, *people, settings={"system_alert_to": ("chief",)}) as room:
        await room.accept(to=("Ops",))
        assert await room.next_s() == 0
        assert await room.lines("AudienceUnreachable") == [
            "mqtt: Ops has nobody with a usable address; others are told."
        ]
        alert = "Chief: Ops has nobody with a usable address. The alarm: hot"
        assert await room.waiting() == [alert, "Chief: hot"], "and what reaches nobody falls back to him"


async def test_others_who_are_told_make_it_a_warning(tmp_path):
    people = (person("Bo"), PHONE_ADAM, group("Ops", "Adam"), group("Fire", "Bo"))
    async with open_room(tmp_path, *people) as room:
        await room.accept(to=("Ops", "Fire"))
        assert await room.events("AlarmReachesNobody") == []
        assert [e["severity"] for e in await room.events("AudienceUnreachable")] == ["warning"]


async def test_what_a_template_made_is_kept_for_the_levels_to_come(tmp_path):
    template = TextTemplate(id="t", name="t", text="{{ text | upper }} at {{ source }}", subject="S {{ text }}")
    async with open_room(tmp_path, *ASKING, template, route("all", "Ops", template="t")) as room:
        await room.accept("hot")
        head = (await room.entry()).case.head
        assert (head.text, head.body) == ("hot", "HOT at mqtt")


async def test_what_needs_no_answer_keeps_no_second_text(tmp_path):
    template = TextTemplate(id="t", name="t", text="{{ text | upper }}")
    async with open_room(tmp_path, PHONE_ADAM, template, route("all", "Adam", template="t")) as room:
        await room.accept("hot")
        assert (await room.entry()).case.head.body == ""
        assert await room.waiting() == ["Adam: HOT"]


async def test_a_code_that_is_taken_is_not_given_out(tmp_path, monkeypatch):
    picks = iter([0, 1, 0, 1, 0, 2])
    monkeypatch.setattr(opening.secrets, "randbelow", lambda _n: next(picks))
    async with open_room(tmp_path, *ASKING) as room:
        codes = [(await room.accept(to=("Ops",))).cases[0].code for _ in range(2)]
        assert codes == ["A001", "A002"]


@pytest.mark.parametrize(("days", "code"), [(6.9, "A002"), (7.1, "A001")])
async def test_a_code_rests_for_a_week_after_its_case(tmp_path, monkeypatch, days, code):
    picks = iter([0, 1, 0, 1, 0, 2])
    monkeypatch.setattr(opening.secrets, "randbelow", lambda _n: next(picks))
    async with open_room(tmp_path, *ASKING) as room:
        await room.accept(key="boiler", to=("Ops",))
        await room.accept("", key="boiler", state=AlarmState.CLEARED)
        room.clock.forward(days=days)
        assert (await room.accept(to=("Ops",))).cases[0].code == code


async def test_a_case_keeps_what_the_alarm_said(tmp_path):
    async with open_room(tmp_path, *ASKING) as room:
        await room.accept("hot", key="boiler", topic="plant/1", priority=Priority.LOW, to=("Ops",))
        head = (await room.entry()).case.head
        assert (head.key, head.topic, head.priority, head.source) == ("boiler", "plant/1", Priority.LOW, "mqtt")
        assert (head.opened_at_ms, head.close_on_clear, head.audience) == (room.now_ms, True, "Ops")
