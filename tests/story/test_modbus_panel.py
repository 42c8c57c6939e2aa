"""A panel in a control room that speaks Modbus and nothing else: it raises, shows and acknowledges (SPEC 9)."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from pipelines import ADMIN, until
from pymodbus.client import AsyncModbusTcpClient
from tale import Tale, after, group, people, policy, settings

TEAM = people("Adam", "Bo", "Chief") + settings() + group("Team", "Adam") + policy(after(5, "Bo"))
STATE_S = 4.0


def table(port: int, **options: object) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    coils = [
        '[[plugin.modbus_server.coil]]\naddress = 16\ntext = "Tank 4 is full"\nkey = "tank 4"\nto = ["Team"]',
        '[[plugin.modbus_server.coil]]\naddress = 17\ntext = "Door is open"\npriority = "low"\nto = ["Team"]',
    ]
    return "\n".join([f'[plugin.modbus_server]\nlisten = "127.0.0.1:{port}"', *lines, *coils])


@contextlib.asynccontextmanager
async def panel(port: int) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
    await until(client.connect)
    try:
        yield client
    finally:
        client.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


async def test_a_panel_raises_shows_and_acknowledges(tmp_path: Path) -> None:
    port = free_port()
    async with Tale(tmp_path, TEAM, more=table(port)) as tale, panel(port) as client:

        async def shows(address: int, *values: int) -> None:
            async def does() -> bool:
                return (await client.read_input_registers(address, count=len(values))).registers == list(values)

            await until(does, STATE_S)

        await shows(4, 0, 0, 0, 0, 0, 0, 0, 0)
        assert not (await client.write_coil(16, True)).isError()
        text = await tale.phone("Adam").expects("Tank 4 is full")
        (case,) = (await tale.operations.cases(ADMIN))["cases"]
        assert (case["key"], case["source"], case["priority"]) == ("tank 4", "modbus_server", "high")
        assert case["code"] in text
        code = case["code"]
        await shows(4, 1, 1)
        await shows(7, 2, ord(code[0]), 0, int(code[1:]), len(code) - 1)
        registers = (await client.read_input_registers(8, count=4)).registers
        await client.write_registers(0, registers)
        assert not (await client.write_coil(0, True)).isError()
        assert (await client.read_holding_registers(4, count=1)).registers == [1]
        (case,) = (await tale.operations.cases(ADMIN))["cases"]
        assert (case["state"], case["acknowledged_by"]) == ("acknowledged", "Modbus 127.0.0.1")
        await tale.phone("Adam").expects("Modbus 127.0.0.1")
        await shows(4, 1, 0)
        assert not (await client.write_coil(16, False)).isError()
        await shows(4, 0, 0)
        (case,) = (await tale.operations.cases(ADMIN))["cases"]
        assert case["state"] == "closed"


async def test_a_restart_in_between_raises_nothing_twice(tmp_path: Path) -> None:
    port = free_port()
    async with Tale(tmp_path, TEAM, more=table(port)) as tale:
        async with panel(port) as client:
            await client.write_coils(16, [True, True])
            await tale.phone("Adam").expects("Tank 4 is full")
            await tale.phone("Adam").expects("Door is open")
        await tale.crash()
        async with panel(port) as client:
            assert (await client.read_coils(16, count=2)).bits[:2] == [True, True]
            await client.write_coils(16, [True, True])
            await tale.phone("Adam").is_silent()
            await client.write_coil(16, False)
            await tale.quiet()
            states = {case["text"]: case["state"] for case in (await tale.operations.cases(ADMIN))["cases"]}
            assert states == {"Tank 4 is full": "closed", "Door is open": "open"}


async def test_everything_is_acknowledged_by_one_coil_where_that_is_wanted(tmp_path: Path) -> None:
    port = free_port()
    async with Tale(tmp_path, TEAM, more=table(port, acknowledge_all=True)) as tale, panel(port) as client:
        await client.write_coils(16, [True, True])
        assert not (await client.write_coil(1, True)).isError()
        cases = (await tale.operations.cases(ADMIN))["cases"]
        assert {case["state"] for case in cases} == {"acknowledged"}
        assert len(cases) == 2
