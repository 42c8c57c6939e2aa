"""Each fault on demand, as the host sees it and as the network sees it."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.simulator.modem_faults import FaultKind
from addispatch.simulator.pdu import Submit, encode_submit, with_smsc
from addispatch.simulator.pdu_body import bodies

_TPDU = encode_submit(Submit("+6591234567", bodies("hello", 1)[0]))
_SEND, _LINE = f"AT+CMGS={len(_TPDU)}", with_smsc("", _TPDU)


async def send(host) -> str:
    assert await host.ask(_SEND) == ["> "]
    return (await host.ask(_LINE, end="\x1a"))[-1]


async def test_error_at_the_prompt(host, modem) -> None:
    modem.fault("error", code=322)
    assert await host.ask(_SEND) == ["+CMS ERROR: 322"]
    assert await send(host) == "OK"


async def test_error_of_other_commands(host, modem) -> None:
    modem.fault("error", command="CSQ", times=2)
    modem.fault("error", command="CREG", code=30)
    assert [await host.ask("AT+CSQ") for _ in range(3)] == [["ERROR"], ["ERROR"], ["+CSQ: 20,0", "OK"]]
    assert await host.ask("AT+CREG?") == ["+CME ERROR: 30"]


async def test_error_after_the_pdu_sends_nothing(host, modem) -> None:
    modem.fault("error_after_pdu", code=38)
    assert await send(host) == "+CMS ERROR: 38"
    modem.fault("error_after_pdu")
    assert await send(host) == "+CMS ERROR: 500"
    assert modem.sent == []


async def test_no_prompt_sends_nothing(host, modem) -> None:
    modem.fault("no_prompt")
    host.write(f"{_SEND}\r".encode())
    assert await host.ask("AT") == ["OK"]
    assert await send(host) == "OK"
    assert len(modem.sent) == 1


async def test_silent_after_the_pdu_has_sent(host, modem, network) -> None:
    modem.fault("silent")
    await host.ask(_SEND)
    host.write(f"{_LINE}\x1a".encode())
    await network.phone("+6591234567").expect("hello")
    assert await host.ask("AT") == ["OK"]


async def test_wedged_until_cleared(host, modem) -> None:
    modem.fault("silent", command="*", times=None)
    host.write(b"ATE1\rAT\rAT+CSQ\r")
    with pytest.raises(AssertionError, match="not heard"):
        await host.hear(".", timeout_s=0.2)
    modem.clear_faults()
    assert await host.ask("AT") == ["OK"]


async def test_slow_holds_everything_up(host, modem) -> None:
    modem.fault("slow", command="CSQ", delay_s=0.2)
    host.write(b"AT+CSQ\rAT+CBC\r")
    heard = await host.hear("CBC.*\r\n\r\nOK")
    assert heard.index("CSQ") < heard.index("CBC")


async def test_late_answer_comes_amid_others(host, modem, network) -> None:
    modem.fault("ok_late", delay_s=0.2)
    await host.ask(_SEND)
    host.write(f"{_LINE}\x1a".encode())
    await network.phone("+6591234567").expect("hello")
    assert await host.ask("AT+CSQ") == ["+CSQ: 20,0", "OK"]
    assert "+CMGS: 1" in await host.hear("OK\r\n")


async def test_flood_before_the_answer(host, modem) -> None:
    modem.fault("urc_flood", delay_s=0.2)
    await host.ask(_SEND)
    host.write(f"{_LINE}\x1a".encode())
    heard = await host.hear(r"\+CMGS: 1\r\n\r\nOK")
    assert heard.count("+CREG: ") == 10


async def test_garbage_before_the_answer(host, modem) -> None:
    modem.fault("garbage", command="CSQ")
    host.write(b"AT+CSQ\r")
    heard = await host.hear("OK\r\n$")
    assert "\xff" in heard
    assert heard.endswith("+CSQ: 20,0\r\n\r\nOK\r\n")


async def test_no_echo_for_so_many_lines(host, modem) -> None:
    await host.ask("ATE1")
    modem.fault("no_echo", times=2)
    heard = []
    for _ in range(3):
        host.write(b"AT\r")
        heard.append(await host.hear("OK\r\n$"))
    assert [line.startswith("AT\r") for line in heard] == [False, False, True]


async def test_unplug_after_the_pdu_has_sent(host, modem, network) -> None:
    modem.fault("unplug")
    await host.ask(_SEND)
    host.write(f"{_LINE}\x1a".encode())
    await host.hear("<gone>")
    await network.phone("+6591234567").expect("hello")
    with pytest.raises(RuntimeError, match="not plugged in"):
        assert modem.port
    modem.replug()
    assert modem.port


async def test_answers_due_after_unplugging_go_nowhere(host, modem, open_host) -> None:
    modem.fault("ok_late", command="CBC", delay_s=0.05)
    modem.fault("slow", command="CSQ", delay_s=0.05)
    host.write(b"AT+CBC\rAT+CSQ\r")
    while modem._session._waiting or not modem._session._busy:
        await asyncio.sleep(0)
    modem.unplug()
    modem.replug()
    with pytest.raises(AssertionError, match="not heard"):
        await open_host(modem.port).hear(".", timeout_s=0.2)


def test_kinds_are_those_promised() -> None:
    promised = "silent error no_prompt error_after_pdu ok_late garbage no_echo slow urc_flood unplug"
    assert set(FaultKind) == set(promised.split())


async def test_unknown_kind(modem) -> None:
    with pytest.raises(ValueError, match="none of"):
        modem.fault("explode")
