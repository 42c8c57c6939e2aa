"""The device that clients see: which address is what, and what may be done with it. Used by ``server``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch_plugins.modbus_server.alarms import AlarmCoils
from addispatch_plugins.modbus_server.config import LAST_ALARM_COIL
from addispatch_plugins.modbus_server.desk import HOLDING_COUNT, WRITABLE_COUNT, AckDesk
from addispatch_plugins.modbus_server.frames import Code, Function, ModbusError, answer
from addispatch_plugins.modbus_server.watcher import Watcher

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modbus_server.config import ModbusServerConfig
    from addispatch_plugins.modbus_server.frames import Request

#: Our own coils: set, they do something; read, they are 0.
ACKNOWLEDGE, ACKNOWLEDGE_ALL = 0, 1
COIL_COUNT = LAST_ALARM_COIL + 1

_WRITES = (Function.WRITE_COIL, Function.WRITE_COILS, Function.WRITE_REGISTER, Function.WRITE_REGISTERS)


class Device:
    """Answers requests."""

    def __init__(self, config: ModbusServerConfig, context: Context) -> None:
        self._config = config
        self.watcher = Watcher(context)
        self._coils = AlarmCoils(config.coil, context)
        self._desk = AckDesk(context)

    async def answer(self, request: Request, client: str) -> bytes:
        """Return the PDU of the answer; raises ``ModbusError``. ``client`` is the address it came from."""
        if request.function in _WRITES:
            if self._config.read_only:
                raise ModbusError(Code.ILLEGAL_FUNCTION)
            if request.function in (Function.WRITE_COIL, Function.WRITE_COILS):
                await self._write_coils(request, client)
            else:
                self._write_registers(request, client)
            return answer(request)
        return answer(request, self._read(request, client))

    def _read(self, request: Request, client: str) -> tuple[int, ...]:
        begin, end = request.address, request.address + request.count
        if request.function is Function.READ_COILS:
            _within(end, COIL_COUNT)
            return tuple(self._coils.value(address) for address in range(begin, end))
        if request.function is Function.READ_INPUT:
            values = self.watcher.picture.inputs
        elif request.function is Function.READ_DISCRETE:
            values = self.watcher.picture.discrete
        else:
            values = self._desk.read(client)
        _within(end, len(values))
        return values[begin:end]

    def _write_registers(self, request: Request, client: str) -> None:
        end = request.address + request.count
        _within(end, HOLDING_COUNT)
        if end > WRITABLE_COUNT:  # the outcome is for reading
            raise ModbusError(Code.ILLEGAL_ADDRESS)
        self._desk.write(client, request.address, request.values)

    async def _write_coils(self, request: Request, client: str) -> None:
        addresses = range(request.address, request.address + request.count)
        if all(address in self._coils for address in addresses):
            await self._coils.write(request.address, request.values, client)
        elif request.count > 1:  # commands are given one at a time: half done could not be told
            raise ModbusError(Code.ILLEGAL_ADDRESS)
        elif request.address == ACKNOWLEDGE:
            if request.values[0]:
                await self._desk.acknowledge(client)
        elif request.address == ACKNOWLEDGE_ALL and self._config.acknowledge_all:
            if request.values[0]:
                await self._desk.acknowledge_all(client)
        else:
            raise ModbusError(Code.ILLEGAL_ADDRESS)


def _within(end: int, count: int) -> None:
    if end > count:
        raise ModbusError(Code.ILLEGAL_ADDRESS)
