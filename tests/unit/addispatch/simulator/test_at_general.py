"""Commands about the device itself."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("AT+CGMI", ["addispatch"]),
        ("AT+CGMM", ["SIM900"]),
        ("AT+CGSN", ["356938030000013"]),
        ("AT+CGSN=?", []),
        ("AT+CIMI", ["525010000000001"]),
        ("AT+CSCS=?", ['+CSCS: ("GSM","IRA","UCS2")']),
        ("AT+CFUN?", ["+CFUN: 1"]),
        ("AT&D2&C1", []),
    ],
)
async def test_answers(host, line, answer) -> None:
    assert await host.ask(line) == [*answer, "OK"]


@pytest.mark.parametrize("line", ["AT+CMEE=3", 'AT+CSCS="KLINGON"', "AT+CFUN=9", "AT+SYNCML=?", "AT$TSSPCSW=?"])
async def test_refuses(host, line) -> None:
    assert await host.ask(line) == ["ERROR"]


async def test_reset_brings_the_defaults_back(host, modem) -> None:
    await host.ask("AT+CMEE=2;+CMGF=1")
    await host.ask("ATZ")
    assert (modem.settings.echo, modem.settings.error_detail, modem.settings.text_mode) == (True, 0, False)
    await host.ask("ATE0+CMEE=2")
    await host.ask("AT+CFUN=1,1")
    assert modem.settings.error_detail == 0


async def test_radio_off_and_on(host, modem) -> None:
    assert await host.ask("AT+CFUN=4") == ["OK"]
    assert (modem.in_network, (await host.ask("AT+CFUN?"))[0]) == (False, "+CFUN: 4")
    await host.ask("AT+CFUN=1")
    assert modem.in_network
