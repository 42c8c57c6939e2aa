"""The child's requests against real libGammu, as far as the actor's tests do not see them."""

import asyncio
import fcntl
import os
import time

import pytest

from addispatch.simulator import at_sms
from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem.gammurc import write_gammurc
from addispatch_plugins.modem.process import Child, RequestFailedError


async def test_probe_rejects_a_dead_port_in_two_seconds():
    master, slave = os.openpty()
    child = await Child.start()
    try:
        began_s = time.perf_counter()
        with pytest.raises(RequestFailedError, match="no modem there: nothing answers AT"):
            await child.call("probe", 5, port=os.ttyname(slave))
        assert time.perf_counter() - began_s < 3
    finally:
        await child.close()
        os.close(master)
        os.close(slave)


@pytest.fixture
async def modem():
    modem = SimulatedModem(Network(), "+6590000001")
    await modem.start()
    yield modem
    await modem.stop()


async def test_probe_frees_a_modem_that_waits_for_the_rest_of_a_text(modem):
    tty = os.open(modem.port, os.O_RDWR | os.O_NOCTTY)
    os.write(tty, b"AT+CMGF=0\rAT+CMGS=20\r0011")
    child = await Child.start()
    try:
        assert await child.call("probe", 5, port=modem.port) == {}
    finally:
        await child.close()
        os.close(tty)
    assert modem.sent == []


async def test_messages_that_cannot_be_decoded_do_not_hide_the_others(modem, tmp_path, monkeypatch):
    encode = at_sms.encode_message
    junk = {"reserved": bytes.fromhex("FFFFFFFF"), "cut off": bytes.fromhex("0491")}
    monkeypatch.setattr(at_sms, "encode_message", lambda message: junk.get(message.body.text) or encode(message))
    phone = modem.network.phone("+6591234567")
    child = await Child.start()
    try:
        await child.call("init", 20, gammurc=str(write_gammurc(tmp_path / "rc", modem.port)))
        for memory in ("SM", "ME"):
            modem.settings.memories[2] = memory
            for text in ("cut off", "first", "reserved", "gap", "reserved", "last"):
                await phone.send(modem.number, text)
            while len(modem.storages[memory].slots) < 6:
                await asyncio.sleep(0)
        for memory in modem.storages.values():
            del memory.slots[4]
        answer = await child.call("read", 5)
    finally:
        await child.close()
    assert [entry["text"] for entry in answer["entries"]] == ["first", "last"] * 2
    assert answer["unreadable"] == [1, 3, 5, 100001, 100003, 100005]


async def test_another_program_that_was_quicker_than_gammu_is_named(modem, tmp_path):
    tty = os.open(modem.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(tty, fcntl.LOCK_EX | fcntl.LOCK_NB)
    child = await Child.start()
    try:
        with pytest.raises(RequestFailedError, match="another program has the port") as caught:
            await child.call("init", 20, gammurc=str(write_gammurc(tmp_path / "rc", modem.port)))
        assert caught.value.code == "PORT_IN_USE"
    finally:
        await child.close()
        os.close(tty)


async def test_what_a_connected_modem_tells_and_how_it_hints(modem, tmp_path):
    child, hinted = await Child.start(), asyncio.Event()
    child.on_hint(hinted.set)
    try:
        await child.call("init", 20, gammurc=str(write_gammurc(tmp_path / "rc", modem.port)))
        assert await child.call("ussd", 10, code="*100#") == {"text": "Your balance is SGD 12.50", "stopped": False}
        modem.balance = ""
        asyncio.get_running_loop().call_later(0.3, child.tell, "stop_call")
        assert await child.call("ussd", 10, code="*100#") == {"text": "", "stopped": True}
        assert await child.call("smsc", 5) == {"smsc": modem.smsc}
        assert await child.call("memory", 5) == {"memory": [[0, 50], [0, 50]]}
        await child.call("identify", 10)
        modem._session.urc("+CREG: 1")
        modem._session._write(b"\r\n+CMT")  # a line that comes in two pieces
        await asyncio.sleep(0.5)
        assert not hinted.is_set()
        modem._session._write(b'I: "SM",7\r\n')
        await asyncio.wait_for(hinted.wait(), 2)
    finally:
        await child.close()
