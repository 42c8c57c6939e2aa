"""One broker between the nodes: what comes by it is opened, judged and handed on. Made by ``cluster.link``."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import orjson

from addispatch.cluster.envelope import BadEnvelope, Header, Reason, open_sealed, peek
from addispatch.cluster.gate import HEARTBEAT, WILL, Verdict
from addispatch.cluster.limits import Allowance
from addispatch.runtime.mqtt import Message, MqttLink, MqttSettings, Publication

if TYPE_CHECKING:
    from addispatch.cluster.link import ClusterLink

log = logging.getLogger(__name__)

#: QoS of each kind as it is published: 0 for what is said again until it is answered, and there is much of it. At 1 the
#: hardened mosquitto writes its whole database for each message: 220 a second instead of 2,000, and a worn SD card.
QOS = {HEARTBEAT: 0, WILL: 0, "ak": 0, "st": 0, "sy": 1, "cf": 1}
_ADDRESSED = tuple(kind for kind in QOS if kind not in (HEARTBEAT, WILL))
#: How many envelopes a second that turn out to be bad are opened, heartbeats counted apart; good ones are free.
BAD_PER_S = 512
#: Said of a heartbeat under our name that is not ours.
OWN_NAME = "own name"


class LinkHandler(Protocol):
    """What the link tells its user, always in the loop's thread. None of these may block. A path is ``host:port``."""

    def heard(self, path: str, header: Header, kind: str, body: bytes) -> None:
        """Called for the first copy of each message that was let in.

        A heartbeat counts for life only if it names our boot: until one did, those of any boot come here.
        """

    def beat(self, path: str, header: Header) -> None:
        """Called for each authentic heartbeat on each path, second copies too: for judging paths, not for life.

        Its boot is the proven one, or none is proven yet.
        """

    def unproven(self, path: str, header: Header, body: bytes) -> None:
        """Called for each authentic heartbeat of a boot that is not the proven one and does not name ours.

        It may be from long ago, so nothing follows from it but words for people.
        """

    def path_up(self, path: str) -> None:
        """Called when a broker took us."""

    def path_down(self, path: str, reason: str) -> None:
        """Called when the connection ended, could not be made, or a subscription was refused."""

    def stranger(self, reason: str, path: str, count: int) -> None:
        """Called for what was dropped because it is not of our cluster; at most once a minute per reason.

        ``count`` is how many there were since the last call.
        """


class BrokerPath:
    """One broker: the handler of its ``MqttLink``."""

    def __init__(self, owner: ClusterLink, settings: MqttSettings) -> None:
        self.name = str(settings.address)
        self.returned_s: float | None = None
        self._owner = owner
        self._told = ""
        self._beats: dict[str, tuple[str, int]] = {}
        now_s = owner.clock.monotonic_s
        self._allowance = {True: Allowance(BAD_PER_S, now_s), False: Allowance(BAD_PER_S, now_s)}
        self.link = MqttLink(replace(settings, will=owner.next_will()), self)
        broadcast = [(f"{owner.prefix}{kind}/+", 0) for kind in (HEARTBEAT, WILL)]
        self.link.subscribe(broadcast + [(f"{owner.prefix}{kind}/{owner.node}", 1) for kind in _ADDRESSED])

    @property
    def problem(self) -> str:
        """What is wrong with the broker; empty while it serves us."""
        return self.link.problem or self._told

    def publish(self, item: Publication) -> bool:
        """Publish as it is."""
        return self.link.publish(item.topic, item.payload, qos=item.qos, retain=item.retain)

    def connected(self) -> None:
        """See ``MqttHandler``."""
        self._told = ""
        self._owner.handler.path_up(self.name)

    def disconnected(self, reason: str) -> None:
        """See ``MqttHandler``; the will of this connection may be out, so the next one gets another."""
        self.link.leave_will(self._owner.next_will())
        self._down(reason or "closed")

    def failed(self, reason: str) -> None:
        """See ``MqttHandler``; the same reason again is no news."""
        if reason != self._told:
            self._down(reason)

    def _down(self, reason: str) -> None:
        self._told = reason
        self._owner.handler.path_down(self.name, reason)

    def acknowledged(self, messages: list[Message]) -> None:
        """See ``MqttHandler``; nobody waits for it."""

    def received(self, message: Message) -> None:
        """See ``MqttHandler``."""
        self.link.acknowledge(message)
        try:
            self._judge(message.topic, message.payload)
        except Exception:  # a border: a bug above must not end the connection
            log.exception("a message of the cluster on %s could not be handled", self.name)

    def _judge(self, topic: str, payload: bytes) -> None:
        kind, _, who = topic.removeprefix(self._owner.prefix).partition("/")
        if kind not in QOS:
            self._owner.tally["ignored"] += 1
            return
        try:
            self._take(kind, who, topic, payload)
        except BadEnvelope as bad:
            self._strange(bad.reason.value)

    def _take(self, kind: str, who: str, topic: str, payload: bytes) -> None:
        owner = self._owner
        header = peek(payload)
        broadcast = kind in (HEARTBEAT, WILL)
        if (header.sender if broadcast else header.to) != who:
            raise BadEnvelope(Reason.MALFORMED)
        if owner.is_own(header):
            self._returned(kind)
        elif kind != HEARTBEAT and owner.gate.seen(header, kind):
            owner.tally["passed over"] += 1  # before the costly part: a second copy, most often
        else:
            self._open(kind, topic, payload)

    def _returned(self, kind: str) -> None:
        self._owner.tally["own"] += 1
        if kind == HEARTBEAT:
            self.returned_s = self._owner.clock.monotonic_s()

    def _open(self, kind: str, topic: str, payload: bytes) -> None:
        owner, allowance = self._owner, self._allowance[kind == HEARTBEAT]
        if not allowance.is_left():
            owner.tally["not opened"] += 1
            return
        try:
            header, body = open_sealed(owner.keyring, topic, payload)
        except BadEnvelope:
            allowance.spend()
            raise
        if header.sender == owner.node:
            if kind == HEARTBEAT:
                self._strange(OWN_NAME)
            return
        echoed_boot, echoed_n = _echo(body) if kind == HEARTBEAT else (None, None)
        verdict = owner.gate.admit(header, kind, echoed_boot, echoed_n)
        owner.tally[verdict.value] += 1
        if kind == HEARTBEAT and verdict in (Verdict.ADMIT, Verdict.DUPLICATE):
            self._beat(header)
        if verdict is Verdict.ADMIT:
            owner.handler.heard(self.name, header, kind, body)
        elif kind == HEARTBEAT and verdict is Verdict.UNKNOWN_BOOT:
            owner.handler.unproven(self.name, header, body)

    def _beat(self, header: Header) -> None:
        """Tell of a heartbeat unless this path told of a later one: a broker keeps the order, a replay does not."""
        boot, number = self._beats.get(header.sender, ("", 0))
        if boot != header.boot or number < header.n:
            self._beats[header.sender] = header.boot, header.n
            self._owner.handler.beat(self.name, header)

    def _strange(self, reason: str) -> None:
        self._owner.tally[f"refused: {reason}"] += 1
        self._owner.complaints.add(reason, self.name)


def _echo(body: bytes) -> tuple[str | None, int | None]:
    """Return which boot and number of ours a heartbeat says it heard last."""
    try:
        seen = orjson.loads(body)["seen"]
        boot, number = seen["boot"], seen.get("n")
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, None
    return boot if isinstance(boot, str) else None, number if isinstance(number, int) else None
