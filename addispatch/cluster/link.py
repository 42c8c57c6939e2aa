"""The pipe between the nodes: sealed datagrams over every configured broker. Called by ``engine.cluster``.

The brokers are taken for what they are, untrusted and lossy: each message is sealed once and published on all that are
connected, the first copy that comes is handed on, and all are acknowledged at once, for nothing here is a promise.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from addispatch.cluster.envelope import VERSION, BadEnvelope, Header, Reason, open_sealed, peek, seal
from addispatch.cluster.gate import HEARTBEAT, WILL, Gate, Verdict
from addispatch.cluster.keyring import Keyring
from addispatch.cluster.limits import Allowance, Complaints
from addispatch.runtime.clock import SystemClock
from addispatch.runtime.mqtt import BrokerAddress, Message, MqttLink, MqttSettings, Publication, Tls

if TYPE_CHECKING:
    from addispatch.config.models import ClusterConfig
    from addispatch.runtime.clock import Clock
    from addispatch.runtime.tasks import Supervisor

log = logging.getLogger(__name__)

#: QoS of each kind: state travels at 1; what is said again soon, at 0.
QOS = {HEARTBEAT: 0, WILL: 0, "ak": 0, "st": 1, "sy": 1, "cf": 1}
#: A silent broker is noticed after 1.5 times this, in seconds.
KEEPALIVE_S = 5
#: Longest wait for a broker to answer, and longest pause before the next try, in seconds.
CONNECT_TIMEOUT_S, LONGEST_PAUSE_S = 2.0, 2.0
#: How many envelopes a second that turn out to be bad are opened per path, heartbeats counted for themselves.
BAD_PER_S = 512

#: Said of a heartbeat under our name that is not ours.
OWN_NAME = "own name"


class LinkHandler(Protocol):
    """What the link tells its user, always in the loop's thread. None of these may block. A path is ``host:port``."""

    def heard(self, path: str, header: Header, kind: str, body: bytes) -> None:
        """Called for the first copy of each message that was let in.

        A heartbeat may be of a boot that is not proven; ``ClusterLink.current`` tells which is.
        """

    def beat(self, path: str, header: Header) -> None:
        """Called for each authentic heartbeat on each path, second copies too: for judging paths, not for life."""

    def path_up(self, path: str) -> None:
        """Called when a broker took us."""

    def path_down(self, path: str, reason: str) -> None:
        """Called when the connection ended, could not be made, or a subscription was refused."""

    def stranger(self, reason: str, path: str, count: int) -> None:
        """Called for what was dropped because it is not of our cluster; at most once a minute per reason.

        ``count`` is how many there were since the last call.
        """


class PathState(NamedTuple):
    """How one broker is: what is wrong (empty: connected), and how long ago an own heartbeat came back by it."""

    path: str
    problem: str
    returned_ago_s: float | None


