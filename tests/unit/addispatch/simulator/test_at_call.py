"""Calls out and in."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.simulator.call import Progress


async def test_calls(host, modem, network) -> None:
    phone = network.phone("+6591234567")
    assert await host.ask("ATD+6591234567;") == ["OK"]
    call = await phone.expect_call()
    assert call.caller == modem.number
    assert (await host.ask("AT+CLCC"))[0] == '+CLCC: 1,0,3,0,0,"+6591234567",145'
    assert await host.ask("AT+CHUP") == ["OK"]
    assert call.ended_at is not None
    assert await host.ask("AT+CLCC") == ["OK"]
    await host.ask("ATDT91234567;")
    await phone.expect_call()
    await phone.hang_up()
    await host.hear("NO CARRIER\r\n")
    assert modem.dialled == ["+6591234567", "91234567"]
    network.call("+6598765432", modem.number)
    assert 'RING\r\n\r\n+CLIP: "+6598765432"' in await host.hear("CLIP.*\r\n")
    assert await host.ask("ATH") == ["OK"]


async def test_dialling_comes_before_ringing_and_talking_after(host, network) -> None:
    network.call_setup_s = 0.2
    phone = network.phone("+6591234567")
    phone.when_called("answer", after_s=0.2)
    await host.ask("ATD+6591234567;")
    assert ",0,2,0," in (await host.ask("AT+CLCC"))[0]
    call = await phone.expect_call()
    assert ",0,3,0," in (await host.ask("AT+CLCC"))[0]
    while call.answered_at is None:
        await asyncio.sleep(0.01)
    assert ",0,0,0," in (await host.ask("AT+CLCC"))[0]
    assert call.ended_at is None
    await host.ask("ATH")
    assert call.duration_s is not None
    assert call.duration_s >= 0.2


@pytest.mark.parametrize("waits", [False, True], ids=["OK first", "answered when it is decided"])
@pytest.mark.parametrize(
    ("manner", "says"), [("busy", "BUSY"), ("decline", "BUSY"), ("off", "NO CARRIER"), ("never", "NO ANSWER")]
)
async def test_ways_to_fail(host, modem, network, manner, says, waits) -> None:
    modem.dial_waits = waits
    phone = network.phone("+6591234567")
    if manner == "off":
        phone.switch_off()
    elif manner == "never":
        network.ring_limit_s = 0.1
    else:
        phone.when_called(manner)
    host.write(b"ATD+6591234567;\r")
    heard = await host.hear(f"\r\n{says}\r\n")
    assert ("\r\nOK\r\n" in heard) is not waits
    assert modem.call is None
    assert [call.ended_at for call in phone.calls if call.ended_at is None] == []


async def test_an_answer_that_waits_comes_when_the_call_is_taken(host, modem, network) -> None:
    modem.dial_waits = True
    network.phone("+6591234567").when_called("answer", after_s=0.1)
    assert await host.ask("ATD+6591234567;") == ["OK"]
    assert ",0,0,0," in (await host.ask("AT+CLCC"))[0]


async def test_whatever_is_typed_ends_dialling_that_waits(host, modem, network) -> None:
    modem.dial_waits = True
    phone = network.phone("+6591234567")
    host.write(b"ATD+6591234567;\r")
    call = await phone.expect_call()
    host.write(b"AT+CSQ\r")
    assert "CSQ" not in await host.hear("NO CARRIER\r\n")
    assert call.ended_at is not None
    assert (await host.ask("AT+CSQ"))[-1] == "OK"


async def test_no_calls_without_network_or_beside_another(host, modem, network) -> None:
    assert await host.ask("ATD+6591234567;") == ["OK"]
    assert await host.ask("ATD+6598765432;") == ["NO CARRIER"]
    await network.phone("+6591234567").expect_call()
    assert network.phone("+6598765432").calls == []
    modem.registered = False
    await host.hear("NO CARRIER")
    await host.ask("AT+CMEE=1")
    assert await host.ask("ATD+6591234567;") == ["+CME ERROR: 30"]
    assert await host.ask("ATD+6591234567") == ["ERROR"]


@pytest.mark.parametrize(("kind", "code", "says"), [("error", None, "ERROR"), ("error", 30, "+CME ERROR: 30")])
async def test_errors_on_demand(host, modem, kind, code, says) -> None:
    modem.fault(kind, command="D", code=code)
    assert await host.ask("ATD+6591234567;") == [says]
    assert modem.dialled == []


async def test_silent_on_demand_calls_all_the_same(host, modem, network) -> None:
    modem.fault("silent", command="D")
    host.write(b"ATD+6591234567;\r")
    call = await network.phone("+6591234567").expect_call()
    assert b"OK" not in host.heard
    await host.ask("AT+CHUP")
    assert call.ended_at is not None


async def test_pulling_the_plug_ends_the_call(host, modem, network) -> None:
    await host.ask("ATD+6591234567;")
    call = await network.phone("+6591234567").expect_call()
    modem.unplug()
    assert call.ended_at is not None
    assert modem.ring("+6591234567") is Progress.NO_CARRIER
