import asyncio
import os
import tomllib

import pytest

from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem import ports
from addispatch_plugins.modem.config import ModemPluginConfig
from addispatch_plugins.modem.ports import Port
from addispatch_plugins.modem.process import Child
from addispatch_plugins.modem.scan import scan


@pytest.fixture
async def modems():
    network = Network()
    modems = [SimulatedModem(network, f"+659000000{number}", pin=pin) for number, pin in enumerate((None, "1234"))]
    modems.append(SimulatedModem(network, "+6590000009", imei=modems[0].imei))
    modems[0].MANUFACTURER = 'HUA"WEI\\'
    for modem in modems:
        await modem.start()
    yield modems
    for modem in modems:
        await modem.stop()


async def test_all_ports_at_once(modems, monkeypatch):
    master, slave = os.openpty()
    busy_master, busy_slave = os.openpty()
    dead, busy = os.ttyname(slave), os.ttyname(busy_slave)
    listed = [Port(modems[0].port, "1-1", "77", "HUAWEI Mobile"), Port(modems[2].port, "1-1", "77")]
    monkeypatch.setattr(ports, "listed", lambda: list(listed))
    other, loop = await Child.start(), asyncio.get_running_loop()
    try:
        holding = loop.create_task(other.call("reset", 30, port=busy))  # waits for an answer, and has the port
        await asyncio.sleep(0.5)
        began_s = loop.time()
        found = await scan([modems[1].port, dead, busy, modems[0].port, "/dev/no-such-port", dead])
        assert loop.time() - began_s < 6
        holding.cancel()
    finally:
        await other.close()
        for fd in (master, slave, busy_master, busy_slave):
            os.close(fd)
    assert [(one["port"], one["state"]) for one in found["ports"]] == [
        (modems[0].port, "modem"),
        (modems[2].port, "modem"),
        (modems[1].port, "modem"),
        (dead, "no modem"),
        (busy, "in use"),
        ("/dev/no-such-port", "unusable"),
    ]
    first = found["ports"][0]
    assert (first["usb"], first["serial"], first["imei"], first["sim"]) == ("1-1", "77", modems[0].imei, "ready")
    assert found["ports"][4]["problem"] == "another program has the port"
    proposed = tomllib.loads(found["proposal"])["plugin"]["modem"]
    assert [(table["name"], table["port"]) for table in proposed["modem"]] == [
        ("sim1", modems[0].port),
        ("sim2", modems[1].port),
    ]
    assert proposed["modem"][1].pop("pin") == "${FILE:sim2.pin}"
    assert len(ModemPluginConfig.model_validate(proposed).modem) == 2
    assert "# HUAWEI SIM900, IMEI " in found["proposal"]


async def test_a_machine_without_ports(monkeypatch):
    monkeypatch.setattr(ports, "listed", list)
    assert await scan() == {"ports": [], "proposal": ""}
