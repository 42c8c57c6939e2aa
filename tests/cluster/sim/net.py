"""Two brokers and what can happen to a message on its way: loss, copies, another order, cuts, late replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from addispatch.cluster.envelope import Header
from addispatch.cluster.gate import HEARTBEAT, WILL

if TYPE_CHECKING:
    from sim.world import World

    from addispatch.cluster.messages import Identity

#: Most messages kept of a cut, to be delivered late.
HELD_COUNT = 40


class Letter(NamedTuple):
    """An opened envelope."""

    header: Header
    kind: str
    message: Any


class Net:
    """``sessions``: which host thinks it is connected to which broker; ``cuts``: (host, broker, is outgoing)."""

    def __init__(self, world: World) -> None:
        self.world = world
        #: A broker may be down for two reasons at once.
        self.down_count = [0, 0]
        self.slow_count = 0
        self.sessions: set[tuple[int, int]] = set()
        self.cuts: dict[tuple[int, int, bool], int] = {}
        self._held: list[tuple[int, int, Letter]] = []
        self._wills: dict[tuple[int, int], Letter] = {}

    def is_whole(self, host: int, broker: int) -> bool:
        return not self.down_count[broker] and not {(host, broker, True), (host, broker, False)} & self.cuts.keys()

    def send(self, host: int, letter: Letter) -> None:
        """Publish on both brokers."""
        plan, rng = self.world.plan, self.world.rng
        for broker in (0, 1):
            if (host, broker) not in self.sessions or self.down_count[broker]:
                continue
            if (host, broker, True) in self.cuts:
                self._hold(host, broker, letter)
                continue
            copies = 1 if rng.random() >= plan.duplicates else 2
            for _ in range(copies):
                if rng.random() >= plan.loss:
                    delay_s = rng.uniform(0.2, 1.0) if self.slow_count else rng.uniform(0.0005, 0.01)
                    if rng.random() < plan.reorder:
                        delay_s += rng.uniform(0.0, 0.15)
                    self.world.after(delay_s, self._arrive, 1 - host, broker, letter)

    def _arrive(self, host: int, broker: int, letter: Letter) -> None:
        if self.down_count[broker] or (host, broker) not in self.sessions:
            return
        if (host, broker, False) in self.cuts:
            self._hold(1 - host, broker, letter)
            return
        self.world.hosts[host].receive(letter)

    def _hold(self, sender: int, broker: int, letter: Letter) -> None:
        if len(self._held) < HELD_COUNT or letter.kind != HEARTBEAT:
            self._held.append((sender, broker, letter))

    # -- paths -------------------------------------------------------------------------------------------------------

    def cut(self, *paths: tuple[int, int, bool]) -> None:
        """Cut paths; after a while the hosts notice."""
        for path in paths:
            self.cuts[path] = self.cuts.get(path, 0) + 1
            self.world.after(self.world.rng.uniform(2.0, 8.0), self._notice, path[0], path[1])

    def heal(self, *paths: tuple[int, int, bool]) -> None:
        """Mend them; some of what was cut comes late."""
        for path in paths:
            self.cuts[path] -= 1
            if not self.cuts[path]:
                del self.cuts[path]
            self.reconnect(path[0], path[1])
        held, self._held = self._held, []
        for sender, broker, letter in held:
            if self.world.rng.random() < 0.5:
                self.world.after(self.world.rng.uniform(0.0, 2.0), self._arrive, 1 - sender, broker, letter)

    def _notice(self, host: int, broker: int) -> None:
        if not self.is_whole(host, broker):
            self.disconnect(host, broker)

    def disconnect(self, host: int, broker: int) -> None:
        if (host, broker) in self.sessions:
            self.sessions.discard((host, broker))
            self.world.hosts[host].path(broker, is_up=False)

    def reconnect(self, host: int, broker: int) -> None:
        self.world.after(self.world.rng.uniform(0.05, 1.0), self._connect, host, broker)

    def _connect(self, host: int, broker: int) -> None:
        is_running = self.world.hosts[host].daemon is not None
        if is_running and self.is_whole(host, broker) and (host, broker) not in self.sessions:
            self.sessions.add((host, broker))
            self.world.hosts[host].path(broker, is_up=True)

    def broker_down(self, broker: int) -> None:
        self.down_count[broker] += 1
        for host in (0, 1):
            self.disconnect(host, broker)

    def broker_up(self, broker: int) -> None:
        self.down_count[broker] -= 1
        for host in (0, 1):
            self.reconnect(host, broker)

    def slow(self, by: int) -> None:
        self.slow_count += by

    def left(self, host: int, *, is_orderly: bool = False) -> None:
        """The host's process ended: its sessions with it; the brokers publish its last will."""
        for broker in (0, 1):
            if (host, broker) in self.sessions:
                if is_orderly or self.world.rng.random() < 0.7:
                    self.will(host, broker)
                self.sessions.discard((host, broker))

    def will(self, host: int, broker: int) -> None:
        """The broker publishes the will that was left at the last connection."""
        will = self._wills.get((host, broker))
        if will is not None:
            self.world.after(self.world.rng.uniform(0.002, 0.05), self._arrive, 1 - host, broker, will)

    def leave_will(self, host: int, broker: int, me: Identity, n: int) -> None:
        """At a connection."""
        self._wills[host, broker] = Letter(header_of(me, n, None), WILL, None)


def header_of(me: Identity, n: int, to: Identity | None) -> Header:
    """What the envelope says."""
    target = (to.name, to.store, to.boot) if to is not None else ("", "", "")
    return Header(1, "", me.name, me.store, me.boot, n, *target, 0.0)
