"""Calls through real gammu processes: phones ring, and nothing else suffers. One rig, maltreated step by step."""

import asyncio
import os
import signal
import time

import pytest
import pytest_asyncio

from addispatch.sdk import InDoubt, Permanent, Sent, Temporary
from addispatch.sdk.testing import make_delivery

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

ADAM, JANE = "+6591234567", "+6598765432"
#: What the rig's modems are told; see the fixture make_rig.
RING_S = 0.8


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(make_rig):
    rig = await make_rig(
        sim1={},
        sim2={"imsi": "525010000000002"},
        thrice={"imsi": "525010000000003"},
        config={"thrice": {"ring_repeat": 3}},
    )
    for name in rig.modems:
        await rig.wait_online(name)
    return rig


@pytest.fixture(autouse=True)
def fresh_phones(rig):
    """Each test expects its own calls."""
    for number in (ADAM, JANE):
        phone = rig.network.phone(number)
        phone.when_called("ring")
        phone.calls.clear()
        phone._unexpected_calls.clear()


def call(number=ADAM, **changes):
    return make_delivery("voice", number, "is not used", **changes)


def start(sending):
    return asyncio.get_running_loop().create_task(sending)


async def wait_until(look, timeout_s=25):
    async with asyncio.timeout(timeout_s):
        while not look():
            await asyncio.sleep(0.02)


async def test_a_phone_rings_and_is_hung_up(rig):
    calling = start(rig.modem("sim1").send(call()))
    rung = await rig.network.phone(ADAM).expect_call()
    assert rig.document("sim1")["calling"]
    assert rig.document("sim1")["state"] == "online"
    assert not rig.document("sim2")["calling"]
    assert await calling == Sent(by="sim1")
    assert (rung.caller, rung.answered_at) == (rig.modems["sim1"].number, None)
    assert RING_S - 0.1 <= rung.duration_s < RING_S + 1
    assert not rig.document("sim1")["calling"]
    assert rig.network.phone(ADAM).received == []
    assert (rig.document("sim1")["sent_count"], rig.document("sim1")["failed_count"]) == (0, 0), "these count texts"


async def test_taking_it_means_nothing_and_ends_it(rig):
    phone = rig.network.phone(JANE)
    phone.when_called("answer", after_s=0.1)
    assert await rig.modem("sim1").send(call(JANE)) == Sent(by="sim1")
    [rung] = phone.calls
    assert rung.answered_at is not None
    assert list(rig.context.messages) == list(rig.context.reports) == []


async def test_busy_goes_to_the_next_modem(rig):
    phone = rig.network.phone(ADAM)
    phone.when_called("busy")
    first = await rig.voice.send(call())
    assert first == Temporary("the number is busy or declined (BUSY)", by=first.by)
    before = {name: len(modem.dialled) for name, modem in rig.modems.items()}
    phone.when_called("ring")
    second = await rig.voice.send(call(avoid=first.by))
    assert isinstance(second, Sent)
    assert second.by != first.by
    assert {name for name, modem in rig.modems.items() if len(modem.dialled) > before[name]} == {second.by}


async def test_a_phone_out_of_reach(rig):
    phone = rig.network.phone("+6590909090")
    phone.switch_off()
    receipt = await rig.modem("sim1").send(call(phone.number))
    assert receipt == Temporary("the call was not put through (NO CARRIER)", by="sim1")
    assert rig.document("sim1")["state"] == "online"


@pytest.mark.parametrize("number", ["123;\rAT+CMGD=3", "12;34", "123\rATH", "", "+", "abc", "1" * 16, "٣٤٥٦"])
async def test_only_numbers_reach_a_modem(rig, number):
    before = [list(modem.dialled) for modem in rig.modems.values()]
    receipt = await rig.voice.send(call(number))
    assert receipt == Permanent(f"{number!r} is no phone number")
    assert [modem.dialled for modem in rig.modems.values()] == before


async def test_a_text_waits_for_the_call_of_its_modem_and_no_longer(rig):
    modem, phone = rig.modem("sim1"), rig.network.phone(ADAM)
    calling = start(modem.send(call()))
    rung = await phone.expect_call()
    texting = start(modem.send(make_delivery("sms", JANE, "after the call")))
    await rig.network.phone(JANE).send(rig.modems["sim1"].number, "while it rings")
    assert isinstance(await calling, Sent)
    assert isinstance(await texting, Sent)
    sms = await rig.network.phone(JANE).expect("after the call")
    assert sms.at >= rung.ended_at
    received = await rig.context.messages.wait_for(lambda message: message.text == "while it rings")
    assert received.by == "sim1"


async def test_texts_go_between_the_rings(rig):
    phone = rig.network.phone(ADAM)
    calling = start(rig.modem("thrice").send(call()))
    first = await phone.expect_call()
    texting = start(rig.modem("thrice").send(make_delivery("sms", JANE, "between")))
    second = await phone.expect_call()
    assert texting.done()
    sms = await rig.network.phone(JANE).expect("between")
    assert first.ended_at <= sms.at <= second.began_at
    assert not calling.done()
    await phone.expect_call()
    assert await calling == Sent(by="thrice")
    assert rig.modem("thrice").pending == []


async def test_it_rang_once_although_it_is_busy_then(rig):
    phone = rig.network.phone(ADAM)
    calling = start(rig.modem("thrice").send(call()))
    await phone.expect_call()
    phone.when_called("busy")
    assert await calling == Sent(by="thrice")