class ClusterLink:
    """All brokers of one node. ``start`` it; the other methods may be called at any time."""

    def __init__(
        self,
        config: ClusterConfig,
        cluster: str,
        node: str,
        store: str,
        boot: str,
        handler: LinkHandler,
        *,
        clock: Clock | None = None,
    ) -> None:
        """Set up; raises ``ConfigError`` for keys or addresses that cannot be read. Nothing is connected yet."""
        self.node, self.store, self.boot = node, store, boot
        self.clock = clock or SystemClock()
        self.handler = handler
        self.keyring = Keyring.parse(config.key.get_secret_value())
        self.gate = Gate(boot, store=store, node=node)
        self.tally: Counter[str] = Counter()
        self.complaints = Complaints(handler.stranger, self.clock.monotonic_s)
        self.prefix = f"addispatch/{cluster}/_cl/"
        self._own_boots = deque([boot], maxlen=16)
        self._sent = self._wills = 0
        self._paths = [_Path(self, settings) for settings in _settings(config, f"addispatch-cl-{cluster}-{node}")]

    # -- for its user ----------------------------------------------------------------------------------------------

    def start(self, supervisor: Supervisor) -> None:
        """Connect to all brokers, each on its own."""
        for path in self._paths:
            supervisor.run(f"cluster link to {path.name}", path.link.run)

    async def stop(self) -> None:
        """Say goodbye to the brokers; the last will is not sent."""
        for path in self._paths:
            await path.link.stop()

    def send(self, kind: str, to: str, body: bytes, *, tstore: str = "", tboot: str = "") -> int:
        """Seal once and publish on all connected brokers; returns on how many.

        Raises ``BadEnvelope`` for a body that is too large and ``KeyError`` for a kind that is none.
        """
        self._sent += 1
        who = self.node if kind == HEARTBEAT else to
        topic = f"{self.prefix}{kind}/{who}"
        payload = self._seal(topic, self._sent, to, body, tstore, tboot)
        count = sum(path.link.is_connected and path.link.publish(topic, payload, qos=QOS[kind]) for path in self._paths)
        self.tally["sent"] += 1
        self.tally["published"] += count
        return count

    def farewell(self) -> int:
        """Publish the last will now: the peer need not wait for our silence. For an orderly stop, before ``stop``."""
        return sum(path.link.is_connected and path.publish(self.next_will()) for path in self._paths)

    def renew(self, boot: str) -> None:
        """Go on under a new boot: our numbers start anew, and everybody must hear of it before being heard again.

        The brokers learn of the new last will at the next connection; until then one of the old boot is out, which the
        peer does not count.
        """
        self.boot = boot
        self._own_boots.append(boot)
        self._sent = self._wills = 0
        self.gate.renew(boot)
        for path in self._paths:
            path.link.leave_will(self.next_will())

    def current(self, sender: str) -> str | None:
        """The proven boot of a node; None while it has not named ours."""
        return self.gate.current(sender)

    def paths(self) -> list[PathState]:
        """How each broker is, in the order of the configuration."""
        now_s = self.clock.monotonic_s()
        return [
            PathState(path.name, path.link.problem, None if path.returned_s is None else now_s - path.returned_s)
            for path in self._paths
        ]

    def counts(self) -> dict[str, int]:
        """How many messages were sent (once each), published (per broker), and what became of those that came."""
        return dict(self.tally)

    # -- for its paths ---------------------------------------------------------------------------------------------

    def is_own(self, header: Header) -> bool:
        """Tell whether this process sent it."""
        return header.sender == self.node and header.store == self.store and header.boot in self._own_boots

    def next_will(self) -> Publication:
        """The last will of the next connection: each has a number of its own."""
        self._wills += 1
        topic = f"{self.prefix}{WILL}/{self.node}"
        return Publication(topic, self._seal(topic, self._wills, "", b"{}"), qos=QOS[WILL])

    def _seal(self, topic: str, number: int, to: str, body: bytes, tstore: str = "", tboot: str = "") -> bytes:
        ts = self.clock.now_ms() / 1000
        header = Header(VERSION, self.keyring.kid, self.node, self.store, self.boot, number, to, tstore, tboot, ts)
        return seal(self.keyring, topic, header, body)


class _Path:
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
        addressed = [
            (f"{owner.prefix}{kind}/{owner.node}", qos) for kind, qos in QOS.items() if kind not in (HEARTBEAT, WILL)
        ]
        self.link.subscribe([(f"{owner.prefix}{kind}/+", QOS[kind]) for kind in (HEARTBEAT, WILL)] + addressed)

    def publish(self, item: Publication) -> bool:
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
            self._take(message.topic, message.payload)
        except BadEnvelope as bad:
            self._strange(bad.reason)
        except Exception:  # a border: a bug above must not end the connection
            log.exception("a message of the cluster on %s could not be handled", self.name)

    def _take(self, topic: str, payload: bytes) -> None:
        owner = self._owner
        kind, _, who = topic.removeprefix(owner.prefix).partition("/")
        if kind not in QOS:
            owner.tally["ignored"] += 1
            return
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
        owner.tally[verdict] += 1
        if kind == HEARTBEAT and verdict in (Verdict.ADMIT, Verdict.DUPLICATE):
            self._beat(header)
        if verdict is Verdict.ADMIT:
            owner.handler.heard(self.name, header, kind, body)

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


def _settings(config: ClusterConfig, client_id: str) -> list[MqttSettings]:
    tls = Tls(ca_file=config.ca_file, cert_file=config.cert_file, key_file=config.key_file, insecure=config.insecure)
    made = []
    for url in config.brokers:
        address = BrokerAddress.parse(url)
        if config.user is not None:
            password = config.password.get_secret_value() if config.password else None
            address = replace(address, user=config.user, password=password)
        made.append(
            MqttSettings(
                address=address,
                client_id=client_id,
                keepalive_s=KEEPALIVE_S,
                connect_timeout_s=CONNECT_TIMEOUT_S,
                longest_pause_s=LONGEST_PAUSE_S,
                tls=tls if address.tls else None,
            )
        )
    return made
