"""MQTT for plugins: a link that stays connected and leaves acknowledging to its user. See ``MqttLink``."""

from addispatch.runtime.mqtt import BrokerAddress, Message, MqttHandler, MqttLink, MqttSettings, Publication, Tls

__all__ = ["BrokerAddress", "Message", "MqttHandler", "MqttLink", "MqttSettings", "Publication", "Tls"]
