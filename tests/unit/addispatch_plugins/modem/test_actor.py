"""What modems do to us, and that they come back. One rig of modems with troubles, one that is maltreated step by step."""

import asyncio
import os
import signal
from datetime import datetime

import pytest
import pytest_asyncio

from addispatch.sdk import InDoubt, Sent, Temporary
from addispatch.sdk.testing import RecordingContext, make_delivery
from addispatch_plugins.modem.config import ModemPluginConfig
from addispatch_plugins.modem.instance import ModemPlugin

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

ADAM = "+6591234567"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ward(make_rig):
    """Modems with a trouble each, all brought up at once."""
    rig = await make_rig(
        start=False,
        good={"pin": "1234"},
        no_card={},
        wants_pin={"pin": "1234"},
        wrong_pin={"pin": "1234"},
        blocked={"pin": "1234"},
        no_network={},
        wedged={},
        config={"good": {"pin": "1234"}, "wrong_pin": {"pin": "9999"}, "blocked": {"pin": "1234"}},
    )
    rig.modems["no_card"].sim.present = False
    rig.modems["blocked"].sim.tries = 0
    rig.modems["no_network"].registered = False
    rig.modems["wedged"].fault("silent", command="*", times=None)
    await rig.plugin.start()
    for name in rig.modems:
        await rig.context.wait_for_event(f"Modem {name} is", timeout_s=30)
    return rig


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("good", "online", ""),
        ("no_card", "broken", "no SIM card"),
        ("wants_pin", "broken", "wants a PIN and none is configured"),
        ("wrong_pin", "broken", "refused the PIN and it is not tried again"),
        ("blocked", "broken", "wants its PUK"),
        ("no_network", "degraded", "mobile network"),
        ("wedged", "broken", "answers AT"),
    ],
)
async def test_each_trouble_has_a_state_and_a_reason(ward, name, state, reason):
    event = next(event for event in ward.context.events if f"Modem {name} is" in event.text)
    assert event.text.startswith(f"Modem {name} is {state}: ")
    assert reason in event.text


async def test_modems_without_a_chance_do_not_hold_up_the_loop(ward):
    loop, longest_s = asyncio.get_running_loop(), 0.0
    for _ in range(100):
        before_s = loop.time()
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, loop.time() - before_s)
    assert longest_s < 1.0


async def test_the_one_that_works_is_used(ward):
    assert ward.sms.window == 1
    assert ward.sms.health.up
    assert (await ward.sms.send(make_delivery("sms", ADAM))).by == "good"
    assert ward.context.window_change_count == 1


async def test_document(ward):
    document = ward.document("good")
    assert datetime.fromisoformat(document.pop("since")).tzinfo is not None
    assert document | {"port": "", "sent_count": 0} == {
        "name": "good",
        "state": "online",
        "port": "",
        "usb": "",
        "operator": "Singtel",
        "technology": "HSPA 3.5G",
        "signal": "20(Good)",
        "imei": ward.modems["good"].imei,
        "imsi": ward.modems["good"].imsi,
        "smsc": ward.network.smsc,
        "sim": "ready",
        "credit": None,
        "memory_used": 0,
        "memory_size": 50,
        "error": "",
        "last_error_code": "",
        "calling": False,
        "sent_count": 0,
        "failed_count": 0,
        "restart_count": 0,
        "reset_count": 0,
    }
    assert "1 of 7 modems online: good Singtel (HSPA 3.5G), signal 20(Good)" in ward.plugin.status_line()


async def test_a_wrong_pin_is_entered_once_even_by_the_next_daemon(ward):
    sim, port = ward.modems["wrong_pin"].sim, ward.document("wrong_pin")["port"]
    assert sim.tries == 2
    config = ModemPluginConfig.model_validate({"modem": [{"name": "wrong_pin", "port": port, "pin": "9999"}]})
    await ward.context.stop()
    async with RecordingContext(ward.context.data_dir) as context:
        await ModemPlugin(config, context).start()
        await context.wait_for_event("refused the PIN", timeout_s=20)
    assert sim.tries == 2
    assert "9999" not in "".join(event.text for event in ward.context.events)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(make_rig):
    """Modems to maltreat, one per way: while one recovers the next is hurt."""
    names = ("prompt", "silence", "killed", "frozen", "pulled", "spare", "refused", "wedged")
    rig = await make_rig(**{name: {"imsi": f"52501000000001{number}"} for number, name in enumerate(names)})
    for name in names:
        await rig.wait_online(name)
    return rig


def delivery(text="Pump 3: pressure high"):
    return make_delivery("sms", ADAM, text)


def start(sending):
    return asyncio.get_running_loop().create_task(sending)


async def test_no_prompt_is_surely_not_sent(rig):
    rig.modems["prompt"].fault("no_prompt")
    receipt = await rig.modem("prompt").send(delivery("never asked for"))
    assert receipt == Temporary("no answer to send within 2.5 s", by="prompt", other=True)
    assert all(message.text != "never asked for" for message in rig.modems["prompt"].sent)
    assert rig.document("prompt")["state"] == "broken"
    assert rig.document("prompt")["error"] == "no answer to send within 2.5 s"


