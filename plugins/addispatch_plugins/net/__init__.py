"""Probes of the network: ``ping``, ``tcp``, ``http``, and ``heartbeat`` for what reports by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.net.config import NetConfig
from addispatch_plugins.net.keys import HeartbeatKeys, HttpKeys, PingKeys, TcpKeys

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: NetConfig, context: Context) -> Instance:
    from addispatch_plugins.net.instance import NetPlugin  # noqa: PLC0415 - listing plugins stays fast

    return NetPlugin(config, context)


plugin = Plugin(
    name="net",
    summary="Monitors of servers and networks: ping, tcp, http, heartbeat",
    config=NetConfig,
    create=_create,
    capabilities=frozenset({Capability.SERVICE}),
    probes={"ping": PingKeys, "tcp": TcpKeys, "http": HttpKeys, "heartbeat": HeartbeatKeys},
)
