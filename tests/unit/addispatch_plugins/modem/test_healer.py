"""The ladder with real gammu: modems that only a reset, only a new bind, only money can help. One rig, all at once."""

import asyncio
import re

import pytest
import pytest_asyncio

from addispatch.sdk import Sent, Temporary
from addispatch.sdk.testing import make_delivery
from addispatch_plugins.modem import credit, ladder, ports
from addispatch_plugins.modem.healer import REQUESTS
from addispatch_plugins.modem.link import Deadlines
from addispatch_plugins.modem.ports import Port

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

ADAM = "+6591234567"
#: A command whose answer never comes, and the request that hangs in consequence.
HANGS = {"CPIN": "security", "CGSN": "identify", "CMGL": "read", "CSCA": "smsc", "CREG": "network"}
QUICK = Deadlines(
    send_s=2.5, sim_s=1.5, identify_s=2, signal_s=1.5, network_s=1.5, poll_s=1.5, memory_s=1.5, delete_s=1.5
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ward(make_rig):
    patch = pytest.MonkeyPatch()
    patch.setattr(credit, "SPARE_S", (1.0, 1.0))
    patch.setattr(ladder, "SICK_AFTER", 2)
    patch.setattr(ports, "at", lambda path: Port(path, "1-1.2") if "stuck" in path else None)
    names = {name: {"imsi": f"52501{number:010}"} for number, name in enumerate(("stuck", "reset", "sick", "broke"))}
    hangs = {f"hang_{op}": {"imsi": f"52502{number:010}"} for number, op in enumerate(HANGS.values())}
    rig = await make_rig(
        start=False,
        deadlines=QUICK,
        **names,
        config={"stuck": {"usb_rebind": True}, "broke": {"credit_ussd": "*100#", "credit_least": 20}},
    )
    hanging = await make_rig(start=False, deadlines=QUICK, **hangs)
    for name in ("stuck", "reset"):
        rig.modems[name].fault("no_echo", times=None)  # gammu needs the echo; the modem answers all the same
    heal(rig.modems["reset"])
    for command, op in HANGS.items():
        hanging.modems[f"hang_{op}"].fault("silent", command=command, times=None)
    await rig.plugin.start()
    await hanging.plugin.start()
    rig.hanging = hanging
    yield rig
    for one in (rig, hanging):
        await one.plugin.stop()
        await one.context.stop()
    patch.undo()


def heal(modem):
    """Let a reset mend whatever is wrong with it."""
    reset = modem.reset_settings

    def mended():
        modem.clear_faults()
        reset()

    modem.reset_settings = mended


def rungs(rig, name):
    return [
        event.data["rung"] for event in rig.context.events if event.data.get("modem") == name and "rung" in event.data
    ]


async def test_a_child_that_hangs_is_killed_whatever_it_does(ward):
    hanging = ward.hanging
    for op in HANGS.values():
        event = await hanging.context.wait_for_event(f"Modem hang_{op} is broken", timeout_s=30)
        assert re.search(rf"no answer to {op} within [\d.]+ s", event.text), event.text
        await hanging.context.wait_for_event(f"Modem hang_{op} gets a new process", timeout_s=5)
        hanging.modems[f"hang_{op}"].clear_faults()
    for op in HANGS.values():
        await hanging.wait_online(f"hang_{op}")


async def test_a_reset_mends_what_a_new_process_does_not(ward):
    event = await ward.context.wait_for_event("Modem reset does not work", timeout_s=40)
    assert "it gives no echo" in event.text
    assert event.text.endswith("; it was reset with AT+CFUN=1,1")
    await ward.wait_online("reset")
    assert rungs(ward, "reset") == ["rebuild", "rebuild", "reset", "reopen"]
    document = ward.document("reset")
    assert (document["restart_count"], document["reset_count"]) == (2, 1)
    assert document["last_error_code"] == "ERR_NOECHO"


async def test_the_last_rung_asks_for_the_usb_port_to_be_bound_anew(ward):
    event = await ward.context.wait_for_event("USB 1-1.2 is to be bound anew", timeout_s=40)
    assert event.data["rung"] == "rebind"
    assert rungs(ward, "stuck")[:6] == ["rebuild", "rebuild", "reset", "reopen", "rebuild", "rebind"]
    request = ward.context.data_dir / REQUESTS / "stuck"
    assert request.read_text() == "1-1.2\n"
    assert request.parent.stat().st_mode & 0o777 == 0o700
    assert ward.context.conditions["modem stuck"].startswith("modem stuck is broken: ")
    ward.modems["stuck"].clear_faults()
    await ward.wait_online("stuck")
    again = "modem stuck fails again and again; it is online just now"
    await ward.context.condition_changes.wait_for(lambda change: change == ("modem stuck", again))
    assert isinstance(await send(ward, "stuck"), Sent)
    await ward.context.condition_changes.wait_for(lambda change: change == ("modem stuck", ""))


async def send(rig, name):
    return await rig.modem(name).send(make_delivery("sms", ADAM))


async def test_a_modem_that_looks_well_and_does_not_send_is_reset(ward):
    await ward.wait_online("sick")
    heal(ward.modems["sick"])
    ward.modems["sick"].fault("error_after_pdu", code=500, times=None)
    for _ in range(ladder.SICK_AFTER):
        assert isinstance(await send(ward, "sick"), Temporary)
    event = await ward.context.wait_for_event("Modem sick does not work (it looks well, but", timeout_s=10)
    assert event.data["rung"] == "reset"
    await ward.wait_online("sick")
    assert isinstance(await send(ward, "sick"), Sent)


async def test_no_credit_is_told_and_tried_again_later(ward):
    await ward.wait_online("broke")
    balance = await ward.context.wait_for_event("Modem broke: its credit is 12.5, less than 20", timeout_s=10)
    assert balance.kind == "modem_credit"
    ward.modems["broke"].fault("error_after_pdu", code=8, times=3)
    for _ in range(3):
        assert "barred" in (await send(ward, "broke")).reason
    event = await ward.context.wait_for_event("Modem broke is degraded: no credit")
    assert "the balance is 12.5" in event.text
    assert ward.document("broke")["credit"] == 12.5
    assert ward.context.conditions["modem broke credit"].startswith("modem broke: it has no credit, or is barred")
    assert ward.context.conditions["modem broke"] == ""
    await ward.wait_online("broke")  # for one text that tries it
    assert isinstance(await send(ward, "broke"), Sent)
    assert ward.document("broke")["error"] == ""
    assert ward.context.conditions["modem broke credit"] == "modem broke: its credit is 12.5, less than 20"


async def test_the_loop_is_not_held_up_meanwhile(ward):
    """While the modem is reset, its process is what waits."""
    modem, loop, longest_s = ward.modems["reset"], asyncio.get_running_loop(), 0.0
    modem.fault("silent", command="CSQ", times=1)
    waiting = loop.create_task(ward.context.wait_for_event("no answer to signal", timeout_s=45))
    ward.modem("reset")._status_at_s = 0
    while not waiting.done():
        before_s = loop.time()
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, loop.time() - before_s)
    await waiting
    assert longest_s < 0.5
