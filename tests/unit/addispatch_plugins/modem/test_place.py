"""Where a modem is: its port by IMEI or USB, and again after it was plugged in elsewhere."""

import asyncio
import os
from pathlib import Path

import pytest

from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem import place as module
from addispatch_plugins.modem import ports
from addispatch_plugins.modem.config import ModemConfig
from addispatch_plugins.modem.link import Deadlines
from addispatch_plugins.modem.place import Place
from addispatch_plugins.modem.ports import Port


@pytest.fixture
async def modems():
    network = Network()
    modems = [SimulatedModem(network, f"+659000000{number}") for number in range(2)]
    for modem in modems:
        await modem.start()
    yield modems
    for modem in modems:
        await modem.stop()


@pytest.fixture
def listed(monkeypatch, modems):
    found = [Port(modem.port, f"1-{number}", f"serial{number}") for number, modem in enumerate(modems)]
    monkeypatch.setattr(ports, "listed", lambda: list(found))
    return found


def place(**how):
    return Place(ModemConfig(name="sim1", **how), Deadlines())


async def test_by_imei(modems, listed):
    found = place(imei=modems[1].imei)
    assert await found.find()
    assert (found.path, found.usb, found.shown) == (modems[1].port, "1-1", modems[1].port)
    assert found.exists()


@pytest.mark.parametrize("usb", ["1-1", "serial1"])
async def test_by_usb(modems, listed, usb):
    found = place(usb=usb)
    assert await found.find()
    assert found.path == modems[1].port


async def test_of_the_ports_of_one_stick_the_one_that_answers(modems, listed):
    modems[0].fault("silent", command="*", times=None)
    listed[0] = Port(modems[0].port, "1-1", "serial1")
    found = place(usb="1-1")
    assert await found.find()
    assert found.path == modems[1].port


async def test_what_is_not_there(modems, listed):
    listed.append(Port("/dev/ttyS0-none"))
    for how, words in (
        ({"imei": "1" * 15}, f"no modem with IMEI {'1' * 15} is plugged in"),
        ({"usb": "1-9"}, "no modem with USB 1-9 is plugged in"),
        ({"usb": "1-1", "imei": modems[0].imei}, f"no modem with IMEI {modems[0].imei} and USB 1-1 is plugged in"),
    ):
        missing = place(**how)
        assert not await missing.find()
        assert (missing.absence, missing.path, missing.exists()) == (words, "", False)


async def test_other_devices_are_left_alone_until_they_change(modems, listed, monkeypatch):
    asked = []
    real = Place._is_it

    async def counted(self, device):
        asked.append(device)
        return await real(self, device)

    monkeypatch.setattr(Place, "_is_it", counted)
    missing = place(imei="1" * 15)
    for _ in range(3):
        assert not await missing.find()
    assert sorted(asked) == sorted(modem.port for modem in modems)
    monkeypatch.setattr(module, "_key", lambda device: (device, "plugged in anew"))
    assert not await missing.find()
    assert len(asked) == 2 * len(modems)


async def test_a_configured_port_is_only_looked_at(modems, listed):
    fixed = place(port=modems[0].port)
    assert fixed.is_fixed
    assert await fixed.find()
    await fixed.note_usb()
    assert fixed.usb == "" or fixed.usb == "1-0"
    modems[0].unplug()
    assert not await fixed.find()
    assert fixed.absence == "there is no such port"


@pytest.mark.asyncio(loop_scope="module")
async def test_plugged_in_elsewhere_it_is_found_again(make_rig, monkeypatch):
    from addispatch_plugins.modem import actor

    monkeypatch.setattr(actor, "FIND_S", 0.2)
    found = []
    monkeypatch.setattr(ports, "listed", lambda: list(found))
    rig = await make_rig(start=False, wanderer={}, config={"wanderer": {"port": "", "imei": "356938030000005"}})
    modem = rig.modems["wanderer"]
    await rig.plugin.start()
    await rig.context.wait_for_event("is absent: no modem with IMEI 356938030000005 is plugged in")
    modem._link = None
    modem.unplug()
    modem.replug()
    found[:] = [Port(modem.port, "1-1")]
    await rig.wait_online("wanderer")
    before = rig.document("wanderer")
    modem.unplug()
    await rig.context.wait_for_event("Modem wanderer is absent")
    holders = []  # or the next port would have the old one's name; other tests open and close ports, too
    while not Path(before["port"]).exists():
        holders.append(os.openpty())
    try:
        modem.replug()
        found[:] = [Port(modem.port, "1-2")]
        assert modem.port != before["port"]
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await rig.wait_online("wanderer")
        assert loop.time() - began_s < 12
    finally:
        for fd in (fd for pair in holders for fd in pair):
            os.close(fd)
    after = rig.document("wanderer")
    assert (before["usb"], after["usb"], after["port"]) == ("1-1", "1-2", modem.port)
    await rig.plugin.stop()
    await rig.context.stop()
