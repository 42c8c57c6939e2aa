"""The pipe between the nodes: sealed datagrams over every configured broker. Called by ``engine.cluster``.

The brokers are taken for what they are, untrusted and lossy: each message is sealed once and published on all that are
connected, the first copy that comes is handed on, and all are acknowledged at once, for nothing here is a promise.
What comes in is judged in ``cluster.path``.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from addispatch.cluster.envelope import VERSION, Header, seal
from addispatch.cluster.gate import HEARTBEAT, WILL, Gate
from addispatch.cluster.keyring import Keyring
from addispatch.cluster.limits import Complaints
from addispatch.cluster.path import QOS, BrokerPath, LinkHandler
from addispatch.runtime.clock import SystemClock
from addispatch.runtime.mqtt import BrokerAddress, MqttSettings, Publication, Tls

if TYPE_CHECKING:
    from addispatch.config.models import ClusterConfig
    from addispatch.runtime.clock import Clock
    from addispatch.runtime.tasks import Supervisor

__all__ = ["ClusterLink", "LinkHandler", "PathState"]

#: A silent broker is noticed after 1.5 times this, in seconds.
KEEPALIVE_S = 5
#: Longest wait for a broker to answer, and longest pause before the next try, in seconds.
CONNECT_TIMEOUT_S, LONGEST_PAUSE_S = 2.0, 2.0


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
        self._paths = [BrokerPath(self, settings) for settings in _settings(config, _client_id(cluster, node, store))]

    # -- for its user ----------------------------------------------------------------------------------------------

    def start(self, supervisor: Supervisor) -> None:
        """Connect to all brokers, each on its own."""
        for path in self._paths:
            supervisor.run(f"link of {self.node} to {path.name}", path.link.run)

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
            PathState(path.name, path.problem, None if path.returned_s is None else now_s - path.returned_s)
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


def _client_id(cluster: str, node: str, store: str) -> str:
    # The same at each start: a connection that hangs is thrown out by the new one. The store is in it lest two nodes of
    # one name, by mistake, throw each other out instead of hearing and telling of each other.
    return f"addispatch-cl-{cluster}-{node}-{store[:8]}"


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
