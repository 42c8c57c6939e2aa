"""Calls out and in."""

from __future__ import annotations


async def test_calls(host, modem, network) -> None:
    phone = network.phone("+6591234567")
    assert await host.ask("ATD+6591234567;") == ["OK"]
    call = await phone.expect_call()
    assert call.caller == modem.number
    assert (await host.ask("AT+CLCC"))[0] == '+CLCC: 1,0,3,0,0,"+6591234567",145'
    assert await host.ask("AT+CHUP") == ["OK"]
    assert call.ended_at is not None
    await host.ask("ATD91234567;")
    await phone.expect_call()
    await phone.hang_up()
    await host.hear("NO CARRIER\r\n")
    phone.switch_off()
    assert await host.ask("ATD+6591234567;") == ["NO CARRIER"]
    assert network.call("+6598765432", modem.number)
    assert 'RING\r\n\r\n+CLIP: "+6598765432"' in await host.hear("CLIP.*\r\n")
