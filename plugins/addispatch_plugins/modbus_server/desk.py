"""Acknowledging by holding registers and coils. Used by ``device``.

A client writes a code to its holding registers, then sets coil 0; the answer comes when it is stored. Each address has
registers of its own: two panels that acknowledge at once must not mix their codes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from addispatch.sdk import Refused, StoreError
from addispatch.sdk.operations import Actor, Role
from addispatch_plugins.modbus_server.frames import Code as Exc
from addispatch_plugins.modbus_server.frames import ModbusError
from addispatch_plugins.modbus_server.registers import Code

if TYPE_CHECKING:
    from addispatch.sdk import Context

#: Holding registers that can be written, and all there are.
WRITABLE_COUNT, HOLDING_COUNT = 4, 5
#: Addresses whose registers are kept.
MAX_CLIENTS = 64
#: How long a client waits for its acknowledgement to be stored, in seconds.
STORE_S = 10.0
#: Cases acknowledged at a time, and at most, by one "acknowledge all".
PAGE_COUNT, MAX_PAGES = 100, 100


class Outcome(IntEnum):
    """Holding register 4: what became of this client's last acknowledgement."""

    NONE = 0
    ACKNOWLEDGED = 1
    ALREADY = 2
    REFUSED = 3
    """No such code, or nobody may acknowledge it this way."""
    NOT_STORED = 4
    """Try again."""


@dataclass(slots=True)
class Form:
    """The holding registers of one client."""

    words: tuple[int, ...] = (0,) * WRITABLE_COUNT
    outcome: Outcome = Outcome.NONE


class AckDesk:
    """Takes codes and acknowledges them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._forms: OrderedDict[str, Form] = OrderedDict()

    def read(self, client: str) -> tuple[int, ...]:
        """All holding registers of a client."""
        form = self._forms.get(client) or Form()
        return *form.words, form.outcome

    def write(self, client: str, address: int, values: tuple[int, ...]) -> None:
        """Write some of the first ``WRITABLE_COUNT``."""
        form = self._form(client)
        form.words = form.words[:address] + values + form.words[address + len(values) :]
        form.outcome = Outcome.NONE

    async def acknowledge(self, client: str) -> None:
        """Acknowledge the code in a client's registers; raises ``ModbusError``."""
        form = self._form(client)
        code = str(Code.from_words(form.words))
        if not code:
            form.outcome = Outcome.REFUSED
            raise ModbusError(Exc.ILLEGAL_VALUE)
        form.outcome = await self._act(client, [code])
        if form.outcome is Outcome.REFUSED:
            raise ModbusError(Exc.ILLEGAL_VALUE)
        if form.outcome is Outcome.NOT_STORED:
            raise ModbusError(Exc.DEVICE_BUSY)

    async def acknowledge_all(self, client: str) -> None:
        """Acknowledge everything that waits; raises ``ModbusError``."""
        form, actor = self._form(client), self._actor(client)
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            try:
                async with asyncio.timeout(STORE_S):
                    page = await self._context.operations.cases(actor, state="open", limit=PAGE_COUNT, cursor=cursor)
            except (StoreError, TimeoutError):
                form.outcome = Outcome.NOT_STORED
                raise ModbusError(Exc.DEVICE_BUSY) from None
            codes = [case["code"] for case in page["cases"] if case.get("code")]
            form.outcome = await self._act(client, codes) if codes else Outcome.ALREADY
            if form.outcome is Outcome.NOT_STORED:
                raise ModbusError(Exc.DEVICE_BUSY)
            cursor = page.get("next")
            if cursor is None:
                return

    async def _act(self, client: str, codes: list[str]) -> Outcome:
        try:
            async with asyncio.timeout(STORE_S):
                answer = await self._context.operations.acknowledge(self._actor(client), {"codes": codes})
        except Refused as error:
            self._context.log.info("an acknowledgement by Modbus from %s is refused: %s", client, error)
            return Outcome.REFUSED
        except (StoreError, TimeoutError) as error:
            self._context.log.warning("an acknowledgement by Modbus from %s is not stored: %s", client, error)
            return Outcome.NOT_STORED
        results = {case["result"] for case in answer["cases"]}
        if "acknowledged" in results:
            return Outcome.ACKNOWLEDGED
        return Outcome.ALREADY if "already" in results else Outcome.REFUSED

    @staticmethod
    def _actor(client: str) -> Actor:
        return Actor(f"Modbus {client}", Role.OPERATOR, "modbus_server")

    def _form(self, client: str) -> Form:
        form = self._forms.setdefault(client, Form())
        self._forms.move_to_end(client)
        while len(self._forms) > MAX_CLIENTS:
            self._forms.popitem(last=False)
        return form
