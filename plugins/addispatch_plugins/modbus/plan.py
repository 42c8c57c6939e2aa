"""Which registers are read in one request. Pure; used by ``reader``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from addispatch_plugins.modbus.address import Register


class Span(NamedTuple):
    """What a monitor reads: registers or bits of a table, from a protocol address."""

    register: Register
    number: int
    size: int

    @property
    def end(self) -> int:
        """The address behind the last one."""
        return self.number + self.size


@dataclass(slots=True)
class Block:
    """One request, and the monitors it serves by their places in the list of spans."""

    span: Span
    members: list[int] = field(default_factory=list)


def merge(spans: Sequence[Span], *, gap: int, max_registers: int, alone: Collection[Span] = ()) -> list[Block]:
    """Return requests that cover each span exactly once, in the order of their addresses.

    Up to ``gap`` registers nobody asked for lie between two spans of a request (bits: sixteen times as many, as for
    ``max_registers``). Spans ``alone`` share their request with equal ones only.
    """
    apart = set(alone)
    blocks: list[Block] = []
    last, last_apart = None, False
    for index in sorted(range(len(spans)), key=lambda index: (spans[index] in apart, spans[index])):
        span = spans[index]
        is_apart = span in apart
        if last is not None and (
            last_apart and span == last.span if is_apart else _fits(last, span, gap, max_registers)
        ):
            last.span = last.span._replace(size=max(last.span.end, span.end) - last.span.number)
            last.members.append(index)
        else:
            last = Block(span, [index])
            blocks.append(last)
        last_apart = is_apart
    return blocks


def _fits(block: Block, span: Span, gap: int, max_registers: int) -> bool:
    factor = 16 if span.register.is_bit else 1
    start, end = block.span.number, max(block.span.end, span.end)
    return (
        block.span.register is span.register
        and span.number <= block.span.end + gap * factor
        and (end - start <= min(max_registers * factor, 2_000) or end == block.span.end)
    )
