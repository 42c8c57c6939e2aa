"""Which modem a text goes by, how fast, and what follows when one fails: real libGammu in front of simulated modems."""

import asyncio

import pytest
import pytest_asyncio

from addispatch.sdk import InDoubt, Permanent, Priority, QueueClass, Refuser, Sent, Temporary
from addispatch.sdk.testing import make_delivery
from addispatch_plugins.modem import fleet

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

ADAM, GERMAN, AMERICAN = "+6591234567", "+4915112345678", "+12025550123"
LONG = "0123456789" * 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(make_rig):
    rig = await make_rig(
        sg1={},
        sg2={"imsi": "525010000000002"},
        rest={"imsi": "525010000000003"},
        slow={"imsi": "525010000000004"},
        options={"allowed_prefixes": ["+65", "+49", "+1"], "flash_priorities": ["critical"]},
        config={
            "sg1": {"prefixes": ["+65"]},
            "sg2": {"prefixes": ["+65"]},
            "slow": {"prefixes": ["+1202"], "rate_per_minute": 40, "burst": 1, "daily_cap": 8},
        },
    )
    for name in rig.modems:
        await rig.wait_online(name)
    return rig


@pytest.fixture(autouse=True)
def forgive(rig):
    """No test sees what failed in another."""
    for carrier in rig.plugin.fleet.carriers:
        carrier.failed_at_s = fleet.NEVER_S


def text(number=ADAM, text="Pump 3: pressure high", **fields):
    return make_delivery("sms", number, text, **fields)


def start(sending):
    return asyncio.get_running_loop().create_task(sending)


async def test_numbers_go_by_the_modem_meant_for_them(rig):
    numbers = (ADAM, ADAM, ADAM, GERMAN, AMERICAN)
    by = [receipt.by for receipt in await asyncio.gather(*(rig.sms.send(text(number)) for number in numbers))]
    assert sorted(by[:2]) == ["sg1", "sg2"]
    assert by[2:] == [by[0], "rest", "slow"]
    assert rig.modems["rest"].sent[-1].to == GERMAN


# -- another modem at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "code"), [("error_after_pdu", 38), ("error", 331)])
async def test_what_one_network_refuses_goes_by_another_modem_at_once(rig, kind, code):
    rig.modems["sg1"].fault(kind, code=code)
    rig.modems["sg2"].fault(kind, code=code)
    first = await rig.sms.send(text())
    assert first == Temporary(first.reason, by=first.by, other=True)
    assert f"CMS {code}" in first.reason
    second = await rig.sms.send(text(avoid=first.by, attempt=1))
    assert {first.by, second.by} == {"sg1", "sg2"}
    assert second.other, "none of those meant for it is left, but there is another"
    third = await rig.sms.send(text(avoid=second.by, attempt=2))
    assert (type(third), third.by) == (Sent, "rest")


async def test_what_nobody_gives_a_reason_for_is_not_tried_on_all_modems_at_once(rig):
    for name in ("sg1", "sg2", "rest"):
        rig.modems[name].fault("error", code=None)
    receipt, seen = None, []
    for attempt in range(3):
        receipt = await rig.sms.send(text(avoid=receipt.by if receipt else "", attempt=attempt))
        seen.append((receipt.by, receipt.other))
    assert sorted(seen[:2]) == [("sg1", True), ("sg2", True)]
    assert seen[2] == ("rest", False), "then the pauses of the core begin"


async def test_when_all_have_failed_there_is_no_hurry(rig):
    for name in ("sg1", "sg2", "rest"):
        rig.modems[name].fault("error_after_pdu", code=38)
    for carrier in rig.plugin.fleet.carriers:
        if carrier.name == "slow":
            rig.plugin.fleet.ended(carrier, None)
    avoid = ""
    for _ in range(3):
        receipt = await rig.sms.send(text(avoid=avoid))
        avoid = receipt.by
    assert not receipt.other


async def test_a_message_the_network_rejects_is_not_tried_elsewhere(rig):
    rig.modems["sg1"].fault("error_after_pdu", code=1)
    rig.modems["sg2"].fault("error_after_pdu", code=1)
    receipt = await rig.sms.send(text())
    assert receipt == Permanent("there is no such number (CMS 1)", by=receipt.by)
    for modem in rig.modems.values():
        modem.clear_faults()


# -- which numbers, and how they are shown -------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["sms", "voice"])
async def test_numbers_that_are_not_allowed_are_refused_and_told_once(rig, channel):
    number = "+882160000001"
    before = [len(modem.sent) for modem in rig.modems.values()]
    assert isinstance(getattr(rig, channel), Refuser)
    assert getattr(rig, channel).refuses(number) == f"{number} begins with none of allowed_prefixes"
    assert getattr(rig, channel).refuses("+6591234567") == ""
    assert number not in "".join(event.text for event in rig.context.events if f"by {channel} " in event.text)
    for _ in range(2):
        receipt = await getattr(rig, channel).send(make_delivery(channel, number))
        assert receipt == Permanent(f"{number} begins with none of allowed_prefixes")
    said = f"Nothing goes by {channel} to {number}: it begins with none of allowed_prefixes"
    assert [event.text for event in rig.context.events if event.kind == "modem_refused"].count(said) == 1
    assert [len(modem.sent) for modem in rig.modems.values()] == before


