"""Probe ``modbus``: reads registers and bits of controllers over Modbus/TCP, RTU over TCP and RTU on a serial line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.modbus.config import ModbusConfig
from addispatch_plugins.modbus.keys import ModbusKeys

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: ModbusConfig, context: Context) -> Instance:
    from addispatch_plugins.modbus.instance import ModbusPlugin  # noqa: PLC0415 - listing plugins stays fast

    return ModbusPlugin(config, context)


plugin = Plugin(
    name="modbus",
    summary="Monitors read registers of controllers: Modbus/TCP, RTU over TCP, RTU on a serial line",
    config=ModbusConfig,
    create=_create,
    capabilities=frozenset({Capability.SERVICE}),
    probes={"modbus": ModbusKeys},
)
