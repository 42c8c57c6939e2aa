"""Each order does what it says, and what cannot be is said in one line."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.simulator.orders import _DO, ORDERS, obey


async def test_faults_with_all_their_fields(host, modem) -> None:
    obey(modem, "fault error:CSQ:2")
    assert [await host.ask("AT+CSQ") for _ in range(3)] == [["ERROR"], ["ERROR"], ["+CSQ: 20,0", "OK"]]
    obey(modem, "fault error:CREG:1:30")
    assert await host.ask("AT+CREG?") == ["+CME ERROR: 30"]
    obey(modem, "fault slow:CBC:1:0.05")
    assert await host.ask("AT+CBC") == ["+CBC: 0,100", "OK"]
    obey(modem, "fault error:CGMI:always")
    assert [await host.ask("AT+CGMI") for _ in range(3)] == [["ERROR"]] * 3
    obey(modem, "mend")
    assert await host.ask("AT+CGMI") == ["addispatch", "OK"]


async def test_echo_stays_off_until_mended(host, modem) -> None:
    await host.ask("ATE1")
    obey(modem, "fault no_echo:*:always")
    for _ in range(3):
        host.write(b"AT\r")
        assert not (await host.hear("OK\r\n$")).startswith("AT\r")
    obey(modem, "mend")
    host.write(b"AT\r")
    assert (await host.hear("OK\r\n$")).startswith("AT\r")


async def test_plug(modem, tmp_path) -> None:
    obey(modem, "unplug")
    assert not modem.plugged_in
    obey(modem, f"replug {tmp_path}/ttyOther")
    assert modem.port == f"{tmp_path}/ttyOther"
    assert (tmp_path / "ttyOther").is_symlink()
    obey(modem, "unplug")
    obey(modem, "replug")
    assert modem.port == f"{tmp_path}/ttyOther"


async def test_sim_signal_and_network(host, modem) -> None:
    obey(modem, "signal 99")
    assert await host.ask("AT+CSQ") == ["+CSQ: 99,99", "OK"]
    obey(modem, "network off")
    assert await host.ask("AT+CREG?") == ["+CREG: 0,2", "OK"]
    await host.ask("AT+CMEE=1")
    for order, answer in (("in", "+CPIN: READY"), ("pin", "+CPIN: SIM PIN"), ("puk", "+CPIN: SIM PUK")):
        obey(modem, f"sim {order}")
        assert (await host.ask("AT+CPIN?"))[0] == answer
    obey(modem, "sim out")
    assert await host.ask("AT+CPIN?") == ["+CME ERROR: 10"]
    obey(modem, "mend")
    assert modem.in_network
    assert await host.ask("AT+CSQ") == ["+CSQ: 20,0", "OK"]


async def test_memories(host, modem, network, settle) -> None:
    obey(modem, "fill")
    assert await host.ask("AT+CPMS?") == ['+CPMS: "SM",50,50,"SM",50,50,"SM",50,50', "OK"]
    network.write("+6591234567", modem.number, "waits")
    await settle()
    assert network.waiting_count(modem.number) == 1
    obey(modem, "empty")
    await settle()
    assert (network.waiting_count(modem.number), len(modem.storages["SM"].slots)) == (0, 1)


async def test_each_message_is_announced_twice(host, modem, network) -> None:
    await host.ask("AT+CNMI=2,1,0,2,0")
    obey(modem, "announce 2")
    network.write("+6591234567", modem.number, "hello")
    assert await host.hear(r"(?s)CMTI.*CMTI[^\r]*\r\n") == '\r\n+CMTI: "SM",1\r\n' * 2


async def test_announced_in_one_go(host, modem, network) -> None:
    await host.ask("AT+CNMI=2,1,0,2,0")
    obey(modem, "announce 1 0.05")
    written = []
    modem._session._write = written.append
    for number in range(12):
        network.write("+6591234567", modem.number, f"sms {number}")
    while not written:
        await asyncio.sleep(0.01)
    assert [chunk.count(b"+CMTI") for chunk in written] == [12]


async def test_slow_line_carries_so_many_bytes_a_second(host, modem) -> None:
    obey(modem, "speed 1000")
    began_s = asyncio.get_running_loop().time()
    await host.ask("ATI")  # 5 bytes there, some 60 back
    took_s = asyncio.get_running_loop().time() - began_s
    assert 0.04 < took_s < 2
    obey(modem, "speed full")
    assert modem.bytes_per_s is None


async def test_chatter(host, modem) -> None:
    obey(modem, "chatter 100")
    await host.hear("RSSI")
    obey(modem, "chatter 100 +CIEV: 2,4")
    await host.hear(r"\+CIEV: 2,4")
    obey(modem, "mend")
    assert modem.chatter.per_s == 0


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ("explode", "order: 'explode' is none of fault KIND"),
        ("", "order: '' is none of"),
        ("signal loud", "signal: 'loud' is no number from 0 to 31"),
        ("signal 50", "signal: "),
        ("network maybe", "network: on or off"),
        ("sim lost", "sim: in, out"),
        ("speed -1", "speed: "),
        ("chatter 1e9", "chatter: "),
        ("announce 99", "announce: "),
        ("fault explode", "'explode' is none of error"),
        ("fault silent:CMGS:often", "fault: 'often' is no number"),
        ("fault slow:CMGS:1:long", "fault: 'long' is no figure"),
    ],
)
async def test_mistakes(modem, order, problem) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        obey(modem, order)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_every_order_is_listed() -> None:
    assert [word for word in _DO if word not in ORDERS] == []
