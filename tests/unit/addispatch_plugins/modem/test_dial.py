"""A call by AT commands, on a serial line to the simulated modem; no gammu here."""

import asyncio
import os
import threading
import time
import tty

import pytest

from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem import dial

ADAM = "+6591234567"


class Desk:
    """A modem, its port, and a phone that may ring."""

    def __init__(self, modem, fd):
        self.modem, self.fd = modem, fd
        self.phone = modem.network.phone(ADAM)
        self.stop = threading.Event()
        self.told_count = 0

    async def call(self, ring_s=0.4, number=ADAM):
        def tell():
            self.told_count += 1

        call = dial.Call(dial.Line(self.fd), ring_s, self.stop)
        return await asyncio.to_thread(call.run, number, tell)


def outcome(**changes):
    plain = {"placed": True, "listed": True, "rang": False, "end": "", "stopped": False, "lost": False}
    return plain | changes


@pytest.fixture
async def desk(monkeypatch):
    monkeypatch.setattr(dial, "ASK_S", 0.05)
    monkeypatch.setattr(dial, "SETUP_S", 0.5)
    monkeypatch.setattr(dial, "ANSWER_S", 1.0)
    monkeypatch.setattr(dial, "SETTLE_S", 0.1)
    monkeypatch.setattr(dial, "TICK_S", 0.02)
    modem = SimulatedModem(Network(call_setup_s=0.1), "+6590000001")
    await modem.start()
    fd = os.open(modem.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    yield Desk(modem, fd)
    os.close(fd)
    await modem.stop()


async def test_it_rings_so_long_from_the_first_ring_and_hangs_up(desk):
    desk.modem.network.call_setup_s = 0.4
    assert await desk.call() == outcome(rang=True)
    [call] = desk.phone.calls
    assert 0.35 <= call.duration_s < 0.8
    assert (call.caller, call.answered_at) == (desk.modem.number, None)
    assert desk.told_count == 1


@pytest.mark.parametrize(
    ("manner", "expected"),
    [
        ("busy", outcome(end="BUSY")),
        ("off", outcome(end="NO CARRIER")),
        ("decline", outcome(end="BUSY", rang=True)),
        ("answer", outcome(rang=True)),
    ],
)
async def test_what_the_called_party_does(desk, manner, expected):
    if manner == "off":
        desk.phone.switch_off()
    else:
        desk.phone.when_called(manner, after_s=0.2)
    assert await desk.call() == expected
    assert desk.modem.call is None
    assert not [call for call in desk.phone.calls if call.duration_s is None or call.duration_s > 0.4]


@pytest.mark.parametrize(
    ("manner", "expected"),
    [
        ("busy", outcome(placed=False, listed=False, end="BUSY")),
        ("answer", outcome(rang=True)),
        ("ring", outcome(listed=False)),
    ],
)
async def test_a_modem_that_answers_when_the_call_is_taken(desk, manner, expected):
    """It is asked nothing meanwhile, for that would end the call; the time then counts from dialling."""
    desk.modem.dial_waits = True
    desk.phone.when_called(manner, after_s=0.2)
    assert await desk.call() == expected
    assert desk.modem.call is None
    assert all(call.ended_at for call in desk.phone.calls)


async def test_a_modem_without_a_list_of_calls_rings_all_the_same(desk):
    desk.modem.fault("error", command="CLCC", times=None)
    assert await desk.call() == outcome(listed=False)
    [call] = desk.phone.calls
    assert 0.2 <= call.duration_s < 0.5


async def test_a_network_that_never_puts_it_through(desk):
    desk.modem.network.call_setup_s = 60
    assert await desk.call() == outcome()
    assert (desk.phone.calls, desk.modem.call) == ([], None)


async def test_a_call_that_vanishes_from_the_list_is_over(desk):
    asyncio.get_running_loop().call_later(0.3, setattr, desk.modem, "call", None)
    assert await desk.call(ring_s=5) == outcome(rang=True, end="NO CARRIER")


@pytest.mark.parametrize("command", ["CLCC", "CHUP"])
async def test_a_slow_modem_has_said_everything_in_the_end(desk, command):
    """What it says later, gammu would take for the answer to its next command."""
    desk.phone.when_called("answer", after_s=0.1)
    desk.modem.fault("slow", command=command, times=None, delay_s=0.4)
    assert await desk.call(ring_s=1) == outcome(rang=True)
    assert desk.modem.call is None
    await asyncio.sleep(0.5)
    line = dial.Line(desk.fd)
    assert line.read(0) is None


@pytest.mark.parametrize(("code", "end"), [(None, "ERROR"), (30, "+CME ERROR: 30")])
async def test_refused(desk, code, end):
    desk.modem.fault("error", command="D", code=code)
    assert await desk.call() == outcome(placed=False, listed=False, end=end)


async def test_silence_instead_of_an_answer(desk):
    desk.modem.fault("silent", command="D")
    assert await desk.call() == outcome(placed=False, listed=False)
    assert desk.phone.calls[0].ended_at is not None, "it had dialled all the same"


@pytest.mark.parametrize("fault", ["silent", "unplug"])
async def test_a_modem_that_is_lost_in_mid_call(desk, fault):
    desk.modem.fault("silent" if fault == "silent" else "ok_late", command="D", delay_s=30)
    asyncio.get_running_loop().call_later(
        0.2, lambda: desk.modem.unplug() if fault == "unplug" else desk.modem.fault("silent", command="*", times=None)
    )
    assert await desk.call() == outcome(placed=False, listed=False, lost=True)


async def test_it_rang_is_known_even_of_a_modem_that_is_lost_then(desk):
    asyncio.get_running_loop().call_later(0.25, desk.modem.unplug)
    assert await desk.call(ring_s=5) == outcome(rang=True, lost=True)


async def test_noise_is_nothing(desk):
    desk.modem.fault("garbage", command="D")
    desk.modem.fault("urc_flood", command="CLCC", delay_s=0.1)
    assert await desk.call() == outcome(rang=True)


async def test_it_can_be_ended_early(desk):
    asyncio.get_running_loop().call_later(0.3, desk.stop.set)
    began_s = time.perf_counter()
    assert await desk.call(ring_s=20) == outcome(rang=True, stopped=True)
    assert time.perf_counter() - began_s < 1.5
    assert desk.phone.calls[0].ended_at is not None


@pytest.mark.parametrize("number", ["123;\rAT+CMGD=3", "12;34", "", "+", "1" * 16, "123\r", "٣٤٥٦", ">1"])
async def test_only_numbers_are_dialled(desk, number):
    with pytest.raises(ValueError, match="no phone number"):
        await desk.call(number=number)
    assert (desk.modem.dialled, desk.told_count) == ([], 0)


@pytest.mark.parametrize(("kind", "answered"), [(None, True), ("error", True), ("silent", False)])
async def test_hanging_up(desk, kind, answered):
    desk.modem.dial("91234567")
    if kind:
        desk.modem.fault(kind, command="CHUP")
    line = dial.Line(desk.fd)
    assert await asyncio.to_thread(line.hang_up) is answered
    assert desk.modem.call is None
    assert await asyncio.to_thread(line.hang_up), "fine without a call"
