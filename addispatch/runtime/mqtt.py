"""The link to one MQTT broker: paho-mqtt driven from the event loop, without its thread.

It connects, connects again and subscribes again by itself, and leaves acknowledging to its user (law 1). Used, through
``addispatch.sdk.mqtt``, by the mqtt plugin, and by the simulated plant. The reasons for its ways were measured: handing
each message from a thread to the loop doubles the CPU; paho's own ``ack`` costs one ``send`` per message; some brokers
send far more ahead of our acknowledgements than they promise, so the bound on what we hold is our own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paho.mqtt.client import MQTT_ERR_SUCCESS
from paho.mqtt.subscribeoptions import SubscribeOptions

from addispatch.runtime.mqtt_client import BrokerAddress, MqttSettings, PahoClient, Publication, make_client
from addispatch.runtime.mqtt_socket import BufferedSocket, Tls, open_socket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage, SocketLike
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

__all__ = ["BrokerAddress", "Message", "MqttHandler", "MqttLink", "MqttSettings", "Publication", "Tls"]

log = logging.getLogger(__name__)

#: First pause before connecting again, in seconds; it doubles, and a random fifth is added or taken.
FIRST_PAUSE_S = 1.0
#: A connection that lasted this long starts again with the first pause.
STEADY_S = 10.0
#: Most messages handed to the handler and not yet acknowledged by it, and most bytes of them.
HELD_MAX_COUNT, HELD_MAX_BYTES = 2000, 32 * 1024 * 1024
#: Packets read in one turn of the loop before others get theirs.
TURN_PACKET_COUNT = 250
#: How long ``stop`` waits for what was handed out, in seconds.
STOP_GRACE_S = 2.0
#: Most bytes waiting to be sent before publishing at QoS 0 is refused.
UNSENT_MAX_BYTES = 1024 * 1024

_PUBACK, _PINGREQ = b"\x40\x02", b"\xc0\x00"


@dataclass(slots=True)
class Message:
    """A message from the broker. Hand it back to ``MqttLink.acknowledge`` once, whatever its QoS.

    ``token`` is the handler's own; it comes back with ``MqttHandler.acknowledged``.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int
    connection: int
    token: Any = None


class MqttHandler(Protocol):
    """What a link tells its user, always in the loop's thread. None of these may block."""

    def connected(self) -> None:
        """Called when the broker took us, before anything it sends and before subscribing."""

    def disconnected(self, reason: str) -> None:
        """Called once when an established connection ended; the reason is empty if we ended it."""

    def failed(self, reason: str) -> None:
        """Called after each attempt to connect, or to subscribe, that did not succeed."""

    def received(self, message: Message) -> None:
        """Called for each message."""

    def acknowledged(self, messages: list[Message]) -> None:
        """Called when the acknowledgements of these went out, on the connection they came by."""


