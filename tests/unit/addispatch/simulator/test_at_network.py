"""Signal, registration, operator."""

from __future__ import annotations

import pytest


async def test_out_of_the_network(host, modem, network, settle) -> None:
    await host.ask("AT+CREG=2;+CMEE=1")
    modem.registered = False
    assert "+CREG: 2\r\n" in await host.hear("CREG.*\r\n")
    assert await host.ask("AT+CMGS=20") == ["+CMS ERROR: 331"]
    assert await host.ask("ATD+6591234567;") == ["+CME ERROR: 30"]
    assert await host.ask("AT+COPS?") == ["+COPS: 0", "OK"]
    await network.phone("+6591234567").send(modem.number, "later")
    await settle()
    assert modem.storages["SM"].slots == {}
    modem.technology = "LTE"
    modem.registered = True
    assert await host.hear("CREG: 1.*\r\n")
    assert await host.ask("AT+CREG?") == ['+CREG: 2,1,"00C3","0001A2B3",7', "OK"]
    assert len(modem.storages["SM"].slots) == 1


async def test_signal_and_operator(host, modem) -> None:
    modem.signal = 99
    assert await host.ask("AT+CSQ") == ["+CSQ: 99,99", "OK"]
    assert await host.ask("AT+COPS=3,0;+COPS?") == ['+COPS: 0,0,"Singtel",6', "OK"]
    assert await host.ask("AT+COPS=3,2;+COPS?") == ['+COPS: 0,2,"52501",6', "OK"]
    with pytest.raises(ValueError, match="technology"):
        modem.technology = "9G"