@pytest.mark.parametrize(
    ("priority", "queue_class", "words", "flash"),
    [
        (Priority.CRITICAL, QueueClass.EMERGENCY, "fire", True),
        (Priority.CRITICAL, QueueClass.EMERGENCY, "高温 🔥", True),
        (Priority.CRITICAL, QueueClass.EMERGENCY, "x" * 200, True),
        (Priority.CRITICAL, QueueClass.NOTICE, "Adam is on his way", False),
        (Priority.HIGH, QueueClass.ALARM, "hot", False),
    ],
)
async def test_alarms_of_some_priorities_flash(rig, priority, queue_class, words, flash):
    receipt = await rig.sms.send(text(text=words, priority=priority, queue_class=queue_class))
    shown = await rig.network.phone(ADAM).expect(words)
    assert (shown.flash, shown.text) == (flash, words)
    assert {message.flash for message in rig.modems[receipt.by].sent[-receipt.parts :]} == {flash}


# -- how fast ------------------------------------------------------------------------------------------------------------


async def test_an_ordinary_text_waits_for_its_token_and_an_emergency_passes_it(rig):
    """The modem meant for the number may send 40 a minute, one at once, and has sent one."""
    ended = []

    async def send(words, **fields):
        receipt = await rig.sms.send(text(AMERICAN, words, **fields))
        ended.append((words, receipt.by))

    await send("takes the token")
    window = rig.sms.window
    waiting = start(send("ordinary"))
    await asyncio.sleep(0)
    assert not waiting.done()
    await send("fire", queue_class=QueueClass.EMERGENCY)
    assert ended[1:] == [("fire", "slow")]
    await waiting
    assert ended[2:] == [("ordinary", "slow")]
    assert window == 3, "the slow one is not counted"


async def test_the_cap_is_kept_and_the_text_goes_by_another_modem(rig):
    budget = next(one.budget for one in rig.plugin.fleet.carriers if one.name == "slow")
    sent = rig.document("slow")["day_parts"]
    assert sent == len(rig.modems["slow"].sent)
    budget.take(8 - sent, urgent=False)
    assert (await rig.sms.send(text(AMERICAN))).by == "rest"
    assert rig.context.conditions["modem slow day cap"].endswith("used up: only emergencies leave")
    assert [event.severity for event in rig.context.events if event.kind == "modem_prefix"] == ["info"], (
        "not for each text"
    )


async def test_a_long_text_that_fails_in_the_middle(rig):
    """Refused, not asked for, and not answered: only what had begun to leave is in doubt."""
    delivery = text(GERMAN, LONG)

    async def send(name, kind, code):
        modem = rig.modems[name]
        sent_before = len(modem.sent)
        sending = start(rig.modem(name).send(delivery))
        async with asyncio.timeout(20):
            while len(modem.sent) == sent_before:
                await asyncio.sleep(0.01)
        modem.fault(kind, code=code)
        return await sending

    late = "no answer to send within 2.5 s"
    faults = [("rest", "error_after_pdu", 38), ("sg1", "no_prompt", None), ("sg2", "silent", None)]
    assert await asyncio.gather(*(send(*fault) for fault in faults)) == [
        Temporary("the mobile network is out of order (CMS 38) (part 2 of 3)", by="rest", other=True, parts=1),
        Temporary(f"{late} (part 2 of 3)", by="sg1", other=True, parts=1),
        InDoubt(f"{late} (part 2 of 3), after the text went to the modem", "sg2"),
    ]
    phone, modem = rig.network.phone(GERMAN), rig.modems["rest"]
    assert LONG not in [message.text for message in phone.received]
    sent_before = len(modem.sent)
    await rig.modem("rest").send(text(GERMAN, LONG))
    assert [message.part for message in modem.sent[sent_before:]] == [1, 2, 3], "another delivery is another text"
    receipt = await rig.modem("rest").send(delivery)
    assert (type(receipt), receipt.parts) == (Sent, 3)
    assert [message.text for message in phone.received].count(LONG) == 2, "the parts of both attempts belong together"
    assert [message.part for message in modem.sent[sent_before + 3 :]] == [2, 3]


async def test_an_emergency_pause_takes_back_what_waits_for_tokens(rig):
    budget = next(one.budget for one in rig.plugin.fleet.carriers if one.name == "slow")
    budget.give_back(8)
    budget.take(1, urgent=False)
    sent_before = len(rig.modems["slow"].sent)
    waiting = start(rig.sms.send(text(AMERICAN, "held")))
    await asyncio.sleep(0)
    rig.context.publish({"kind": "Paused"})
    assert await waiting == Temporary("sending was paused before it could go")
    assert len(rig.modems["slow"].sent) == sent_before


async def test_a_text_that_waits_when_the_plugin_stops_is_surely_not_sent(rig):
    budget = next(one.budget for one in rig.plugin.fleet.carriers if one.name == "slow")
    budget.give_back(8)
    budget.take(1, urgent=False)
    waiting = start(rig.sms.send(text(AMERICAN, "too late")))
    await asyncio.sleep(0)
    await rig.plugin.stop()
    assert await waiting == Temporary("the modem plugin has stopped")
    assert "too late" not in [message.text for message in rig.modems["slow"].sent]
