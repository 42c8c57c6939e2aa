"""The timeline of ``why``: whom each level would tell and when, if nobody answered; nothing is stored."""

from __future__ import annotations

from datetime import UTC, datetime

from pipelines import ADAM, alarm, group, person
from rooms import PHONE_ADAM, PHONE_BO, PHONE_CHIEF, PHONE_JANE, SMS_BO, mobilise, open_room, usual

from addispatch.domain.policy import Level
from addispatch.engine.forecast import MOST_STEPS, Step, forecast
from addispatch.pipeline.route import Target

AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CHIEF = {"system_alert_to": ("chief",)}


async def told(folder, *entries, text="hot", to=("ops",), settings=None, provided=None, channels=()):
    """The steps as minute, audience, step, who, problem."""
    more = {"provided": provided} if provided else {}
    async with open_room(folder, *entries, settings=settings or {}, **more) as room:
        targets = [Target(room.desk.directory.audience(ident), channels=channels) for ident in to]
        steps = forecast(alarm(text), targets, room.desk, AT)
        assert await room.cases() == []
        return [((s.at - AT).total_seconds() / 60, s.audience, s.what, s.who, s.problem) for s in steps]


async def test_every_level_with_its_minute(tmp_path):
    policy = usual(Level(to=("bo",)), Level(after_minutes=15, call=("chief",), resend=True), repeat=1)
    people = (ADAM, PHONE_BO, PHONE_CHIEF, policy, group("Ops", "Adam", policy="usual"))
    assert await told(tmp_path, *people, settings=CHIEF) == [
        (0, "Ops", "told at once", ("Adam by sms and email",), ""),
        (5, "Ops", "level 1", ("Bo by sms (told)",), ""),
        (20, "Ops", "level 2", ("Adam by sms and email (told again)", "Chief by voice (called)"), ""),
        (35, "Ops", "the first recipients, round 2", ("Adam by sms and email",), ""),
        (40, "Ops", "level 1, round 2", ("Bo by sms (told)",), ""),
        (55, "Ops", "level 2, round 2", ("Adam by sms and email (told again)", "Chief by voice (called)"), ""),
        (70, "Ops", "everybody was asked: system alert", ("Chief",), ""),
    ]


async def test_a_level_that_reaches_nobody_is_followed_at_once(tmp_path):
    policy = usual(Level(call=("mute", "gone")), Level(after_minutes=9, to=("bo",)))
    people = (PHONE_ADAM, PHONE_BO, person("Mute"), policy, group("Ops", "Adam", policy="usual"))
    found = await told(tmp_path, *people)
    assert [(at, what, problem) for at, _, what, _, problem in found] == [
        (0, "told at once", ""),
        (5, "level 1", "nobody can be reached: the next step follows at once"),
        (5, "level 2", ""),
        (14, "everybody was asked: system alert", "nobody is named in system_alert_to"),
    ]


async def test_an_audience_nobody_can_reach_escalates_at_once(tmp_path):
    people = (PHONE_ADAM, person("Bo", email=("b@x",)), usual(), group("Ops", "Adam", policy="usual"))
    found = await told(tmp_path, *people, provided=frozenset({"email"}))
    assert found[0][4] == "nobody can be reached"
    assert found[1][:3] == (0, "Ops", "level 1")


async def test_a_recall_reminds_and_reports(tmp_path):
    people = (PHONE_ADAM, PHONE_JANE, PHONE_CHIEF, mobilise(), group("Ops", "Adam", "Jane", policy="mobilise"))
    found = await told(tmp_path, *people)
    assert [(at, what, who) for at, _, what, who, _ in found] == [
        (0, "told at once", ("Adam by sms", "Jane by sms")),
        (5, "level 1", ("Adam by sms (reminded)", "Jane by sms (reminded)")),
        (20, "level 2", ("Chief by sms (told)",)),
        (35, "everybody was asked: final report", ()),
    ]


async def test_without_policy_or_with_an_exempt_word_it_is_told_only(tmp_path):
    people = (PHONE_ADAM, PHONE_BO, usual(), group("Ops", "Adam", policy="usual"), group("Fire", "Bo"))
    assert len(await told(tmp_path, *people, to=("fire",))) == 1
    assert len(await told(tmp_path, *people, text="back to normal")) == 1


async def test_several_audiences_in_the_order_of_time(tmp_path):
    quick = usual(Level(after_minutes=1, to=("bo",)), id="quick")
    people = (PHONE_ADAM, PHONE_BO, usual(), quick)
    groups = (group("Ops", "Adam", policy="usual"), group("Fire", "Adam", policy="quick"))
    found = await told(tmp_path, *people, *groups, to=("ops", "fire"))
    assert [(at, who) for at, who, *_ in found] == [
        (0, "Ops"), (0, "Fire"), (1, "Fire"), (2, "Fire"), (5, "Ops"), (10, "Ops"),
    ]  # fmt: skip


async def test_the_route_s_channels_narrow_what_is_told_at_once(tmp_path):
    people = (ADAM, PHONE_BO, group("Ops", "Adam"))
    assert (await told(tmp_path, *people, channels=("email",)))[0][3] == ("Adam by email",)


async def test_an_endless_chain_is_told_in_part(tmp_path):
    people = (PHONE_ADAM, person("Bo", sms=SMS_BO), usual(repeat=100), group("Ops", "Adam", policy="usual"))
    assert len(await told(tmp_path, *people)) == 1 + MOST_STEPS


def test_a_step_as_a_document():
    assert Step(AT, "Ops", "level 1", ("Bo by sms",)).document() == {
        "at": "2026-01-01T12:00:00Z", "audience": "Ops", "step": "level 1", "who": ["Bo by sms"], "problem": None,
    }  # fmt: skip
