"""What plant and people see, told as stories: a whole node, a real broker and mail server, phones."""

from __future__ import annotations

import pytest
from pipelines import until
from story import story

from addispatch.domain.receipt import InDoubt, Temporary

pytestmark = [pytest.mark.debian, pytest.mark.slow]

TEAM = """
[[group]]
name = "Team"
members = ["Adam", "Jane"]
[[route]]
name = "plant"
match = { topic = "plant/#" }
to = ["Team"]
"""
WATCHED = """
[[policy]]
name = "critical"
[[policy.level]]
after_minutes = 5
to = ["Jane"]
[[group]]
name = "Team"
members = ["Adam"]
policy = "critical"
[[route]]
name = "plant"
match = { topic = "plant/#" }
to = ["Team"]
"""
TWO_GROUPS = """
[[group]]
name = "Boilers"
members = ["Adam"]
[[group]]
name = "Shift"
members = ["Adam", "Jane"]
[[route]]
name = "boilers"
match = { topic = "plant/+/boiler1/#" }
to = ["Boilers"]
continue = true
[[route]]
name = "everything"
to = ["Shift"]
"""
LADDER = """
[[recipient]]
name = "Eve"
sms = "98887777"
email = ["adam@plant.example"]
channels = ["sms", "email"]
mode = "ladder"
[[route]]
name = "plant"
to = ["Eve"]
"""


async def test_an_alarm_reaches_phones_and_mailbox_and_an_answer_comes_back(tmp_path):
    async with story(tmp_path, TEAM, modem=True) as tale:
        await tale.plant_raises("Kessel 1: 98.4 °C – zu heiß")
        await tale.adam.expects("98.4")
        await tale.jane.expects("98.4")
        assert "98.4 °C" in await tale.adam.expects_mail("Kessel 1")
        await tale.adam.replies("On my way")
        await tale.happens("sms from +6591234567: On my way")
        await tale.is_quiet()
        case = await tale.the_case()
        assert (case["state"], case["reason"]) == ("closed", "sent")
        assert {part["state"] for part in case["deliveries"]} <= {"sent", "delivered"}


async def test_what_is_raised_again_adds_to_the_open_case(tmp_path):
    async with story(tmp_path, WATCHED) as tale:
        await tale.plant_raises("boiler 1 at 91", key="boiler1")
        await tale.adam.expects("boiler 1 at 91")
        await tale.plant_raises("boiler 1 at 95", key="boiler1")
        await tale.happens("boiler1: raised again, 2 times now")
        await tale.is_quiet()
        case = await tale.the_case()
        assert (case["state"], case["count"]) == ("open", 2)
        assert (case["text"], case["last_text"]) == ("boiler 1 at 91", "boiler 1 at 95")
        assert len(tale.adam.has_received()) == 1
        assert case["code"]


async def test_a_higher_priority_tells_again(tmp_path):
    async with story(tmp_path, WATCHED) as tale:
        await tale.plant_raises("boiler 1 warm", key="boiler1", priority="medium")
        await tale.adam.expects("boiler 1 warm")
        await tale.plant_raises("boiler 1 ON FIRE", key="boiler1", priority="critical")
        await tale.adam.expects("boiler 1 ON FIRE")
        await tale.plant_raises("boiler 1 burns on", key="boiler1", priority="critical")
        await tale.happens("3 times now")
        await tale.is_quiet()
        assert (await tale.the_case())["count"] == 3
        assert len(tale.adam.has_received()) == 2


async def test_back_to_normal_closes_the_case(tmp_path):
    async with story(tmp_path, WATCHED) as tale:
        await tale.plant_raises("boiler 1 hot", key="boiler1")
        await tale.adam.expects("boiler 1 hot")
        await tale.is_quiet()
        await tale.plant_clears("boiler1")
        await tale.happens("boiler1 returned to normal")
        case = await tale.the_case()
        assert (case["state"], case["reason"]) == ("closed", "cleared")
        await tale.plant_raises("boiler 1 hot again", key="boiler1")
        await tale.adam.expects("boiler 1 hot again")
        assert [case["state"] for case in await tale.cases()] == ["closed", "open"]


async def test_who_is_in_two_groups_gets_one_message(tmp_path):
    async with story(tmp_path, TWO_GROUPS) as tale:
        await tale.plant_raises("boiler 1 hot")
        await tale.adam.expects("boiler 1 hot")
        await tale.jane.expects("boiler 1 hot")
        await tale.adam.expects_mail("boiler 1 hot")
        await tale.is_quiet()
        assert sorted(case["audience"] for case in await tale.cases()) == ["Boilers", "Shift"]
        assert len(tale.adam.has_received()) == 1
        assert len(tale.mailbox.mails) == 1


async def test_a_refused_number_goes_down_the_ladder(tmp_path):
    async with story(tmp_path, LADDER, modem=True) as tale:
        tale.modem.fault("error_after_pdu", code=1)  # there is no such number
        await tale.plant_raises("boiler 1 hot")
        await tale.adam.expects_mail("boiler 1 hot")
        await tale.is_quiet()
        by_sms, by_mail = (await tale.the_case())["deliveries"]
        assert (by_sms["state"], by_sms["error"]) == ("failed", "there is no such number (CMS 1)")
        assert by_mail["state"] == "sent"
        assert tale.modem.sent == []


