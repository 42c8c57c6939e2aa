"""Lines nobody asked for, between the answers."""

from __future__ import annotations

import pytest


async def test_chatter_goes_on_until_it_is_told_to_stop(host, modem) -> None:
    modem.chatter.per_s = 200
    heard = await host.hear(r"(?s)(\^RSSI: 18.*){3}")
    assert "+CREG: 1" in heard
    modem.chatter.per_s = 0
    await host.ask("AT")
    with pytest.raises(AssertionError, match="not heard"):
        await host.hear("RSSI", timeout_s=0.1)


async def test_commands_are_answered_amid_it(host, modem) -> None:
    modem.chatter.per_s = 500
    await host.hear("RSSI")
    host.write(b"AT+CSQ\r")
    assert "+CSQ: 20,0" in await host.hear(r"\+CSQ: [^\r]*\r\n\r\nOK")


async def test_none_without_a_port(modem) -> None:
    modem.chatter.per_s = 1000
    modem.unplug()
    modem.chatter._next()
    modem.replug()
    assert modem.chatter.per_s == 1000
