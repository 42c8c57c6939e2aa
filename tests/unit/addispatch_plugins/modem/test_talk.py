"""AT without gammu, in front of the simulated modem; through the child's process, as in life."""

import asyncio
import os
import time

import pytest

from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem.process import Child, RequestFailedError


@pytest.fixture
async def child():
    child = await Child.start()
    yield child
    await child.close()


@pytest.fixture
async def modem():
    modem = SimulatedModem(Network(), "+6590000001", pin="1234")
    await modem.start()
    yield modem
    await modem.stop()


def wanted(modem, **changes):
    told = {"manufacturer": "addispatch", "model": "SIM900", "imei": modem.imei, "imsi": "", "sim": "wants its PIN"}
    return told | changes


async def test_who_is_there(child, modem):
    async def inspect():
        return await child.call("inspect", 10, port=modem.port)

    assert await inspect() == wanted(modem)
    modem.sim.unlocked = True
    assert await inspect() == wanted(modem, imsi=modem.imsi, sim="ready")
    modem.sim.unlocked, modem.sim.tries = False, 0
    assert await inspect() == wanted(modem, sim="wants its PUK")
    modem.sim.present = False
    modem.settings.echo = False
    assert await inspect() == wanted(modem, sim="missing")
    modem.fault("error", command="CGSN")
    modem.fault("error", command="CPIN")
    modem.fault("garbage", command="CGMI")
    told = await inspect()
    assert (told["imei"], told["sim"], told["model"]) == ("", "unknown", "SIM900")


async def test_it_frees_a_modem_that_waits_for_the_rest_of_a_text(child, modem):
    modem.sim.unlocked = True
    tty = os.open(modem.port, os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(tty, b"AT+CMGF=0\rAT+CMGS=20\r0011")
        assert (await child.call("inspect", 10, port=modem.port))["sim"] == "ready"
    finally:
        os.close(tty)
    assert modem.sent == []


async def test_reset(child, modem):
    async def reset():
        return await child.call("reset", 30, port=modem.port)

    modem.settings.text_mode = True
    assert await reset() == {"how": "AT+CFUN=1,1", "problem": ""}
    assert not modem.settings.text_mode
    modem.fault("error", command="CFUN")
    modem.settings.radio = 4
    assert await reset() == {"how": "AT+CFUN=0 and AT+CFUN=1", "problem": ""}
    assert modem.settings.radio == 1
    modem.fault("error", command="CFUN", times=3)
    assert await reset() == {"how": "", "problem": "the modem refuses AT+CFUN (ERROR)"}
    modem.fault("unplug", command="CFUN")
    assert await reset() == {"how": "AT+CFUN=1,1", "problem": ""}


async def test_a_modem_that_is_wedged_is_told_to_reset_all_the_same(child, modem):
    modem.fault("silent", command="*", times=None)
    answer = await child.call("reset", 30, port=modem.port)
    assert answer == {"how": "", "problem": "the modem does not answer; AT+CFUN=1,1 was sent all the same"}


async def test_a_dead_port_is_known_in_a_second_and_a_half(child):
    master, slave = os.openpty()
    try:
        began_s = time.perf_counter()
        with pytest.raises(RequestFailedError, match="nothing answers AT") as caught:
            await child.call("inspect", 10, port=os.ttyname(slave))
        assert caught.value.code == "NOT_A_MODEM"
        assert time.perf_counter() - began_s < 2.5
    finally:
        os.close(master)
        os.close(slave)


async def test_a_port_that_others_have(child, modem):
    other = await Child.start()
    try:
        # A reset without an answer keeps the port for seconds.
        modem.fault("silent", command="*", times=None)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(other.call("reset", 30, port=modem.port))
            await asyncio.sleep(0.5)
            with pytest.raises(RequestFailedError) as caught:
                await child.call("inspect", 10, port=modem.port)
        assert caught.value.code == "PORT_IN_USE"
    finally:
        await other.close()
