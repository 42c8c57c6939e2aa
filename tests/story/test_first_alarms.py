"""From a PLC's publish to phones and mailboxes: what people see."""

from __future__ import annotations

import pytest
from pipelines import until
from staging import ADAM, ADAMS_MAIL, DIRECTORY, JANE, Story

from addispatch.domain.receipt import InDoubt, Permanent, Temporary

pytestmark = pytest.mark.debian

LADDER = DIRECTORY.replace(
    'email = ["adam@plant.example"]', 'email = ["adam@plant.example"]\nchannels = ["sms", "email"]\nmode = "ladder"'
)
POLICED = (
    DIRECTORY.replace('members = ["Adam", "Jane"]', 'members = ["Adam", "Jane"]\npolicy = "critical"')
    + """
[[policy]]
name = "critical"
"""
)


async def test_a_publish_becomes_sms_and_mail(tmp_path):
    async with Story(tmp_path) as story:
        adam, jane, mailbox = story.pocket(ADAM), story.pocket(JANE), story.pocket(ADAMS_MAIL)
        await story.plant.raises("98.4 °C")
        for pocket in (adam, jane):
            await pocket.expects("boiler: 98.4 C")
        await mailbox.expects("boiler: 98.4 °C")
        await story.sees("email to Adam sent")
        await story.quiet()
        assert [(c["audience"], c["state"], c["reason"]) for c in await story.cases()] == [("Ops", "closed", "sent")]
        await story.replies(ADAM, "on my way")
        await story.sees(f"sms from {ADAM}: on my way")


async def test_a_condition_that_keeps_coming_is_told_once_until_it_gets_worse(tmp_path):
    async with Story(tmp_path, directory=POLICED) as story:
        adam = story.pocket(ADAM)
        await story.plant.raises("98 °C", key="hot", priority="medium")
        await adam.expects("98 C")
        for degrees in (99, 100):
            await story.plant.raises(f"{degrees} °C", key="hot", priority="medium")
        await story.sees("hot: raised again, 3 times now, open for Ops")
        await story.plant.raises("110 °C", key="hot", priority="critical")
        await adam.expects("110 C")
        adam.expects_nothing_more()
        (case,) = await story.cases()
        assert (case["count"], case["last_text"], case["state"]) == (4, "boiler: 110 °C", "open")


async def test_a_clear_closes_the_case_and_the_next_raise_is_a_new_one(tmp_path):
    async with Story(tmp_path, directory=POLICED) as story:
        jane = story.pocket(JANE)
        await story.plant.raises("98 °C", key="hot")
        await jane.expects("98 C")
        await story.plant.clears("hot")
        await story.sees("mqtt: hot returned to normal")
        await jane.expects("Returned to normal: ")
        await story.plant.raises("97 °C", key="hot")
        await jane.expects("97 C")
        jane.expects_nothing_more()
        assert [(c["state"], c["reason"]) for c in await story.cases()] == [("closed", "cleared"), ("open", None)]


async def test_a_report_with_an_id_is_told_once_however_often_it_comes(tmp_path):
    async with Story(tmp_path) as story:
        jane = story.pocket(JANE)
        for _ in range(3):
            await story.plant.raises("door open", id="report-7")
        await story.plant.raises("last")
        await jane.expects("door open")
        await jane.expects("last")
        jane.expects_nothing_more()


async def test_a_person_in_two_groups_gets_one_message(tmp_path):
    two = DIRECTORY.replace('to = ["Ops"]', 'to = ["Ops", "Fire"]')
    async with Story(tmp_path, directory=two) as story:
        await story.plant.raises("smoke")
        for address in (ADAM, JANE, ADAMS_MAIL):
            await story.pocket(address).expects("smoke")
        await story.quiet()
        for address in (ADAM, JANE, ADAMS_MAIL):
            story.pocket(address).expects_nothing_more()
        assert [c["audience"] for c in await story.cases()] == ["Ops", "Fire"]


async def test_who_cannot_be_reached_by_sms_gets_a_mail(tmp_path):
    async with Story(tmp_path, directory=LADDER) as story:
        story.sms.script.append(Permanent("the network refuses this number"))
        await story.plant.raises("98 °C")
        await story.pocket(ADAMS_MAIL).expects("98 °C")
        assert story.pocket(ADAM).received == []
        await story.plant.raises("99 °C")
        await story.pocket(ADAM).expects("99 C")
        await story.quiet()
        assert len(story.pocket(ADAMS_MAIL).received) == 1


