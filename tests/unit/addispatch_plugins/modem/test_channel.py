import asyncio
import time

import pytest
import pytest_asyncio

from addispatch.domain.text import GSM7_BASIC, GSM7_EXTENDED
from addispatch.sdk import Permanent, Sent, Temporary
from addispatch.sdk.testing import Intake, make_delivery
from addispatch.sdk.testing.channel_contract import ChannelContract

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

ADAM, JANE = "+6591234567", "+6598765432"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(make_rig):
    rig = await make_rig(sim1={}, sim2={"imsi": "525010000000002"}, sim3={"imsi": "525010000000003"})
    for name in rig.modems:
        await rig.wait_online(name)
    return rig


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Pump 3: pressure high", 1),
        ("0123456789" * 40, 3),
        ("Tank 🔥 über 90 °C 高温", 1),
        ("🔥" * 40, 2),
        ("~ 🔥 ~~ 90 °C ~", 1),
        ("".join(sorted(GSM7_BASIC | GSM7_EXTENDED - {"\f"})), 1),
    ],
    ids=["single", "three parts", "emoji", "emoji in two parts", "tildes in Unicode", "all of GSM-7"],
)
async def test_a_text_arrives_as_it_was_written(rig, text, parts):
    receipt = await rig.sms.send(make_delivery("sms", ADAM, text))
    assert isinstance(receipt, Sent)
    message = await rig.network.phone(ADAM).expect(text)
    assert (message.text, message.parts, receipt.parts) == (text, parts, parts)
    modem = rig.modems[receipt.by]
    assert message.sender == modem.number
    assert receipt.reference == str(modem.sent[-1].reference)


async def test_modems_take_turns(rig):
    carried = [(await rig.sms.send(make_delivery("sms", ADAM))).by for _ in range(4)]
    assert carried[0] == carried[3]
    assert len(set(carried)) == 3


async def test_modems_work_at_the_same_time(rig):
    assert rig.sms.window == 3
    began_s = time.perf_counter()
    receipts = await asyncio.gather(*(rig.sms.send(make_delivery("sms", JANE)) for _ in range(3)))
    took_s = time.perf_counter() - began_s
    assert {receipt.by for receipt in receipts} == {"sim1", "sim2", "sim3"}
    assert took_s < 1.4, "gammu needs 0.7 s for one; one after the other would be 2.1 s"


async def test_the_modem_that_failed_last_is_avoided(rig):
    for _ in range(2):
        assert (await rig.sms.send(make_delivery("sms", ADAM, avoid="sim2"))).by != "sim2"


@pytest.mark.parametrize(
    "number", ["abc", "", "12;34", "123\rAT+CMGD=3", "+6591234567\n", "+", "1234567890123456", "٣٤٥٦"]
)
async def test_only_numbers_reach_the_modem(rig, number):
    before = [len(modem.sent) for modem in rig.modems.values()]
    assert isinstance(await rig.sms.send(make_delivery("sms", number)), Permanent)
    assert [len(modem.sent) for modem in rig.modems.values()] == before


async def test_a_text_without_end_is_refused(rig):
    receipt = await rig.sms.send(make_delivery("sms", ADAM, "x" * 2000))
    assert receipt == Permanent("the text takes 14 parts, more than 10")


async def test_delivery_reports_come_with_the_reference_and_leave_the_modem(rig):
    receipt = await rig.sms.send(make_delivery("sms", JANE, "y" * 200))
    report = await rig.context.reports.wait_for(
        lambda report: (report.by, report.reference) == (receipt.by, receipt.reference)
    )
    assert (report.channel, report.address, report.delivered) == ("sms", JANE, True)
    await emptied(rig.modems[receipt.by])


def stored_count(modem):
    return sum(len(storage.slots) for storage in modem.storages.values())


async def emptied(modem):
    async with asyncio.timeout(20):
        while stored_count(modem):
            await asyncio.sleep(0.05)


async def test_a_reply_is_deleted_only_when_it_is_durable(rig):
    modem = rig.modems["sim1"]
    await emptied(modem)
    rig.context.intake = Intake.HOLD
    phone = rig.network.phone(JANE)
    try:
        await phone.send(modem.number, "A123 on my way " + "z" * 200)
        message = await rig.context.messages.wait_for(lambda message: message.sender == JANE)
        assert (message.text, message.by) == ("A123 on my way " + "z" * 200, "sim1")
        await asyncio.sleep(1.7)  # another poll comes a second after the one that gave up waiting for the ledger
        assert stored_count(modem) == 2
        assert [m.reference for m in rig.context.messages if m.sender == JANE] == [message.reference]
    finally:
        rig.context.intake = Intake.ACCEPT
        rig.context.release()
    await emptied(modem)


@pytest.mark.parametrize("text", ["costs 5€ [net] {a|b} ^~", "on my way"])
async def test_a_reply_comes_in_as_it_was_written(rig, text):
    await rig.network.phone(ADAM).send(rig.modems["sim1"].number, text)
    message = await rig.context.messages.wait_for(lambda item: item.text.startswith(text[:5]), timeout_s=30)
    assert message.text == text


async def test_a_reply_that_could_not_be_stored_comes_again_with_the_same_reference(rig):
    modem = rig.modems["sim2"]
    rig.context.intake = Intake.FAIL
    await rig.network.phone("+6590909090").send(modem.number, "B456")
    first = await rig.context.messages.wait_for(lambda message: message.text == "B456")
    assert stored_count(modem) == 1
    rig.context.intake = Intake.ACCEPT
    second = await rig.context.messages.wait_for(lambda message: message.text == "B456")
    assert first.reference == second.reference
    await emptied(modem)


async def test_sending_goes_on_while_the_ledger_hangs(rig):
    rig.context.intake = Intake.HOLD
    try:
        await rig.network.phone(JANE).send(rig.modems["sim3"].number, "C789")
        await rig.context.messages.wait_for(lambda message: message.text == "C789")
        receipt = await asyncio.wait_for(rig.sms.send(make_delivery("sms", ADAM, avoid="sim1")), 5)
        assert isinstance(receipt, Sent)
    finally:
        rig.context.intake = Intake.ACCEPT
        rig.context.release()


async def test_without_a_modem_the_channel_is_down_and_says_why(make_rig):
    rig = await make_rig(start=False, sim1={})
    assert rig.sms.window == 0
    port = rig.document("sim1")["port"]
    assert rig.sms.health.reason == f"No working modem found. sim1: not started yet ({port})"
    receipt = await rig.sms.send(make_delivery("sms", ADAM))
    assert isinstance(receipt, Temporary)
    assert receipt.reason.startswith("No working modem found.")


async def test_the_deadline_of_the_core_comes_after_ours(rig):
    assert rig.sms.deadline_s > 10 * 2.5


class TestContract(ChannelContract):
    """Last in this module, for its last test stops the plugin."""

    @pytest.fixture
    def context(self, rig):
        return rig.context

    @pytest.fixture
    def instance(self, rig):
        return rig.plugin

    @pytest.fixture
    def good_delivery(self):
        return lambda: make_delivery("sms", ADAM)

    @pytest.fixture
    def bad_delivery(self):
        return make_delivery("sms", "nobody")
