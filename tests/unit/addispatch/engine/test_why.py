"""The dry run in words."""

from __future__ import annotations

from pipelines import ADAM, alarm, book, group, open_pipeline, person, route

from addispatch.domain.addressbook import Mode, TextTemplate
from addispatch.domain.alarm import Priority
from addispatch.domain.policy import Policy
from addispatch.engine.why import why_doc, why_lines

CLIMBER = person("Bo", "sms", "email", mode=Mode.LADDER, sms="+6591234567", email=("bo@x",))
DIRECTORY = book(
    ADAM, CLIMBER, Policy(id="p", name="critical"), group("Ops", "Adam", policy="p"), group("Chat", "Bo"),
    TextTemplate(id="t", name="short", text="! {{ text }}"),
    route("plant", "Ops", topic="plant/#", template="short"), system_alert_to=("bo",),
)  # fmt: skip


async def why(folder, provided=frozenset({"sms", "email"}), **fields):
    async with open_pipeline(folder, DIRECTORY, provided) as node:
        asked = alarm(**fields)
        plan, drafts = node.pipeline.plan(asked)
        return why_lines(asked, plan, drafts), [why_doc(t, d) for t, made in drafts for d in made]


async def test_a_route(tmp_path):
    lines, docs = await why(tmp_path, topic="plant/1", priority=Priority.HIGH)
    assert lines == [
        "A high alarm from mqtt plant/1: hot",
        "It goes to Ops, by route plant: 2 message(s).",
        "The text is made by the template short.",
        "Somebody must acknowledge: Ops has the policy critical.",
    ]
    assert docs[0] == {
        "audience": "Ops", "route": "plant", "recipient": "Adam", "channel": "sms", "to": "+6591234567", "text": "! hot",
        "segments": 1, "when": "at once", "problem": None,
    }  # fmt: skip
    assert (docs[1]["channel"], docs[1]["segments"]) == ("email", None)


async def test_a_ladder_and_an_alarm_that_asks_for_an_acknowledgement(tmp_path):
    lines, docs = await why(tmp_path, to=("Bo",), ack_required=True)
    assert lines[1:] == [
        "It goes to Bo, named by the alarm itself: 2 message(s).",
        "Somebody must acknowledge: the alarm asks for it.",
    ]
    assert [doc["when"] for doc in docs] == ["at once", "when the way before it fails"]


async def test_the_fallback_and_what_cannot_work(tmp_path):
    lines, docs = await why(tmp_path, frozenset({"email"}))
    assert lines[1:] == [
        "No route reaches anybody for the alarm from mqtt: hot. Sent to Bo instead.",
        "It goes to Bo, because nobody else would be reached: 1 message(s).",
        "Bo is not told by sms: no plugin provides the channel sms.",
    ]
    assert [doc["problem"] for doc in docs] == [None, "no plugin provides the channel sms"]


async def test_steps_of_a_ladder_by_time(tmp_path):
    slow = person("Bo", "sms", "email", mode=Mode.LADDER, sms="+6591234567", email=("bo@x",), step_after_s=90.0)
    async with open_pipeline(tmp_path, book(slow, route("all", "Bo"))) as node:
        _, drafts = node.pipeline.plan(alarm())
        assert (
            why_doc(*[(t, d) for t, made in drafts for d in made][1])["when"]
            == "after 90 s, or when the way before it fails"
        )