async def test_silence_after_the_text_is_in_doubt(rig):
    rig.modems["silence"].fault("silent")
    receipt = await rig.modem("silence").send(delivery("taken in silence"))
    assert receipt == InDoubt("no answer to send within 2.5 s, after the text went to the modem", by="silence")
    await rig.network.phone(ADAM).expect("taken in silence")
    assert rig.document("silence")["state"] == "broken"


async def test_a_child_killed_in_mid_send_is_in_doubt(rig, children):
    pid = children()[os.path.realpath(rig.modems["killed"].port)]
    rig.modems["killed"].fault("ok_late", delay_s=2)
    sending = start(rig.modem("killed").send(delivery("while it dies")))
    await rig.network.phone(ADAM).expect("while it dies")
    os.kill(pid, signal.SIGKILL)
    receipt = await sending
    assert receipt == InDoubt("its process ended unexpectedly, after the text went to the modem", by="killed")
    assert pid not in children().values()


async def test_a_child_killed_before_the_text_left_is_surely_not_sent(rig, children):
    assert isinstance(await rig.modem("frozen").send(delivery()), Sent)
    pid = children()[os.path.realpath(rig.modems["frozen"].port)]
    os.kill(pid, signal.SIGSTOP)
    sending = start(rig.modem("frozen").send(delivery("never begun")))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    assert isinstance(await sending, Temporary)


async def test_unplugged_in_mid_send_is_in_doubt(rig):
    modem = rig.modems["pulled"]
    modem.fault("unplug")
    assert isinstance(await rig.modem("pulled").send(delivery()), InDoubt)
    await rig.context.wait_for_event("Modem pulled is absent: there is no such port")
    assert rig.document("pulled")["signal"] == "99(Unknown)"
    modem.replug()


async def test_pulled_out_while_wedged_and_in_again_before_anybody_looked(rig, children):
    """Another device is at the same path then: it is noticed before the deadline, and it is no failure of the modem."""
    modem, events = rig.modems["wedged"], len(rig.context.events)
    os.kill(children()[os.path.realpath(modem.port)], signal.SIGSTOP)
    sending = start(rig.modem("wedged").send(delivery("never begun")))
    await asyncio.sleep(0.05)
    modem.unplug()
    holder = os.openpty()  # or the next port would have the old one's number
    modem.replug()
    for fd in holder:
        os.close(fd)
    assert await sending == Temporary("the port is gone", by="wedged", other=True)
    await rig.context.wait_for_event("Modem wedged is absent: ")
    assert not any("wedged is broken" in event.text for event in rig.context.events[events:])


async def test_unplugged_while_idle(rig):
    modem = rig.modems["spare"]
    modem.unplug()
    await rig.context.wait_for_event("Modem spare is absent: there is no such port")
    modem.replug()


async def test_what_waits_for_a_modem_that_fails_comes_back_at_once(rig):
    rig.modems["refused"].fault("error", code=311)
    first, second = (start(rig.modem("refused").send(delivery("one of two"))) for _ in range(2))
    assert await first == Temporary("the SIM wants its PIN (CMS 311)", by="refused", other=True)
    assert await second == Temporary("modem refused failed before it was this one's turn", by="refused", other=True)
    assert rig.document("refused")["failed_count"] == 1


async def test_they_all_come_back(rig):
    for name in rig.modems:
        await rig.wait_online(name)
    receipts = await asyncio.gather(*(rig.modem(name).send(delivery()) for name in rig.modems))
    assert [receipt.by for receipt in receipts if isinstance(receipt, Sent)] == list(rig.modems)


@pytest.mark.parametrize(("kind", "code"), [("error_after_pdu", 38), ("error", 331)])
async def test_a_network_that_refuses_costs_neither_message_nor_modem(rig, kind, code):
    rig.modems["spare"].fault(kind, code=code)
    receipt = await rig.modem("spare").send(delivery())
    assert isinstance(receipt, Temporary)
    assert f"CMS {code}" in receipt.reason
    assert isinstance(await rig.modem("spare").send(delivery()), Sent)


async def test_the_network_goes_and_comes(rig):
    modem = rig.modems["spare"]
    modem.registered = False
    assert isinstance(await rig.modem("spare").send(delivery()), Temporary)
    await rig.context.wait_for_event("Modem spare is degraded: ")
    modem.registered = True
    await rig.wait_online("spare")


async def test_what_the_core_gave_up_before_its_turn_is_not_sent(rig):
    first, second, third = (start(rig.modem("spare").send(delivery(text))) for text in ("one", "given up", "three"))
    await asyncio.sleep(0)
    second.cancel()
    assert [(await sending).by for sending in (first, third)] == ["spare", "spare"]
    assert [message.text for message in rig.modems["spare"].sent[-2:]] == ["one", "three"]


async def test_stopping_lets_a_message_finish_and_leaves_no_process(rig, children):
    sending = start(rig.modem("spare").send(delivery("the last one")))
    await asyncio.sleep(0.1)
    await rig.plugin.stop()
    assert isinstance(await sending, Sent)
    assert len(children()) == len(rig.modems)
    rig.modems["killed"].fault("silent")
    sending = start(rig.modem("killed").send(delivery("cut short")))
    await rig.network.phone(ADAM).expect("cut short")
    await rig.context.stop()
    assert await sending == InDoubt("the modem was stopped, after the text went to the modem", by="killed")
    assert not children()
    assert {document["error"] for document in rig.plugin.modems()} == {"stopped"}
