"""The paho-mqtt client, set up for one broker. Used by ``addispatch.runtime.mqtt`` alone.

What we use of paho's private parts is one method, ``_create_socket``; a paho without it still works, only slower.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from addispatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

    from addispatch.runtime.mqtt_socket import BufferedSocket, Tls

_log = logging.getLogger(__name__)
_log.setLevel(logging.ERROR)  # paho tells of every packet; only exceptions of our callbacks are of interest

#: How many messages an MQTT 5 broker may send ahead of our acknowledgements.
RECEIVE_MAXIMUM = 1000
#: How long an MQTT 5 broker keeps our session while we are away; the shipped mosquitto.conf says the same for 3.1.1.
SESSION_EXPIRY_S = 14 * 86_400
#: How many of our own publishes may be on the way at once.
INFLIGHT_COUNT = 100


@dataclass(frozen=True, slots=True)
class Publication:
    """Something to publish; also the last will."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is and who we are to it. ``str()`` is ``host:port``: fit for logs."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """Read ``mqtt[s]://[user[:password]@]host[:port]``; raises ``ConfigError`` that does not show the password."""
        hint = "mqtt://host:1883, or mqtts://host:8883 for TLS"
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ConfigError("url", "is not an address of a broker", hint) from None
        if parts.scheme not in ("mqtt", "mqtts") or not host or parts.path not in ("", "/") or parts.query:
            raise ConfigError("url", "is not an address of a broker", hint)
        if port == 0:
            raise ConfigError("url", "has port 0", hint)
        tls = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(host, port or (8883 if tls else 1883), tls, user, password)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """How to talk to one broker.

    ``clean`` false keeps a session at the broker: what is published while we are away waits for us. It needs a
    ``client_id`` that stays the same and that nobody else has.
    """

    address: BrokerAddress
    client_id: str
    version: Literal[4, 5] = 4
    clean: bool = True
    keepalive_s: int = 15
    connect_timeout_s: float = 5.0
    tls: Tls | None = None
    will: Publication | None = None
    publish_max_count: int = 1000
    longest_pause_s: float = 30.0  # before connecting again


class PahoClient(Client):
    """paho's client on a socket that was opened before: opening blocks, so it is done in an executor."""

    prepared: BufferedSocket | None = None

    def _create_socket(self) -> SocketLike:
        """Called by paho in ``reconnect``."""
        wire, self.prepared = self.prepared, None
        if wire is None:
            raise OSError("no socket was prepared")
        return wire

    def drop_prepared(self) -> bool:
        """Close the prepared socket if paho did not take it; true in that case."""
        wire, self.prepared = self.prepared, None
        if wire is not None:
            wire.close()
        return wire is not None


def make_client(settings: MqttSettings) -> PahoClient:
    """Build the client; nothing is sent yet."""
    five = settings.version == 5
    client = PahoClient(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if five else settings.clean,
        protocol=MQTTProtocolVersion(settings.version),
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.suppress_exceptions = True
    client.enable_logger(_log)
    client.connect_timeout = settings.connect_timeout_s
    client.max_inflight_messages_set(INFLIGHT_COUNT)
    client.max_queued_messages_set(settings.publish_max_count)
    address = settings.address
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if settings.will is not None:
        will = settings.will
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    properties = None
    if five:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.SessionExpiryInterval = 0 if settings.clean else SESSION_EXPIRY_S
    client.connect_async(
        address.host, address.port, settings.keepalive_s, clean_start=settings.clean, properties=properties
    )
    return client
