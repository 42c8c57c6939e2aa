"""Coils that are alarms: 0 to 1 raises, 1 to 0 clears, and nobody hears "written" before it is stored (law 1).

Used by ``device``. What a coil was last is kept in the ledger together with its alarm: after a restart a PLC that
writes all its coils again raises nothing twice, and a coil that fell meanwhile clears.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import Alarm, AlarmState, Mark, Refused, StoreError
from addispatch_plugins.modbus_server.frames import Code, ModbusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from addispatch.sdk import Context
    from addispatch_plugins.modbus_server.config import Coil

#: How long a client waits for its alarm to be stored, in seconds; then it is told to come again.
STORE_S = 10.0
_ON, _OFF = b"1", b"0"


class AlarmCoil:
    """One of them."""

    def __init__(self, coil: Coil, context: Context) -> None:
        self._coil, self._context = coil, context
        self._mark = f"modbus_server:{coil.condition}"
        self.is_on = context.recall(self._mark) == _ON
        self._turn = asyncio.Lock()

    async def write(self, *, is_on: bool, client: str) -> None:
        """Done when it is stored; raises ``StoreError`` or ``TimeoutError`` if that is not known."""
        # In turn: who writes the same value must not be told before the first one's alarm is stored.
        async with self._turn:
            if is_on == self.is_on:
                return
            coil = self._coil
            alarm = Alarm(
                text=coil.text,
                source="modbus_server",
                key=coil.condition,
                priority=coil.priority,
                state=AlarmState.RAISED if is_on else AlarmState.CLEARED,
                is_stated=True,
                to=coil.to,
                topic=f"coil/{coil.address}",
                ts=self._context.clock.now(),
                data={"address": coil.address, "client": client},
                mark=Mark(self._mark, _ON if is_on else _OFF),
            )
            try:
                async with asyncio.timeout(STORE_S):
                    # Shielded: a client that goes away takes nothing back.
                    await asyncio.shield(self._context.accept(alarm))
            except Refused:
                self._context.log.warning("coil %d: its alarm is refused", coil.address)
            self.is_on = is_on


class AlarmCoils:
    """All of them, by address."""

    def __init__(self, coils: Sequence[Coil], context: Context) -> None:
        self._coils = {coil.address: AlarmCoil(coil, context) for coil in coils}

    def __contains__(self, address: int) -> bool:
        return address in self._coils

    def value(self, address: int) -> int:
        """Read a coil: 1 while its alarm is raised; 0, too, where there is none."""
        coil = self._coils.get(address)
        return int(coil is not None and coil.is_on)

    async def write(self, address: int, values: Sequence[int], client: str) -> None:
        """Write coils that are all alarms; raises ``ModbusError``. If one fails, the others may be stored."""
        outcomes = await asyncio.gather(
            *(self._coils[address + n].write(is_on=bool(value), client=client) for n, value in enumerate(values)),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, (StoreError, TimeoutError)):
                raise ModbusError(Code.DEVICE_BUSY) from outcome
            if isinstance(outcome, BaseException):
                raise outcome
