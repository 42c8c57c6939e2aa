"""Source ``modbus_server``: PLCs and HMIs read the node's state as registers, raise alarms and acknowledge by coils."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.modbus_server.config import ModbusServerConfig

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: ModbusServerConfig, context: Context) -> Instance:
    from addispatch_plugins.modbus_server.instance import ModbusServerPlugin  # noqa: PLC0415 - listing stays fast

    return ModbusServerPlugin(config, context)


plugin = Plugin(
    name="modbus_server",
    summary="This node as a Modbus/TCP device: state as registers, alarms and acknowledgements by coils",
    config=ModbusServerConfig,
    create=_create,
    capabilities=frozenset({Capability.SOURCE, Capability.SERVICE}),
)
