"""The running plugin: owns the probe and the threads for what may block. Made by the plugin's ``create``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pymodbus.client.mixin  # noqa: F401 - values needs it: loaded now, not at the first reading

from addispatch_plugins.modbus.probe import ModbusProbe

if TYPE_CHECKING:
    from addispatch.sdk import Context, Finding
    from addispatch_plugins.modbus.config import ModbusConfig

#: Threads for looking up host names and opening serial ports: apart from all others, because both may hang.
_THREADS = 4


class ModbusPlugin:
    """The instance."""

    def __init__(self, config: ModbusConfig, context: Context) -> None:
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="modbus")
        self._probe = ModbusProbe(config, self._executor, context.condition)
        self.probes = (self._probe,)

    async def self_check(self) -> None:
        """Nothing to check: a device that is absent is no reason not to start."""

    async def start(self) -> None:
        """Nothing runs until monitors are read."""

    async def stop(self) -> None:
        """End all connections."""
        self._probe.close()
        self._executor.shutdown(wait=False)

    async def examine(self) -> list[Finding]:
        """One finding per device."""
        return self._probe.examine()

    def status_line(self) -> str:
        """How many devices are read, and of how many something is wrong."""
        lines = self._probe.lines
        bad = [line for line in lines if line.problems()]
        if not bad:
            return f"{len(lines)} devices"
        return f"{len(lines)} devices, {len(bad)} with problems: {bad[0].key} …"[:200]
