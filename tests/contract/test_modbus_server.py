"""The modbus_server plugin keeps the contracts of plugins and sources, with pymodbus's client as the PLC."""

import asyncio
import contextlib
import socket
from typing import ClassVar

import pytest
from pipelines import until
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from addispatch.sdk.testing.plugin_contract import PluginContract
from addispatch.sdk.testing.source_contract import SourceContract
from addispatch_plugins.modbus_server import plugin


class TestModbusServerPlugin(PluginContract):
    entry_point = "addispatch_plugins.modbus_server:plugin"
    config: ClassVar = {}


class TestModbusServerSource(SourceContract):
    @pytest.fixture
    def port(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            return sock.getsockname()[1]

    @pytest.fixture
    async def instance(self, context, port):
        coil = {"address": 16, "text": "Tank is full"}
        instance = plugin.create(plugin.config.model_validate({"listen": f"127.0.0.1:{port}", "coil": [coil]}), context)
        await instance.start()
        await until(lambda: "not" not in instance.status_line())
        yield instance
        await instance.stop()

    @pytest.fixture
    async def stimulus(self, instance, port):
        class Plc:
            """Sets a coil; what is busy is written again when it is offered again."""

            def __init__(self):
                self.client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5, retries=0)
                self.writing = None

            async def raise_alarm(self):
                if not self.client.connected and not await self.client.connect():
                    raise ConnectionError
                self.writing = asyncio.get_running_loop().create_task(self.client.write_coil(16, True, device_id=1))

            async def wait_confirmed(self, timeout_s):
                try:
                    answer = await asyncio.wait_for(asyncio.shield(self.writing), timeout_s)
                except ModbusException:
                    raise TimeoutError from None
                if answer.isError():
                    raise TimeoutError

            async def offer_again(self):
                await self.raise_alarm()

        plc = Plc()
        yield plc
        plc.client.close()
        if plc.writing is not None:
            plc.writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ModbusException):
                await plc.writing