class MqttLink:
    """One supervised connection. ``run`` keeps it up; the other methods may be called at any time."""

    def __init__(self, settings: MqttSettings, handler: MqttHandler, *, held_max_count: int = HELD_MAX_COUNT) -> None:
        self.settings = settings
        #: Why there is no connection; empty while there is one.
        self.problem = "not connected yet"
        self._handler = handler
        self._held_max_count = held_max_count
        self._resume_count = max(held_max_count * 3 // 4, 1)
        self._held_count = self._held_bytes = 0
        self._filters: list[tuple[str, int]] = []
        self._outbox: deque[Publication] = deque()
        self._deliveries: dict[int, asyncio.Future[None]] = {}
        self._acked: list[Message] = []
        self._connection = 0
        self._sock: SocketLike | None = None
        self._wire: BufferedSocket | None = None  # the same, unless paho did not take ours
        self._up: asyncio.Future[None] | None = None
        self._lost: asyncio.Future[str] | None = None
        self._flush_due = self._writer_on = self._paused = False
        self._heard_s = self._pinged_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._client = self._prepare(make_client(settings))

    def _prepare(self, client: PahoClient) -> PahoClient:
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = lambda *_: self._flush_soon()
        return client

    # -- for its user ----------------------------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether the broker took us and the line is up."""
        return not self.problem

    @property
    def is_paused(self) -> bool:
        """Whether reading stopped because too many messages wait for ``acknowledge``."""
        return self._paused

    @property
    def held_count(self) -> int:
        """How many messages were handed out and not acknowledged yet."""
        return self._held_count

    def subscribe(self, filters: Sequence[tuple[str, int]]) -> None:
        """Subscribe to these (filter, QoS) and to no others, now and at each new connection."""
        named = {topic for topic, _qos in filters}
        gone = [topic for topic, _qos in self._filters if topic not in named]
        self._filters = list(filters)
        if self.is_connected and gone:
            self._client.unsubscribe(gone)
        if self.is_connected and self._filters:
            self._send_subscriptions()

    def acknowledge(self, message: Message) -> None:
        """Be done with a message: tell the broker so if the connection it came by is still up.

        All acknowledgements of one turn of the loop leave in one piece.
        """
        self._held_count -= 1
        self._held_bytes -= len(message.payload)
        if message.qos and message.connection == self._connection:
            if self._wire is not None:
                # Written here because paho's ack() costs ten times as much. Success needs no more than the id.
                self._wire.send(_PUBACK + message.mid.to_bytes(2))
            else:
                self._client.ack(message.mid, 1)
            self._acked.append(message)
            self._flush_soon()
        if self._drained is not None:
            if not self._held_count and not self._drained.done():
                self._drained.set_result(None)
        elif self._paused and self._held_count < self._resume_count and self._held_bytes < HELD_MAX_BYTES / 2:
            self._resume()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        """Publish; false when it was dropped: the queue is full, or QoS 0 and no connection."""
        if not self.is_connected:
            if qos == 0 or len(self._outbox) >= self.settings.publish_max_count:
                return False
            self._outbox.append(Publication(topic, payload, qos, retain))
            return True
        if qos == 0 and self._wire is not None and self._wire.unsent > UNSENT_MAX_BYTES:
            return False
        return self._client.publish(topic, payload, qos, retain).rc == MQTT_ERR_SUCCESS

    async def deliver(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has it; raises ``ConnectionError`` without a connection."""
        if not self.is_connected:
            raise ConnectionError(self.problem)
        info = self._client.publish(topic, payload, 1, retain)
        if info.rc != MQTT_ERR_SUCCESS:
            raise ConnectionError("too many messages wait for the broker")
        done = self._deliveries[info.mid] = asyncio.get_running_loop().create_future()
        await done

    def leave_will(self, will: Publication) -> None:
        """Change the last will; the broker learns of it at the next connection."""
        self._client.will_set(will.topic, will.payload, will.qos, will.retain)

    def reconnect(self, reason: str) -> None:
        """Give up the connection, if there is one, and make a new one."""
        if self.is_connected:
            self._lose(reason)

    async def run(self) -> None:
        """Connect and stay connected until stopped or cancelled; then say goodbye (the last will is not sent)."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        pause_s = FIRST_PAUSE_S
        try:
            while True:
                try:
                    lost = await self._connect()
                except (OSError, TimeoutError) as error:
                    self._drop()
                    self.problem = _reason(error)
                    self._handler.failed(self.problem)
                else:
                    since_s = loop.time()
                    while not lost.done():
                        await asyncio.wait({lost}, timeout=1.0)
                        self._tick(loop.time())
                    if loop.time() - since_s >= STEADY_S:
                        pause_s = FIRST_PAUSE_S
                await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
                pause_s = min(pause_s * 2, self.settings.longest_pause_s)
        finally:
            self._drop()

    async def stop(self) -> None:
        """Read nothing more, give what was handed out a little time to be acknowledged, then end ``run``."""
        self._drained = asyncio.get_running_loop().create_future()
        self._pause()
        if self._held_count and self.is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_GRACE_S):
                    await self._drained
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # -- connecting ------------------------------------------------------------------------------------------------

    async def _connect(self) -> asyncio.Future[str]:
        """Connect and wait for the broker's answer; the future returned gets the reason when the connection ends."""
        loop = asyncio.get_running_loop()
        address, timeout_s = self.settings.address, self.settings.connect_timeout_s
        opening = loop.run_in_executor(None, open_socket, address.host, address.port, self.settings.tls, timeout_s)
        try:
            async with asyncio.timeout(3 * timeout_s):
                self._client.prepared = await asyncio.shield(opening)
        except BaseException:
            opening.add_done_callback(_close_late)
            raise
        self._up, self._lost = loop.create_future(), loop.create_future()
        self._connection += 1
        self._paused = self._writer_on = False
        self._heard_s = self._pinged_s = loop.time()
        self._client.reconnect()
        if self._client.drop_prepared():
            log.warning("this paho-mqtt does not take our socket: MQTT works, but needs more CPU")
        sock = self._client.socket()
        if sock is None:
            raise ConnectionError("connection lost")
        self._sock = sock
        self._wire = sock if isinstance(sock, BufferedSocket) else None
        loop.add_reader(sock.fileno(), self._readable)
        self._flush_soon()
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with the result.
        async with asyncio.timeout(timeout_s):
            await self._up
        return self._lost

    def _on_connect(
        self, _client: Any, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        up = self._up
        if up is None or up.done():
            return
        if reason.is_failure:
            up.set_exception(ConnectionError(f"the broker refused us: {reason}"))
            return
        self.problem = ""
        log.debug("connected to %s, session kept: %s", self.settings.address, flags.session_present)
        up.set_result(None)
        self._handler.connected()
        if self._filters:
            self._send_subscriptions()
        while self._outbox:
            item = self._outbox.popleft()
            self._client.publish(item.topic, item.payload, item.qos, item.retain)

    def _send_subscriptions(self) -> None:
        if self.settings.version == 5:
            self._client.subscribe([(topic, SubscribeOptions(qos=qos)) for topic, qos in self._filters])
        else:
            self._client.subscribe(self._filters)

    def _on_subscribe(
        self, _client: Any, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for (topic, _qos), reason in zip(self._filters, reasons, strict=False):
            if reason.is_failure:
                self._handler.failed(f"the broker refused the subscription {topic}: {reason}")

    def _on_disconnect(
        self,
        _client: Any,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        told = f"the broker ended it: {reason}" if flags.is_disconnect_packet_from_server else "connection lost"
        self._ended(told)

    def _ended(self, reason: str) -> None:
        """Note the end of the connection; paho tells it twice in some cases, the second time does nothing."""
        self._sock = self._wire = None
        self._paused = False
        self._acked.clear()
        for future in self._deliveries.values():
            if not future.done():
                future.set_exception(ConnectionError(reason))
        self._deliveries.clear()
        if self._up is not None and not self._up.done():
            self._up.set_exception(ConnectionError(reason))
        if not self.problem:
            self.problem = reason or "connection closed"
            self._handler.disconnected(reason)
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)

    def _on_socket_close(self, _client: Any, _data: Any, sock: SocketLike) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock.fileno())
        loop.remove_writer(sock.fileno())

    def _drop(self) -> None:
        """Close what there is of a connection, with a goodbye to the broker."""
        self._client.drop_prepared()
        if self._up is not None and self._up.done() and not self._up.cancelled():
            self._up.exception()  # seen: it is what brought us here
        self._ended("")  # first, for paho calls a goodbye a lost connection
        self._client.disconnect()
        self._client.loop_write()

    # -- reading ---------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        """Read what is there, for one turn's length."""
        sock, wire = self._sock, self._wire
        # How many bytes can be had without waiting for the descriptor; paho's own plain socket keeps none back.
        pending = wire.pending if wire is not None else getattr(sock, "pending", int)
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        try:
            for _ in range(TURN_PACKET_COUNT):
                packet = wire.take_publish(self.settings.version) if wire is not None else None
                if packet is not None:
                    self._take(packet.topic, packet.payload, packet.qos, packet.retain, packet.mid)
                else:
                    self._client.loop_read()
                if self._sock is not sock or self._paused or not pending():
                    return
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"connection lost: {_reason(error)}")
            return
        except Exception:  # a border: paho fails on some malformed packets, and would be stuck in them
            log.exception("the broker %s sent something that cannot be read", self.settings.address)
            self._lose("the broker sent something that cannot be read")
            return
        loop.call_soon(self._readable)

    def _on_message(self, _client: Any, _data: Any, packet: MQTTMessage) -> None:
        self._take(packet._topic, bytes(packet.payload), packet.qos, packet.retain, packet.mid)  # noqa: SLF001 - undecoded

    def _take(self, raw_topic: bytes, payload: bytes, qos: int, retain: bool, mid: int) -> None:  # noqa: FBT001
        """Hand a message to the handler, and stop reading if that is all it may hold."""
        try:
            topic = raw_topic.decode()
        except UnicodeDecodeError:
            log.warning("a message from %s has a topic that is no UTF-8: not taken", self.settings.address)
            self._client.ack(mid, qos)
            return
        message = Message(topic, payload, qos, retain, mid, self._connection)
        self._held_count += 1
        self._held_bytes += len(payload)
        if self._held_count >= self._held_max_count or self._held_bytes >= HELD_MAX_BYTES:
            self._pause()
        try:
            self._handler.received(message)
        except Exception:  # a border: a bug in one plugin must not end the connection
            log.exception("a message on %s could not be handled; it is not acknowledged", topic)
            self._held_count -= 1
            self._held_bytes -= len(payload)

    def _pause(self) -> None:
        if self._paused or self._sock is None:
            return
        self._paused = True
        if self._wire is not None:
            self._wire.paused = True
        asyncio.get_running_loop().remove_reader(self._sock.fileno())

    def _resume(self) -> None:
        self._paused = False
        if self._wire is not None:
            self._wire.paused = False
        if self._sock is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._sock.fileno(), self._readable)
            # What was read before the pause is in memory: no readiness of the descriptor will tell of it.
            loop.call_soon(self._readable)

    def _tick(self, now_s: float) -> None:
        """Keep the connection alive, and see when it is not; called each second.

        Not by paho: it wants the answer to its ping in time, but that waits behind all alarms not read yet.
        """
        keepalive_s = self._client.keepalive  # MQTT 5 brokers may set it
        if self._wire is None:
            self._client.loop_misc()
            return
        if self._paused:
            self._heard_s = now_s
        if now_s - self._heard_s >= 1.5 * keepalive_s:
            self._lose(f"nothing heard of the broker for {now_s - self._heard_s:.0f} s")
        elif now_s - self._pinged_s >= keepalive_s / 2:
            self._pinged_s = now_s
            self._wire.send(_PINGREQ)
            self._flush_soon()

    def _lose(self, reason: str) -> None:
        """Give up the connection."""
        wire = self._wire
        self._ended(reason)
        if wire is not None:
            wire.abort()
            self._client.loop_read()
        else:
            self._client.disconnect()
            self._client.loop_write()

    # -- writing ---------------------------------------------------------------------------------------------------

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Send what paho queued and what we wrote, in one piece if the kernel takes it."""
        self._flush_due = False
        self._client.loop_write()
        wire = self._wire
        if wire is not None:
            try:
                done = wire.flush()
            except OSError:
                self._lose("connection lost")
                return
            self._watch_writing(wire, on=not done)
            if not done:
                return
        if self._acked:
            acked, self._acked = self._acked, []
            self._handler.acknowledged(acked)

    def _watch_writing(self, wire: BufferedSocket, *, on: bool) -> None:
        if on == self._writer_on:
            return
        self._writer_on = on
        loop = asyncio.get_running_loop()
        if on:
            loop.add_writer(wire.fileno(), self._flush)
        else:
            loop.remove_writer(wire.fileno())

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: ReasonCode, _properties: Any) -> None:
        future = self._deliveries.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(None)


def _close_late(opening: asyncio.Future[BufferedSocket]) -> None:
    """Close a socket that came when nobody waited for it any more (a time-out, the end)."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _reason(error: BaseException) -> str:
    """Say in a few words what an error of the line was."""
    if isinstance(error, TimeoutError):
        return "no answer"
    text = str(getattr(error, "strerror", None) or f"{error}" or type(error).__name__)
    name = getattr(error, "filename", None)
    return f"{name}: {text}" if name else text
