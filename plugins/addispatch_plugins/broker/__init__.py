"""Service ``broker``: a small MQTT broker inside addispatch, for the demo and for trying things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.broker.config import BrokerConfig

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: BrokerConfig, context: Context) -> Instance:
    from addispatch_plugins.broker.service import BrokerService  # noqa: PLC0415 - listing plugins stays fast

    return BrokerService(config, context)


plugin = Plugin(
    name="broker",
    summary="A small MQTT broker inside, for the demo and for trying things",
    config=BrokerConfig,
    create=_create,
    capabilities=frozenset({Capability.SERVICE}),
)
