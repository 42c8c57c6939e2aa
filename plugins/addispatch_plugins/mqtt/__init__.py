"""Source ``mqtt``: alarms from any topic of any broker, and the state of addispatch back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Capability, Plugin
from addispatch_plugins.mqtt.config import MqttConfig
from addispatch_plugins.mqtt.keys import SilenceKeys

if TYPE_CHECKING:
    from addispatch.sdk import Context, Instance


def _create(config: MqttConfig, context: Context) -> Instance:
    # Not a module called plugin: once imported it would stand in for the object ``plugin`` below.
    from addispatch_plugins.mqtt.instance import MqttPlugin  # noqa: PLC0415 - listing plugins stays fast

    return MqttPlugin(config, context)


plugin = Plugin(
    name="mqtt",
    summary="Alarms from MQTT topics, the state of cases back to MQTT",
    config=MqttConfig,
    create=_create,
    capabilities=frozenset({Capability.SOURCE}),
    probes={"mqtt_silence": SilenceKeys},
)
