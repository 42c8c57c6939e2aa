"""Reads the monitors of one unit together: plans the requests, asks, decodes. Made and called by ``probe``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from addispatch.sdk import Reading
from addispatch_plugins.modbus.address import Register
from addispatch_plugins.modbus.deadline import Deadline
from addispatch_plugins.modbus.plan import Block, Span, merge
from addispatch_plugins.modbus.problems import (
    Asked,
    LateError,
    LinkError,
    ModbusError,
    RefusedError,
    UnreachableError,
)
from addispatch_plugins.modbus.values import Type, Value, bit_of, decode

if TYPE_CHECKING:
    from addispatch_plugins.modbus.config import ModbusConfig
    from addispatch_plugins.modbus.keys import ModbusKeys
    from addispatch_plugins.modbus.line import Line

#: How long a device's refusal of a common request is remembered.
CAREFUL_S = 300.0


class Reader:
    """The monitors of one unit with one interval."""

    def __init__(
        self, keys: Sequence[ModbusKeys], line: Line, config: ModbusConfig, tell: Callable[[str, str], None]
    ) -> None:
        """``tell(name, problem)`` is called with how writing a watchdog register went."""
        self.keys = tuple(keys)
        """Kept, so that their identities stay theirs."""
        self.line, self._config, self._tell = line, config, tell
        self._unit = keys[0].unit
        self._spans = [Span(one.table, one.number, one.count) for one in keys]
        self._decoders = [decoder(one) for one in keys]
        self._seen: list[tuple[bytes | None, Value]] = [(None, 0)] * len(keys)
        """What each monitor's registers were last, and what that means."""
        self._watchdogs = sorted({one.watchdog_number for one in keys if one.watchdog_number is not None})
        self._alone: set[Span] = set()
        """Not to be read together with others, for a while."""
        self._shunned: set[Span] = set()
        """Answered by silence or rubbish: read apart and last."""
        self._careful_until_s = 0.0
        self._blocks = self._merged()

    async def read(self, timeout_s: float) -> list[Reading]:
        """Return a reading for each monitor, in order; raises nothing."""
        loop = asyncio.get_running_loop()
        deadline = Deadline.within(timeout_s)
        if self._careful_until_s and loop.time() >= self._careful_until_s:
            self._careful_until_s, self._alone = 0.0, set()
            self._blocks = self._merged()
        readings: list[Reading | None] = [None] * len(self.keys)
        try:
            await self._read_blocks(readings, deadline)
            for number in self._watchdogs:
                await self._write_watchdog(number, deadline)
        except ModbusError as error:
            failed = Reading(problem=str(error))
            return [reading or failed for reading in readings]
        return [reading or Reading(problem="not read") for reading in readings]

    async def _read_blocks(self, readings: list[Reading | None], deadline: Deadline) -> None:
        """Read all blocks; raises what leaves no hope for the rest.

        Some devices answer what they do not like with silence or rubbish: that must not take down what is read after.
        """
        has_failed = False
        for block in self._blocks:
            try:
                await self._read_block(block, readings, deadline)
            except LinkError as error:
                self._postpone(block, was_answered=any(one is not None and not one.problem for one in readings))
                if has_failed or isinstance(error, (LateError, UnreachableError)):
                    raise
                has_failed = True
                for index in block.members:
                    readings[index] = readings[index] or Reading(problem=str(error))

    def _postpone(self, block: Block, *, was_answered: bool) -> None:
        """Read it last from now on; if others were answered, it is this block: read its spans apart."""
        spans = {self._spans[index] for index in block.members}
        if not was_answered:
            self._blocks = [one for one in self._blocks if one is not block] + [block]
        elif len(spans) > 1:
            self._alone |= spans
            self._be_careful()
        elif not spans <= self._shunned:
            self._shunned |= spans
            self._blocks = self._merged()

    def _be_careful(self) -> None:
        self._careful_until_s = asyncio.get_running_loop().time() + CAREFUL_S
        self._blocks = self._merged()

    async def _read_block(self, block: Block, readings: list[Reading | None], deadline: Deadline) -> None:
        """Read what a block covers; raises what concerns the whole unit."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            data = await self.line.ask(Asked(self._unit, *block.span), deadline)
        except RefusedError as error:
            if error.is_about_unit:
                raise
            if error.is_about_address and any(self._spans[index] != block.span for index in block.members):
                await self._read_singly(block, readings, deadline)
                return
            for index in block.members:
                readings[index] = Reading(problem=str(error))
            return
        took_s = loop.time() - began_s
        for index in block.members:
            span = self._spans[index]
            own = data if span == block.span and not span.register.is_bit else cut(data, block.span, span)
            if self._seen[index][0] != own:  # most stay the same from one reading to the next
                self._seen[index] = own, self._decoders[index](own)
            readings[index] = Reading(self._seen[index][1], latency_s=took_s)

    async def _read_singly(self, block: Block, readings: list[Reading | None], deadline: Deadline) -> None:
        """One bad address must not take the others down: find out which it is, and leave it out for a while."""
        spans = {self._spans[index] for index in block.members}
        try:
            for single in merge(self._spans_of(block), gap=0, max_registers=1, alone=spans):
                members = [block.members[at] for at in single.members]
                await self._read_block(Block(single.span, members), readings, deadline)
        finally:
            bad = {self._spans[i] for i in block.members if (reading := readings[i]) is not None and reading.problem}
            is_first = not self._careful_until_s
            # Nothing was wrong with any of them: it was what lies between, or else that there were too many.
            self._alone |= bad if bad or is_first else spans
            self._be_careful()

    def _spans_of(self, block: Block) -> list[Span]:
        return [self._spans[index] for index in block.members]

    def _merged(self) -> list[Block]:
        gap = 0 if self._careful_until_s else self._config.gap
        apart = self._alone | self._shunned
        blocks = merge(self._spans, gap=gap, max_registers=self._config.max_registers, alone=apart)
        return sorted(blocks, key=lambda block: block.span in self._shunned)

    async def _write_watchdog(self, number: int, deadline: Deadline) -> None:
        """Count on in a register, so that the device sees that it is watched. A refusal fails no reading."""
        count = self.line.counters[self._unit, number] = (self.line.counters.get((self._unit, number), -1) + 1) & 0xFFFF
        problem = ""
        try:
            await self.line.ask(Asked(self._unit, Register.HOLDING, number, write=count), deadline)
        except RefusedError as error:
            problem = str(error)
        self._tell(f"modbus watchdog {self.line.key} unit {self._unit} register {number}", problem)


def cut(data: bytes, block: Span, span: Span) -> bytes:
    """Return the part of a block's data that is a span's; of a bit, a byte of 0 or 1."""
    at = span.number - block.number
    if span.register.is_bit:
        return bytes([data[at >> 3] >> (at & 7) & 1])
    return data[2 * at : 2 * (at + span.size)]


def decoder(keys: ModbusKeys) -> Callable[[bytes], Value]:
    """Return what makes a value of a monitor's registers."""
    kind, order, scale, offset = keys.kind, keys.byte_order, keys.scale, keys.offset
    if keys.table.is_bit:
        return lambda data: data != b"\0"
    if (bit := keys.bit) is not None:
        return lambda data: bit_of(data, bit, order)
    if kind is Type.STRING or (scale == 1 and offset == 0):
        return lambda data: decode(data, kind, order)
    return lambda data: float(decode(data, kind, order)) * scale + offset