async def test_while_the_modem_is_away_mails_go_and_texts_wait_for_it(tmp_path):
    # Not unplugged in the middle of a poll: that would be noticed only at the end of its deadline.
    async with story(tmp_path, TEAM, modem=True, poll_s=60) as tale:
        await tale.plant_raises("pump 3 stopped")
        await tale.adam.expects("pump 3 stopped")
        await tale.jane.expects("pump 3 stopped")
        await tale.is_quiet()
        tale.modem.unplug()
        await tale.happens("No working modem found.")
        await tale.plant_raises("boiler 1 hot")
        await tale.adam.expects_mail("boiler 1 hot")
        assert len(tale.adam.has_received()) == 1
        tale.modem.replug()
        await tale.adam.expects("boiler 1 hot")
        await tale.jane.expects("boiler 1 hot")
        await tale.is_quiet()
        assert len(tale.adam.has_received()) == 2


async def test_after_a_restart_it_goes_on_where_it_was(tmp_path):
    async with story(tmp_path, WATCHED) as tale:
        await tale.plant_raises("boiler 1 hot", key="boiler1", id="plc-7")
        await tale.adam.expects("boiler 1 hot")
        tale.pager.window = 0
        await tale.plant_raises("pump 3 stopped", topic="plant/north/pump3/alarm", key="pump3")
        await tale.happens("pump 3 stopped -> Team")
        await tale.stops()
        await tale.plant_raises("valve 4 stuck", topic="plant/north/valve4/alarm")  # while it is down: the broker waits
        tale.pager.window = 4
        await tale.starts()
        await tale.adam.expects("pump 3 stopped")
        await tale.adam.expects("valve 4 stuck")
        await tale.plant_raises("boiler 1 hot", key="boiler1", id="plc-7")  # the PLC is not sure either
        await tale.plant_raises("boiler 1 hotter", key="boiler1")
        await tale.happens("boiler1: raised again, 2 times now")
        await tale.is_quiet()
        assert len(tale.adam.has_received()) == 3
        assert [case["state"] for case in await tale.cases()] == ["open", "open", "open"]


async def test_what_is_urgent_passes_what_waits(tmp_path):
    async with story(tmp_path, WATCHED) as tale:
        tale.pager.window = 1
        tale.pager.gate.clear()
        await tale.plant_raises("first", priority="low")
        await tale.happens("first -> Team")
        await tale.plant_raises("filter dirty", priority="low")
        await tale.plant_raises("door open", priority="high")
        await tale.plant_raises("GAS", priority="critical")
        await tale.happens("GAS -> Team")
        tale.pager.gate.set()
        await tale.is_quiet()
        told = [text.split("\n")[0] for text in tale.adam.has_received()]
        assert told == ["first", "GAS", "filter dirty", "door open"]


async def test_a_busy_network_is_tried_again(tmp_path):
    async with story(tmp_path, WATCHED) as tale:
        tale.pager.script.extend([Temporary("the network is busy"), Temporary("still busy")])
        await tale.plant_raises("boiler 1 hot")
        await tale.adam.expects("boiler 1 hot")
        await tale.is_quiet()
        (by_sms, _by_mail) = (await tale.the_case())["deliveries"]
        assert (by_sms["state"], by_sms["attempts"]) == ("sent", 3)


async def test_doubt_is_repeated_once_and_says_so(tmp_path):
    async with story(tmp_path, WATCHED) as tale:
        tale.pager.script.append(InDoubt("the modem did not answer"))
        await tale.plant_raises("boiler 1 hot")
        assert (await tale.adam.expects("boiler 1 hot")).startswith("(repeat) ")
        await tale.is_quiet()
        assert len(tale.pager.begun) == 2


async def test_a_crash_in_the_middle_loses_nothing(tmp_path):
    async with story(tmp_path, TEAM) as tale:
        tale.pager.window = 1
        tale.pager.gate.clear()
        await tale.plant_raises("one")
        await tale.plant_raises("two")
        await until(lambda: tale.pager.under_way == 1)
        await tale.happens("two -> Team")
        await tale.crashes()
        tale.pager.gate.set()
        await tale.plant_raises("three, to nobody: we are down")
        await tale.starts()
        await tale.happens("three, to nobody: we are down -> Team")
        await tale.is_quiet()
        for person in (tale.adam, tale.jane):
            told = [text.removeprefix("(repeat) ").split(",")[0] for text in person.has_received()]
            assert sorted(told) == ["one", "three", "two"]
        repeats = [text for text in tale.adam.has_received() + tale.jane.has_received() if text.startswith("(repeat)")]
        assert len(repeats) == 1, "only what was under way"


async def test_an_alarm_for_an_unknown_group_reaches_somebody(tmp_path):
    async with story(tmp_path, TEAM + '[settings]\nsystem_alert_to = ["Jane"]\n') as tale:
        await tale.broker.publish("addispatch/default/send/Opps", "fire drill")
        await tale.jane.expects("fire drill")
        await tale.happens("mqtt: nobody is called 'Opps'")
        await tale.happens("Sent to Jane instead")
