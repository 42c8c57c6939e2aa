"""The probe ``modbus``. Made by ``instance``, called by the engine."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from addispatch.sdk import Finding, Reading
from addispatch_plugins.modbus.explain import Rows, look
from addispatch_plugins.modbus.line import Line
from addispatch_plugins.modbus.problems import ModbusError
from addispatch_plugins.modbus.reader import Reader

if TYPE_CHECKING:
    from addispatch_plugins.modbus.config import ModbusConfig
    from addispatch_plugins.modbus.keys import LineKey, ModbusKeys

#: So many readers of monitors that were not announced are kept.
_MAX_READERS = 20_000


class ModbusProbe:
    """Implements ``sdk.Probe`` and ``sdk.Explainer``. One line per device; one reader per group of monitors."""

    name = "modbus"

    def __init__(self, config: ModbusConfig, executor: Executor, tell: Callable[[str, str], None]) -> None:
        """``tell(name, problem)`` reports conditions."""
        self._config, self._executor, self._tell = config, executor, tell
        self._lines: dict[LineKey, Line] = {}
        self._readers: dict[tuple[int, ...], Reader] = {}
        self._is_closed = False

    def group(self, keys: ModbusKeys) -> Hashable:
        """Monitors of one unit; units on one line take turns."""
        return keys.line, keys.unit

    def prepare(self, keys: Sequence[ModbusKeys]) -> None:
        """Forget the devices that nobody reads any more; of the others stays what was learned about them."""
        known = set(map(id, keys))
        self._readers = {ids: reader for ids, reader in self._readers.items() if known.issuperset(ids)}
        units: dict[LineKey, list[int]] = {}
        for one in keys:
            units.setdefault(one.line, []).append(one.unit)
        for gone in self._lines.keys() - units.keys():
            line = self._lines.pop(gone)
            line.watch(())
            line.close()
        for key, read in units.items():
            self._line(key).watch(read)

    async def read(self, keys: Sequence[ModbusKeys], timeout_s: float) -> Sequence[Reading]:
        """Read monitors of one unit."""
        if self._is_closed:
            return [Reading(problem="the plugin modbus has stopped")] * len(keys)
        ids = tuple(map(id, keys))
        reader = self._readers.get(ids)
        if reader is None:
            reader = self._reader(keys, ids)
        try:
            return await reader.read(timeout_s)
        finally:
            self._let_go(reader.line)

    async def explain(self, keys: ModbusKeys, timeout_s: float) -> Rows:
        """Read once what is at a monitor's address and show it in every type and order."""
        if self._is_closed:
            return [("problem", "the plugin modbus has stopped")]
        line = self._line(keys.line)
        try:
            return await look(line, keys, timeout_s)
        except ModbusError as error:
            return [("problem", str(error))]
        finally:
            self._let_go(line)

    def close(self) -> None:
        """End all connections; nothing is read after this."""
        self._is_closed = True
        self.prepare(())

    @property
    def lines(self) -> Sequence[Line]:
        """Devices that are read."""
        return list(self._lines.values())

    def examine(self) -> list[Finding]:
        """One finding per device."""
        return [_finding(line) for line in self._lines.values()]

    def _line(self, key: LineKey) -> Line:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(key, self._executor, self._config.back_off_s)
        return line

    def _reader(self, keys: Sequence[ModbusKeys], ids: tuple[int, ...]) -> Reader:
        if len(self._readers) >= _MAX_READERS:
            self._readers.clear()
        reader = self._readers[ids] = Reader(keys, self._line(keys[0].line), self._config, self._tell)
        return reader

    def _let_go(self, line: Line) -> None:
        """End the connection of a device that was read out of turn."""
        if not line.monitor_count and not line.is_busy:
            self._lines.pop(line.key, None)
            line.close()
            self._readers = {ids: reader for ids, reader in self._readers.items() if reader.line is not line}


def _finding(line: Line) -> Finding:
    subject = f"modbus {line.key}"
    detail = f"{'connected' if line.is_connected else 'not connected'}, {line.monitor_count} monitors"
    detail += f", {line.answered_count} answers"
    problems = line.problems()
    if not problems:
        return Finding(subject, detail)
    unit, problem = next(iter(problems.items()))
    if unit is not None and len(line.units) > 1:
        problem = f"unit {unit}: {problem}"
    if len(problems) > 1:
        problem += f" (and {len(problems) - 1} more)"
    return Finding(subject, detail, problem, _advice(line, unit))


def _advice(line: Line, unit: int | None) -> str:
    if line.key.serial:
        return "check wiring, baud, parity and stop bits, and the unit number" if unit is not None else "check the port"
    if unit is None:
        return f"check that the device is on, that it speaks Modbus on port {line.key.port}, and what firewalls do"
    return "check the unit number and the framer, and whether others take all of the device's connections"
