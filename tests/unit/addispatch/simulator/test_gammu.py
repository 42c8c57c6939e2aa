"""libGammu, in a process of its own as in production, on the simulated modem."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from addispatch.simulator import Network, SimulatedModem

_CHILD = """
import gammu, json, sys

machine = gammu.StateMachine()
machine.ReadConfig(Filename=sys.argv[1])
events = []


def poll():
    messages, start = [], True
    while True:
        try:
            got = machine.GetNextSMS(0, True) if start else machine.GetNextSMS(0, False, got[0]["Location"])
        except gammu.ERR_EMPTY:
            break
        start = False
        messages += got
    for message in messages:
        machine.DeleteSMS(0, message["Location"])
    groups = gammu.LinkSMS([[message] for message in messages])
    return [
        {
            "text": entries["Entries"][0]["Buffer"] if (entries := gammu.DecodeSMS(group)) else group[0]["Text"],
            "number": group[0]["Number"],
            "type": group[0]["Type"],
            "reference": group[0]["MessageReference"],
            "parts": len(group),
        }
        for group in groups
    ]


def send(number, text, unicode=False, report=False, flash=False):
    parts = gammu.EncodeSMS(
        {"Class": 0 if flash else -1, "Unicode": unicode, "Entries": [{"ID": "ConcatenatedTextLong", "Buffer": text}]}
    )
    references = []
    for part in parts:
        part |= {"SMSC": {"Location": 1}, "Number": number}
        if report:
            part["Type"] = "Status_Report"
        references.append(machine.SendSMS(part))
    return references


def listen():
    machine.SetIncomingCallback(lambda _machine, kind, data: events.append([kind, data]))
    machine.SetIncomingSMS()
    machine.SetIncomingCall()


def heard():
    for _ in range(10):
        machine.ReadDevice()
    return events


for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        result = globals()[name](*arguments) if name in globals() else getattr(machine, name)(*arguments)
        answer = {"result": result}
    except gammu.GSMError as error:
        answer = {"error": type(error).__name__}
    print(json.dumps(answer, default=str), flush=True)
