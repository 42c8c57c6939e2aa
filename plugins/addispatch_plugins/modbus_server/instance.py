"""The ``modbus_server`` plugin's instance. Created by the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Finding
from addispatch_plugins.modbus_server.device import Device
from addispatch_plugins.modbus_server.server import CONDITION, Server

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modbus_server.config import ModbusServerConfig


class ModbusServerPlugin:
    """The node as a Modbus device."""

    def __init__(self, config: ModbusServerConfig, context: Context) -> None:
        self._config, self._context = config, context
        self._server: Server | None = None
        self._device: Device | None = None

    async def self_check(self) -> None:
        """Nothing to check: a port that another program has is waited for."""

    async def start(self) -> None:
        """Listen; not in a trial, which would take the daemon's port."""
        if self._context.is_trial:
            return
        # Here and not before: what coils were last is known when the ledger is open.
        self._device = Device(self._config, self._context)
        self._device.watcher.start()
        self._server = Server(self._config, self._context, self._device)
        self._context.supervise("server", self._server.run)

    async def stop(self) -> None:
        """Let go of clients; what they were not told is done, they ask again for."""
        if self._device is not None:
            self._device.watcher.stop()
        if self._server is not None:
            self._server.close()

    def status_line(self) -> str:
        """Say where it listens, and to how many."""
        if self._server is not None and self._server.problem:
            return self._server.problem[:200]
        if self._server is None or not self._server.is_listening:
            return f"not listening on {self._config.listen}"
        return f"listening on {self._config.listen}, {self._server.connection_count} connections"

    async def examine(self) -> list[Finding]:
        """Say whether it listens."""
        if self._server is None:
            return [Finding(CONDITION, f"will listen on {self._config.listen}")]
        if self._server.problem:
            advice = (
                f"see with 'ss -ltnp' who has the port; below 1024 it needs CAP_NET_BIND_SERVICE: {self._config.listen}"
            )
            return [Finding(CONDITION, problem=self._server.problem, advice=advice)]
        return [Finding(CONDITION, self.status_line())]
