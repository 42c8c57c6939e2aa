"""What the monitors of a device share: the connection, turns, and patience with what does not answer."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from modbus_devices import HOST, missing_unit, pymodbus_device, request, rogue, saying, sim_device, swallow

from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.deadline import Deadline
from addispatch_plugins.modbus.keys import LineKey
from addispatch_plugins.modbus.line import PATIENT_COUNT, Line, Trouble
from addispatch_plugins.modbus.problems import Asked, LateError, LinkError, RefusedError

ONE = Asked(1, Register.HOLDING, 0)
GOOD = bytes.fromhex("0000 0005 01 0302 0007")


@pytest.fixture
def line_to():
    lines = []
    with ThreadPoolExecutor(1) as executor:

        def make(port: int, **options) -> Line:
            lines.append(Line(LineKey(HOST, port, False), executor, **options))
            return lines[-1]

        yield make
        for line in lines:
            line.close()


within = Deadline.within


async def test_one_request_at_a_time_over_one_connection(line_to):
    busy, most = 0, 0

    async def action(function, start, address, count, registers, values):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.005)
        busy -= 1

    async with pymodbus_device(sim_device(1, holding={0: 7}, action=action)) as device:
        line = line_to(device.port)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(line.ask(ONE, within(5))) for _ in range(8)]
        assert [one.result() for one in asked] == [b"\0\7"] * 8
        assert (most, device.connection_count, line.answered_count) == (1, 1, 8)
        assert line.is_connected
        assert not line.is_busy


async def test_an_idle_connection_the_device_closed_is_no_failure(line_to):
    async def talk(reader, writer):
        writer.write((await request(reader))[:2] + GOOD)
        await reader.readexactly(12)  # and goes without a word

    async with rogue(talk) as device:
        line = line_to(device.port)
        for _ in range(3):
            assert await line.ask(ONE, within(5)) == b"\0\7"
        assert device.connection_count == 3
        assert line.problems() == {}


async def test_a_device_that_always_closes_is_asked_once(line_to):
    async with rogue(saying(lambda _: b"", then_waits=False)) as device:
        line = line_to(device.port)
        with pytest.raises(LinkError, match="closed without an answer"):
            await line.ask(ONE, within(5))
        assert device.connection_count == 1
        assert line.problems() == {1: "the connection was closed without an answer"}
        assert not line.is_connected


async def test_after_a_failure_the_connection_is_a_new_one(line_to):
    """Or the late answer to one request would be taken for that to the next."""
    answers = iter([b"", GOOD])
    async with rogue(saying(lambda asked: (said := next(answers)) and asked[:2] + said)) as device:
        line = line_to(device.port)
        with pytest.raises(LateError):
            await line.ask(ONE, within(0.1))
        await device.until(lambda: device.open_count == 0)
        assert await line.ask(ONE, within(5)) == b"\0\7"
        assert line.problems() == {}


async def test_who_waited_hears_of_the_failure_at_once(line_to):
    """A host that swallows packets costs one time-out, not one for each who waits."""
    async with rogue(swallow) as device:
        line = line_to(device.port)
        began_s = asyncio.get_running_loop().time()
        asked = [line.ask(ONE, within(0.2)), *(line.ask(ONE, within(5)) for _ in range(20))]
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert {str(error) for error in errors} == {"no answer within 0.2 s"}
        assert asyncio.get_running_loop().time() - began_s < 1
        assert device.connection_count == 1


async def test_pauses_grow_and_the_problem_is_repeated(line_to):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        line = line_to(taken.getsockname()[1], back_off_s=0.3)
        for _ in range(PATIENT_COUNT + 1):
            with pytest.raises(LinkError, match="connection refused"):
                await line.ask(ONE, within(5))
        paused_s = asyncio.get_running_loop().time()
        taken.listen()
        with pytest.raises(LinkError, match="connection refused"):
            await line.ask(ONE, within(0.1))
        while True:  # somebody listens, and says nothing: another problem, once it is tried again
            try:
                await line.ask(ONE, within(0.05))
            except LateError:
                break
            except LinkError:
                await asyncio.sleep(0.02)
        assert 0.2 < asyncio.get_running_loop().time() - paused_s < 2


def test_pauses():
    trouble, pauses = Trouble(), []
    for _ in range(12):
        trouble.failed("x", 100.0, 30.0)
        pauses.append(trouble.until_s - 100)
    assert pauses[:PATIENT_COUNT] == [0] * PATIENT_COUNT
    for pause, longest in zip(pauses[PATIENT_COUNT:], [1, 2, 4, 8, 16, 30, 30, 30, 30], strict=True):
        assert 0.8 * longest <= pause <= longest


async def test_a_silent_unit_leaves_the_others_their_turn(line_to):
    asked_units = []

    async def talk(reader, writer):
        while True:
            asked = await request(reader)
            asked_units.append(asked[6])
            if asked[6] == 1:
                writer.write(asked[:2] + GOOD)

    async with rogue(talk) as device:
        line = line_to(device.port)
        line.watch([1, 1, 2])
        silent = ONE._replace(unit=2)
        for limit in ("0.2", "0.05"):  # half of the time-out, then an eighth
            answers = await asyncio.gather(
                line.ask(silent, within(0.4)), line.ask(ONE, within(0.4)), return_exceptions=True
            )
            assert str(answers[0]) == f"no answer within {limit} s (its share of 0.4 s)"
            assert answers[1] == b"\0\7"
        assert list(line.problems()) == [2]


async def test_no_turn_is_not_the_fault_of_who_waits(line_to):
    async with rogue(swallow) as device:
        line = line_to(device.port)
        first, second = await asyncio.gather(
            line.ask(ONE, within(0.3)), line.ask(ONE._replace(unit=2), within(0.1)), return_exceptions=True
        )
        assert str(first) == "no answer within 0.3 s"
        assert str(second) == f"no turn within 0.1 s: others on {HOST}:{device.port} take long"
        assert list(line.problems()) == [1]


async def test_a_refusal_keeps_the_connection(line_to):
    async with pymodbus_device(sim_device(1, holding={0: 7}), missing_unit(5)) as device:
        line = line_to(device.port)
        with pytest.raises(RefusedError, match="no holding register 9"):
            await line.ask(ONE._replace(number=9), within(5))
        with pytest.raises(RefusedError, match="unit 5 does not answer"):
            await line.ask(ONE._replace(unit=5), within(5))
        assert await line.ask(ONE, within(5)) == b"\0\7"
        assert device.connection_count == 1
        assert line.problems() == {}


async def test_trouble_of_a_unit_nobody_reads_any_more_is_forgotten(line_to):
    async with rogue(swallow) as device:
        line = line_to(device.port)
        for unit in (1, 2):
            with pytest.raises(LateError):
                await line.ask(ONE._replace(unit=unit), within(0.05))
        line.watch([1, 1])
        assert list(line.problems()) == [1]
        assert (line.units, line.monitor_count) == ({1}, 2)


async def test_a_cancelled_request_leaves_no_answer_behind(line_to):
    async with rogue(swallow) as device:
        line = line_to(device.port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await line.ask(ONE, within(5))
        assert not line.is_connected
        assert not line.is_busy
        await device.until(lambda: device.open_count == 0)