async def test_a_modem_that_is_down_holds_up_no_mail_and_catches_up(tmp_path):
    async with Story(tmp_path) as story:
        story.sms.window = 0
        await story.plant.raises("98 °C")
        await story.pocket(ADAMS_MAIL).expects("98 °C")
        await story.clock.passes(minutes=5)
        assert story.pocket(ADAM).received == []
        story.sms.window = 1
        story.context.window_changed()
        await story.pocket(ADAM).expects("98 C")
        await story.pocket(JANE).expects("98 C")


async def test_a_busy_network_is_tried_again_until_it_takes_it(tmp_path):
    async with Story(tmp_path) as story:
        story.sms.script.extend([Temporary("network busy")] * 6)
        await story.plant.raises("98 °C")
        await story.sees("not sent yet: network busy", 2)
        for _ in range(6):
            await story.clock.passes(minutes=1)
        await story.pocket(ADAM).expects("98 C")
        await story.pocket(JANE).expects("98 C")
        assert len(story.sms.begun) == 8


async def test_doubt_is_repeated_once_and_says_so(tmp_path):
    async with Story(tmp_path) as story:
        story.sms.script.append(InDoubt("the modem did not answer"))
        await story.plant.raises("98 °C")
        await story.pocket(ADAM).expects("(repeat) boiler: 98 C")
        await story.pocket(JANE).expects("boiler: 98 C")


async def test_a_crash_in_the_middle_loses_nothing(tmp_path):
    async with Story(tmp_path) as story:
        story.sms.gate.clear()
        await story.plant.raises("one")
        await story.plant.raises("two")
        await until(lambda: story.sms.under_way == 1)
        await story.sees("-> Ops", 2)
        await story.crash()
        await story.plant.raises("three, to nobody: we are down")
        await story.start()
        for address in (ADAM, JANE):
            for text in ("one", "two", "three"):
                await story.pocket(address).expects(text)
            story.pocket(address).expects_nothing_more()
        texts = story.pocket(ADAM).received + story.pocket(JANE).received
        assert len([text for text in texts if text.startswith("(repeat) ")]) == 1, "only what was under way"


async def test_what_can_wait_waits_behind_what_cannot(tmp_path):
    only_jane = DIRECTORY.replace('to = ["Ops"]', 'to = ["Jane"]')
    async with Story(tmp_path, directory=only_jane) as story:
        story.sms.gate.clear()
        await story.plant.raises("first", priority="low")
        await until(lambda: story.sms.under_way == 1)
        for text, priority in (("filter dirty", "low"), ("lamp", "low"), ("FIRE", "critical")):
            await story.plant.raises(text, priority=priority)
        await story.sees("-> Jane", 4)
        story.sms.gate.set()
        jane = story.pocket(JANE)
        await until(lambda: len(jane.received) == 4)
        assert [text.removeprefix("boiler: ") for text in jane.received] == ["first", "FIRE", "filter dirty", "lamp"]


async def test_an_alarm_too_old_to_matter_is_not_sent_and_somebody_hears_of_it(tmp_path):
    async with Story(tmp_path, more="[dispatch]\ndefault_ttl_s = 600\n") as story:
        story.sms.window = 0
        story.mail.window = 0
        await story.plant.raises("98 °C")
        await story.sees("-> Ops")
        await story.clock.passes(minutes=11)
        await story.sees("NOBODY TOLD about the alarm from mqtt: boiler: 98 °C. Every message to Ops expired.")
        story.sms.window = 1
        await story.clock.passes(minutes=1)
        assert story.pocket(ADAM).received == []


async def test_an_alarm_for_an_unknown_group_reaches_somebody(tmp_path):
    async with Story(tmp_path, directory=DIRECTORY + '[settings]\nsystem_alert_to = ["Jane"]\n') as story:
        await story.broker.publish("addispatch/default/send/Opps", "fire drill")
        await story.pocket(JANE).expects("fire drill")
        await story.sees("mqtt: nobody is called 'Opps'")
        await story.sees("Sent to Jane instead")
