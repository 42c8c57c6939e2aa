"""Receiving with real gammu: hints, storms of announcements, a memory full of what nobody can read."""

import asyncio

import pytest
import pytest_asyncio

from addispatch.sdk.testing import make_delivery
from addispatch.simulator import at_sms

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

JANE = "+6598765432"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(make_rig):
    """Three modems that poll so rarely that only hints explain what comes; one SIM has an answer on it already."""
    rig = await make_rig(
        start=False,
        sim1={"imsi": "525010000000001"},
        tight={"imsi": "525010000000002", "storage_size": 5},
        twin={"imsi": "525010000000001", "imei": "356938035643809"},
        again={"imsi": "525010000000001", "imei": "356938035643809"},
        config={name: {"poll_s": 300} for name in ("sim1", "tight", "twin", "again")},
    )
    await rig.network.phone(JANE).send(rig.modems["sim1"].number, "A123 on my way")
    await rig.plugin.start()
    yield rig
    await rig.plugin.stop()
    await rig.context.stop()


async def test_what_lies_on_the_sim_counts_before_anything_is_sent(rig):
    seen = []
    on_change = rig.modem("sim1").standing._on_change
    rig.modem("sim1").standing._on_change = lambda: (
        seen.append((rig.modem("sim1").state.value, len(rig.context.messages))),
        on_change(),
    )
    await rig.wait_online("sim1")
    assert ("online", 1) in seen
    assert ("online", 0) not in seen
    assert rig.context.messages[0].text == "A123 on my way"


async def test_an_announced_message_is_fetched_at_once(rig):
    loop = asyncio.get_running_loop()
    await asyncio.sleep(1.2)  # the poll that follows one that found something
    began_s = loop.time()
    await rig.network.phone(JANE).send(rig.modems["sim1"].number, "B456 coming")
    message = await rig.context.messages.wait_for(lambda message: message.text == "B456 coming", timeout_s=5)
    assert message.by == "sim1"
    assert loop.time() - began_s < 2.5


async def test_more_announcements_than_fit_in_one_read_lose_nothing(rig):
    texts = [f"C{number:03} coming" for number in range(20)]
    for text in texts:
        await rig.network.phone(JANE).send(rig.modems["sim1"].number, text)
    for text in texts:
        await rig.context.messages.wait_for(lambda message, text=text: message.text == text, timeout_s=20)
    assert sorted(m.text for m in rig.context.messages if m.text in texts) == texts


async def test_a_flood_of_lines_neither_loses_nor_repeats(rig):
    modem = rig.modems["sim1"]
    modem.fault("urc_flood", command="CSQ", delay_s=0.7)
    rig.modem("sim1")._status_at_s = 0
    rig.modem("sim1")._wake.set()
    sending = asyncio.get_running_loop().create_task(rig.modem("sim1").send(make_delivery("sms", "+6591234567")))
    await rig.network.phone(JANE).send(modem.number, "D789 in the flood")
    await rig.context.messages.wait_for(lambda message: message.text == "D789 in the flood", timeout_s=15)
    await sending
    assert [m.text for m in rig.context.messages].count("D789 in the flood") == 1


async def test_one_device_under_two_names_is_used_once(rig):
    event = await rig.context.wait_for_event("it is the same device as modem", timeout_s=20)
    assert event.data["state"] == "broken"
    states = sorted(rig.document(name)["state"] for name in ("twin", "again"))
    assert "online" in states


async def test_a_memory_full_of_what_nobody_can_read_is_emptied(rig, monkeypatch):
    encode = at_sms.encode_message
    junk = bytes.fromhex("FFFFFFFF")

    def spoilt(message):
        return junk if getattr(getattr(message, "body", None), "text", "") == "junk" else encode(message)

    monkeypatch.setattr(at_sms, "encode_message", spoilt)
    await rig.wait_online("tight")
    modem, phone = rig.modems["tight"], rig.network.phone(JANE)
    for _ in range(5):
        await phone.send(modem.number, "junk")
    await phone.send(modem.number, "E111 behind the junk")
    await rig.context.wait_for_event("Modem tight holds a message that cannot be read", timeout_s=10)
    rig.modem("tight")._status_at_s = 0
    rig.modem("tight")._wake.set()
    event = await rig.context.wait_for_event("Modem tight removed a message that cannot be read", timeout_s=10)
    assert "FFFFFFFF" in event.text
    message = await rig.context.messages.wait_for(lambda message: message.text == "E111 behind the junk", timeout_s=10)
    assert message.by == "tight"
    assert sum("Modem tight removed" in event.text for event in rig.context.events) == 5