"""


class Gammu:
    """Calls into the child, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def __call__(self, name: str, *arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write((json.dumps([name, *arguments]) + "\n").encode())
        async with asyncio.timeout(40):
            answer = json.loads(await self.process.stdout.readline())
        return answer.get("error") or answer["result"]


@pytest.fixture
async def gammu(modem: SimulatedModem, tmp_path: Path) -> AsyncIterator[Gammu]:
    config = tmp_path / "gammurc"
    config.write_text(f"[gammu]\ndevice = {modem.port}\nconnection = at115200\nmodel = at\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, str(config), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    gammu = Gammu(process)
    assert await gammu("Init") is None
    yield gammu
    process.kill()
    await process.wait()


@pytest.mark.slow
async def test_sends_receives_and_gets_reports(gammu: Gammu, modem: SimulatedModem, network: Network) -> None:
    """One story, since each start of gammu costs four seconds."""
    phone = network.phone("+6591234567", name="Adam")
    assert await gammu("GetIMEI") == modem.imei
    assert await gammu("GetSIMIMSI") == modem.imsi
    assert (await gammu("GetSignalQuality"))["SignalPercent"] == 60
    info = await gammu("GetNetworkInfo")
    assert (info["NetworkName"], info["NetworkCode"], info["State"]) == ("Singtel", "525 01", "HomeNetwork")
    assert (await gammu("GetSMSC"))["Number"] == network.smsc
    assert (await gammu("GetSMSStatus"))["SIMSize"] == 50

    assert await gammu("send", phone.number, "short {1} €") == [1]
    assert (await phone.expect("short")).text == "short {1} €"
    assert await gammu("send", phone.number, "long " + "x" * 395) == [2, 3, 4]
    message = await phone.expect("long")
    assert (message.text, message.parts) == ("long " + "x" * 395, 3)
    emoji = "🔥 Brand in Halle 日本 " * 10
    assert len(await gammu("send", phone.number, emoji, True)) == 4
    assert (await phone.expect("🔥")).text == emoji
    await gammu("send", phone.number, "flash", False, False, True)
    assert (await phone.expect("flash")).flash

    await gammu("listen")
    [reference] = await gammu("send", phone.number, "report please", False, True)
    await phone.expect("report please")
    await phone.reply("A123 on my way {7}")
    await phone.reply("y" * 300)
    await phone.reply("😀" * 50)
    assert [kind for kind, _data in await gammu("heard")].count("SMS") >= 2
    received = await gammu("poll")
    assert {(m["type"], m["reference"]) for m in received if m["type"] == "Status_Report"} == {
        ("Status_Report", reference)
    }
    # After escape sequences python-gammu reads on to the septet count: a NUL, then whatever was in memory.
    texts = [(m["text"].split("\0")[0], m["parts"]) for m in received if m["type"] == "Deliver"]
    assert sorted(texts) == sorted([("A123 on my way {7}", 1), ("y" * 300, 2), ("😀" * 50, 2)])
    assert modem.storages["SM"].slots == modem.storages["ME"].slots == {}

    assert await gammu("DialVoice", phone.number) is None
    call = await phone.expect_call()
    assert await gammu("CancelCall", 0, True) is None
    assert call.ended_at is not None
    # At ERROR it tries ATD for ATDT.
    for code, times, error in ((None, 2, "ERR_UNKNOWN"), (30, 1, "ERR_NETWORK_ERROR")):
        modem.fault("error", command="D", code=code, times=times)
        assert await gammu("DialVoice", phone.number) == error
    modem.dial_waits = True
    phone.when_called("answer", after_s=0.3)
    assert await gammu("DialVoice", phone.number) is None
    assert (await phone.expect_call()).answered_at is not None, "only now it has got its OK"
    assert await gammu("CancelCall", 0, True) is None
    assert modem.call is None

    modem.fault("error", code=38)
    assert await gammu("send", phone.number, "x") == "ERR_NETWORK_ERROR"
    modem.fault("error_after_pdu", code=38)
    assert await gammu("send", phone.number, "x") == "ERR_UNKNOWN"
    modem.registered = False
    assert await gammu("send", phone.number, "x") == "ERR_NETWORK_ERROR"
    modem.registered = True
    modem.signal = 99
    assert (await gammu("GetSignalQuality"))["SignalPercent"] == -1
    modem.fault("garbage", command="CSQ")
    assert await gammu("GetSignalQuality") == "ERR_UNKNOWNRESPONSE"
    assert (await gammu("GetSignalQuality"))["SignalPercent"] == -1
    modem.unplug()
    assert await gammu("GetSignalQuality") == "ERR_DEVICEWRITEERROR"
    modem.replug()
    assert await gammu("Init") is None
    assert len(await gammu("send", phone.number, "back again")) == 1
    await phone.expect("back again")


@pytest.fixture
async def modem(request: pytest.FixtureRequest, network: Network, tmp_path: Path) -> AsyncIterator[SimulatedModem]:
    modem = SimulatedModem(network, "+6590000001", link=tmp_path / "ttySIM0", pin=getattr(request, "param", None))
    await modem.start()
    yield modem
    await modem.stop()


@pytest.mark.slow
@pytest.mark.parametrize("modem", ["1234"], indirect=True)
async def test_pin(gammu: Gammu, modem: SimulatedModem) -> None:
    assert await gammu("GetSecurityStatus") == "PIN"
    assert await gammu("GetNetworkInfo") == "ERR_SECURITYERROR"
    assert await gammu("EnterSecurityCode", "PIN", "0000") == "ERR_SECURITYERROR"
    assert modem.sim.tries == 2
    assert await gammu("EnterSecurityCode", "PIN", "1234") is None
    assert await gammu("GetSecurityStatus") is None
    assert await gammu("send", "+6591234567", "unlocked") == [1]