async def test_other_modems_are_preferred_while_one_calls(rig):
    calls = [start(rig.voice.send(call(number))) for number in (ADAM, JANE)]
    for number in (ADAM, JANE):
        await rig.network.phone(number).expect_call()
    callers = {name for name in rig.modems if rig.document(name)["calling"]}
    assert len(callers) == 2
    texts = [await rig.sms.send(make_delivery("sms", ADAM)) for _ in range(2)]
    assert {text.by for text in texts} == rig.modems.keys() - callers
    assert {receipt.by for receipt in await asyncio.gather(*calls)} == callers


async def test_a_child_killed_in_mid_call_is_in_doubt_and_the_next_one_hangs_up(rig, children):
    phone = rig.network.phone(ADAM)
    pid = children()[os.path.realpath(rig.modems["sim1"].port)]
    calling = start(rig.modem("sim1").send(call()))
    rung = await phone.expect_call()
    os.kill(pid, signal.SIGKILL)
    waiting = start(rig.modem("sim1").send(make_delivery("sms", JANE, "behind it")))
    assert await calling == InDoubt("its process ended unexpectedly, during the call", by="sim1")
    assert await waiting == Temporary("modem sim1 failed before it was this one's turn", by="sim1", other=True)
    assert rung.ended_at is None, "the modem goes on ringing"
    assert isinstance(await rig.sms.send(make_delivery("sms", JANE)), Sent), "texts leave by the others"
    await rig.wait_online("sim1")
    assert rung.ended_at is not None
    assert isinstance(await rig.modem("sim1").send(make_delivery("sms", JANE, "back")), Sent)


async def test_a_child_that_hangs_is_killed_in_time(rig, children, monkeypatch):
    """Before it dialled: surely not called."""
    modem = rig.modem("sim2")
    pid = children()[os.path.realpath(rig.modems["sim2"].port)]
    monkeypatch.setattr(modem._link, "_deadlines", type(modem._deadlines)(call_s=0.3))
    os.kill(pid, signal.SIGSTOP)
    assert await modem.send(call()) == Temporary(f"no answer to call within {RING_S + 0.3:g} s", by="sim2")
    await rig.wait_online("sim2")


async def test_unplugged_in_mid_call(rig):
    phone, modem = rig.network.phone(ADAM), rig.modems["sim1"]
    calling = start(rig.modem("sim1").send(call()))
    rung = await phone.expect_call()
    await asyncio.sleep(0.7)  # by now the modem has told that it rings
    modem.unplug()
    assert await calling == Sent(by="sim1")
    assert rung.ended_at is not None
    await rig.context.wait_for_event("Modem sim1 is absent")
    modem.replug()
    await rig.wait_online("sim1")


async def test_a_modem_that_says_nothing_is_in_doubt_and_hangs_up(rig):
    rig.modems["sim1"].fault("silent", command="D")
    receipt = await rig.modem("sim1").send(call())
    assert receipt == InDoubt("the modem did not say whether it dialled", by="sim1")
    assert all(rung.ended_at for rung in rig.network.phone(ADAM).calls)
    assert isinstance(await rig.modem("sim1").send(make_delivery("sms", JANE)), Sent)


async def test_without_network_the_modem_is_looked_at_again(rig):
    rig.modems["sim1"].registered = False
    receipt = await rig.modem("sim1").send(call())
    assert receipt == Temporary("no mobile network (CME ERROR: 30)", by="sim1")
    await rig.context.wait_for_event("Modem sim1 is degraded")
    rig.modems["sim1"].registered = True
    await rig.wait_online("sim1")


async def test_a_call_the_core_gave_up_is_not_repeated(rig):
    phone = rig.network.phone(ADAM)
    calling = start(rig.modem("thrice").send(call()))
    await phone.expect_call()
    calling.cancel()
    await wait_until(lambda: not rig.modem("thrice").pending)
    assert len(phone.calls) == 1


async def test_window_and_deadline(rig):
    assert rig.voice.window == rig.sms.window == 3
    assert rig.voice.deadline_s > 3 * (RING_S + 60)
    assert rig.voice.health.up


async def test_stopping_hangs_up_at_once(rig):
    """A long ring is cut short, a repetition does not come, a call that waits is given back."""
    adam, jane = rig.network.phone(ADAM), rig.network.phone(JANE)
    rig.modem("sim1")._config = rig.modem("sim1")._config.model_copy(update={"ring_s": 60.0})
    long = start(rig.modem("sim1").send(call()))
    behind = start(rig.modem("sim1").send(call(JANE)))
    rung = await adam.expect_call()
    await asyncio.sleep(0.7)  # by now the modem has told that it rings
    repeated = start(rig.modem("thrice").send(call(JANE)))
    await jane.expect_end(await jane.expect_call())
    began_s = time.perf_counter()
    await rig.plugin.stop()
    assert time.perf_counter() - began_s < 2
    assert await asyncio.gather(long, repeated) == [Sent(by="sim1"), Sent(by="thrice")]
    assert await behind == Temporary("the modem plugin stopped before the call", by="sim1")
    assert rung.ended_at is not None
    assert len(jane._unexpected_calls) == 0
    assert await rig.voice.send(call()) == Temporary("the modem plugin has stopped")
