"""The two hosts, their modems, the people and the plant, on a time that is only counted."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.daemon import Daemon
from sim.disk import Disk, acked, cleared, declined
from sim.net import Letter, Net
from sim.oracle import Oracle
from sim.plan import PATIENCE_S, Alarm, Fault, Kind, Plan

from addispatch.cluster.liveness import Standing, Timing
from addispatch.cluster.node import Node
from addispatch.domain.case import Case, DeliveryKey, DeliveryState, Fact
from addispatch.domain.ownership import in_doubt

DEFAULT = Timing()


@dataclass(frozen=True)
class Rules:
    """What is under test; an ablation changes one of these."""

    node: type[Node] = Node
    timing: Timing = DEFAULT
    owner_by_name: bool = False
    doubt_fails: bool = False
    rechecks: bool = True
    passive_ignores: bool = False
    wall_clocks: bool = False
    #: Whether the gate knows how much of us a boot has heard.
    echoes: bool = True

    def doubt(self, case: Case) -> Case:
        """What was under way when its node ended."""
        delta = in_doubt(case)
        if self.doubt_fails:
            failed = {k: DeliveryState(Fact.FAILED, s.attempt - 1) for k, s in delta.deliveries.items()}
            return delta._replace(deliveries=failed)
        return delta


class Modem:
    """Sends one text at a time; its operator's network may know more than the one who asked."""

    def __init__(self, host: Host) -> None:
        self.host, self.world = host, host.world

    def send(self, daemon: Daemon, ident: str, key: DeliveryKey, ended: Callable[[str], None]) -> None:
        """Hand over; ``ended`` hears ``sent``, ``failed`` or ``in doubt``."""
        world = self.world
        world.oracle.begun(self.host.rank, ident, key)
        takes_s = world.rng.uniform(0.15, 0.8) if world.rng.random() < 0.97 else world.rng.uniform(4.0, 8.0)
        if not self.host.is_modem_up:
            world.after(takes_s, daemon.call, ended, "failed")
            return
        world.after(takes_s * world.rng.random(), self._out, daemon, ident, key, ended, takes_s)

    def _out(self, daemon: Daemon, ident: str, key: DeliveryKey, ended: Callable[[str], None], takes_s: float) -> None:
        is_up = self.host.is_modem_up
        is_lost = (daemon.is_dead or not is_up) and self.world.rng.random() < 0.5
        if not is_lost:
            self.world.oracle.sent(self.host.rank, ident, key)
            self.world.received(self.host, ident, key)
        self.world.after(takes_s / 2, daemon.call, ended, "sent" if is_up else "in doubt")


class Host:
    """A machine: a disk, a modem, and mostly a process."""

    def __init__(self, world: World, rank: int) -> None:
        self.world, self.rank = world, rank
        self.skew_s = world.rng.uniform(-90, 90)
        self.disk = Disk(self.new_store())
        self.modem = Modem(self)
        self.daemon: Daemon | None = None
        self.full_count = self.outage_count = self.down_count = self.frozen_count = self.slow_count = 0
        self.seems_up = True
        self.snapshots: dict[Fault, Disk] = {}

    @property
    def is_full(self) -> bool:
        return self.full_count > 0

    @property
    def is_modem_up(self) -> bool:
        return self.outage_count == 0

    @property
    def is_well(self) -> bool:
        return self.daemon is not None and not self.daemon.is_frozen

    def new_store(self) -> str:
        return "AB"[self.rank] if self.world.rules.owner_by_name else "store " + self.world.new_boot()

    def start(self) -> None:
        self.world.oracle.started(self)
        self.daemon = Daemon(self)
        for broker in (0, 1):
            self.world.after(self.world.rng.uniform(0.02, 0.2), self.world.net._connect, self.rank, broker)

    def receive(self, letter: Letter) -> None:
        if self.daemon is not None:
            self.daemon.call(self.daemon.heard, letter)

    def path(self, broker: int, *, is_up: bool) -> None:
        if self.daemon is not None:
            self.daemon.call(self.daemon.path, broker, is_up)

    # -- faults ------------------------------------------------------------------------------------------------------

    def crash(self) -> None:
        self.down_count += 1
        if self.daemon is not None:
            self.world.oracle.crashed(self)
            self.daemon.is_dead = True
            self.world.net.left(self.rank)
            self.daemon = None

    def restart(self) -> None:
        self.down_count -= 1
        if not self.down_count:
            self.start()
            if self.frozen_count:
                assert self.daemon is not None
                self.daemon.is_frozen = True

    def stop(self, down_s: float) -> None:
        """An orderly stop and start."""
        daemon = self.daemon
        if daemon is None or daemon.is_frozen:
            return

        def ended() -> None:
            if self.daemon is daemon:
                self.down_count += 1
                self.daemon = None
                daemon.is_dead = True
                self.world.net.left(self.rank, is_orderly=True)
                self.world.after(down_s, self.restart)

        daemon.leave(ended)

    def replace(self, disk: Disk) -> None:
        old, self.disk = self.disk, disk
        self.world.oracle.disk_lost(self, old)

    def freeze(self) -> None:
        self.frozen_count += 1
        if self.daemon is not None:
            self.daemon.is_frozen = True

    def thaw(self) -> None:
        self.frozen_count -= 1
        if self.daemon is not None and not self.frozen_count:
            self.daemon.thaw()

    def outage(self, by: int) -> None:
        self.outage_count += by
        self.world.after(self.world.rng.uniform(0.1, 2.0), self._notice)

    def _notice(self) -> None:
        if self.seems_up != self.is_modem_up:
            self.seems_up = self.is_modem_up
            if self.daemon is not None:
                self.daemon.call(self.daemon.tell_local)


class World:
    """``run`` plays the plan and lets the oracle judge."""

    def __init__(self, plan: Plan, rules: Rules | None = None) -> None:
        self.plan, self.rules = plan, rules or Rules()
        self.rng = random.Random(plan.seed * 2 + plan.is_passive)
        self.now_s = 0.0
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self.oracle = Oracle(self)
        self.net = Net(self)
        self.hosts = [Host(self, 0), Host(self, 1)]
        self._replied: set[tuple[str, str]] = set()

    def at(self, at_s: float, function: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (at_s, self._count, function, args))

    def after(self, delay_s: float, function: Callable[..., None], *args: Any) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now_s + delay_s, self._count, function, args))

    def new_boot(self) -> str:
        return f"{self.rng.getrandbits(32):08x}"

    def begin(self) -> None:
        """Plan everything; ``until`` lets it happen."""
        for host in self.hosts:
            self.after(self.rng.uniform(0.0, 0.5), host.start)
        for alarm in self.plan.alarms:
            for host in (0, 1) if alarm.shared else (alarm.host,):
                self.at(alarm.at_s, self._raise, alarm, host)
            for delay_s, what in ((alarm.clear_s, self._clear), (alarm.cancel_s, self._cancel)):
                if delay_s is not None:
                    self.at(alarm.at_s + delay_s, what, alarm)
        for fault in self.plan.faults:
            self._arm(fault)
        for at_s, host, on in self.plan.pauses:
            self.at(at_s, self._pause, host, on)
        for at_s, host in self.plan.edits:
            self.at(at_s, self._edit, host)
        for at_s, host, down_s in self.plan.stops:
            self.at(at_s, self.hosts[host].stop, down_s)
        if self.plan.promote_s is not None:
            self.at(self.plan.promote_s, self._promote)

    def run(self) -> Oracle:
        """Let it happen, wait until all is done, and judge."""
        self.begin()
        plan = self.plan
        ends_s = (*(f.until_s for f in plan.faults), *(a.at_s for a in plan.alarms), *(p[0] for p in plan.pauses))
        ends_s = (*ends_s, *(at_s + down_s + 5.0 for at_s, _, down_s in plan.stops))
        healed_s = max(6.0, *ends_s)
        self.until(healed_s)
        while self.now_s < healed_s + PATIENCE_S:
            self.until(self.now_s + 0.5)
            if self.is_quiet():
                break
        self.oracle.judge()
        return self.oracle

    def until(self, until_s: float) -> None:
        queue, pop = self._queue, heapq.heappop
        while queue and queue[0][0] <= until_s:
            self.now_s, _, function, args = pop(queue)
            function(*args)
        self.now_s = until_s

    def is_quiet(self) -> bool:
        """Whether all is done and known to both."""
        for host in self.hosts:
            daemon = host.daemon
            if daemon is None or daemon.is_busy or not daemon.node.is_settled:
                return False
            if daemon.node.entries.unclean and self.plan.mirror:
                return False
            if daemon.node.standing is not Standing.UP or host.disk.pause.on:
                return False
        return self.oracle.is_done()

    # -- faults ------------------------------------------------------------------------------------------------------

    def _arm(self, fault: Fault) -> None:
        host = self.hosts[fault.host]
        begin, end = self._both_ends(fault, host)
        self.at(fault.at_s, begin)
        self.at(fault.until_s, end)
        if fault.kind is Kind.ROLLBACK:
            self.at(fault.at_s - fault.back_s, lambda: host.snapshots.update({fault: host.disk.copy()}))

    def _both_ends(self, fault: Fault, host: Host) -> tuple[Callable[[], None], Callable[[], None]]:
        net, here, there, broker = self.net, fault.host, 1 - fault.host, fault.broker
        match fault.kind:
            case Kind.CRASH:
                return host.crash, host.restart
            case Kind.BOTH_CRASH:
                return self._crash_both, self._restart_both
            case Kind.DISK_DESTROYED:
                return lambda: self._destroy(host), host.restart
            case Kind.ROLLBACK:
                return lambda: self._roll_back(fault, host), host.restart
            case Kind.FREEZE:
                return host.freeze, host.thaw
            case Kind.PARTITION:
                paths = [(here, there, True), (here, there, False), (there, here, True), (there, here, False)]
            case Kind.ONE_WAY:
                paths = [(here, there, True), (there, here, False)]
            case Kind.PATH:
                paths = [(here, broker, True), (here, broker, False)]
            case Kind.BROKER:
                return lambda: net.broker_down(broker), lambda: net.broker_up(broker)
            case Kind.MODEM:
                return lambda: host.outage(1), lambda: host.outage(-1)
            case Kind.DISK_FULL:
                return lambda: self._fill(host, 1), lambda: self._fill(host, -1)
            case Kind.POWER:
                return lambda: self._power(host, on=False), lambda: self._power(host, on=True)
            case Kind.SLOW_DISK:
                return lambda: self._slow_disk(host, 1), lambda: self._slow_disk(host, -1)
            case Kind.SLOW_NET:
                return lambda: net.slow(1), lambda: net.slow(-1)
            case Kind.FALSE_WILL:
                return lambda: self._false_will(host, broker), lambda: None
        return lambda: net.cut(*paths), lambda: net.heal(*paths)

    def _crash_both(self) -> None:
        for host in self.hosts:
            host.crash()

    def _restart_both(self) -> None:
        for host in self.hosts:
            self.after(self.rng.uniform(0, 3), host.restart)

    def _destroy(self, host: Host) -> None:
        host.crash()
        host.replace(Disk(host.new_store()))

    def _roll_back(self, fault: Fault, host: Host) -> None:
        host.crash()
        disk = host.snapshots[fault]
        if disk.store == host.disk.store:
            host.replace(disk)

    def _power(self, host: Host, *, on: bool) -> None:
        """A machine with its broker."""
        if on:
            host.restart()
            self.net.broker_up(host.rank)
        else:
            self.net.broker_down(host.rank)
            host.crash()

    def _slow_disk(self, host: Host, by: int) -> None:
        host.slow_count += by

    def _fill(self, host: Host, by: int) -> None:
        host.full_count += by

    def _false_will(self, host: Host, broker: int) -> None:
        if (host.rank, broker) in self.net.sessions:
            self.net.will(host.rank, broker)

    # -- plant and people --------------------------------------------------------------------------------------------

    def _raise(self, alarm: Alarm, rank: int) -> None:
        """The source tells it until somebody has it: again to the same, or to the other node."""
        if self.oracle.is_accepted(alarm.ident, rank):
            return
        host = self.hosts[rank]
        if host.is_well and not host.is_full:
            assert host.daemon is not None
            self.oracle.offered.add((alarm.ident, rank))
            host.daemon.accept(alarm, lambda mirrored: self.oracle.accepted(alarm, rank, mirrored=mirrored))
        self.after(self.rng.uniform(1.0, 3.0), self._raise, alarm, rank if alarm.shared else self.rng.randrange(2))

    def received(self, host: Host, ident: str, key: DeliveryKey) -> None:
        """Somebody got a text; perhaps he answers, once."""
        alarm, who = self.oracle.alarms[ident], key.recipient
        if (ident, who) in self._replied:
            return
        for name, delay_s in alarm.acks:
            if name == who:
                self._replied.add((ident, who))
                self.after(delay_s, self._note, acked(ident, who, int(self.now_s * 1000)), host.rank)
        if who in alarm.declines:
            self._replied.add((ident, who))
            self.after(1.0, self._note, declined(ident, who, int(self.now_s * 1000)), host.rank)

    def _note(self, delta: Case, rank: int) -> None:
        """An answer or a clear: at the node whose number wrote, or by another way at any; until it is taken."""
        if self.oracle.is_noted(delta):
            return
        host = self.hosts[rank if self.rng.random() < 0.7 else self.rng.randrange(2)]
        if host.is_well:
            assert host.daemon is not None
            host.daemon.note(delta, lambda: self.oracle.noted(delta, host))
        self.after(1.0, self._note, delta, rank)

    def _clear(self, alarm: Alarm) -> None:
        self._note(cleared(alarm.ident, int(self.now_s * 1000)), self.rng.randrange(2))

    def _cancel(self, alarm: Alarm) -> None:
        host = self.hosts[self.rng.randrange(2)]
        if host.is_well:
            assert host.daemon is not None
            self.oracle.cancelled.add(alarm.ident)
            host.daemon.cancel(alarm.ident)

    def _pause(self, rank: int, on: bool) -> None:
        host = self.hosts[rank]
        if host.is_well and not host.is_full:
            assert host.daemon is not None
            host.daemon.pause(on=on)
        elif not on:
            self.after(1.0, self._pause, 1 - rank, on)

    def _promote(self) -> None:
        host = self.hosts[1]
        if host.is_well:
            assert host.daemon is not None
            host.daemon.edit(term=2)

    def _edit(self, rank: int) -> None:
        host = self.hosts[rank]
        if host.is_well:
            assert host.daemon is not None
            host.daemon.edit()


def play(plan: Plan, rules: Rules | None = None) -> Oracle:
    """Play a schedule; the oracle that is returned lists what was wrong."""
    return World(plan, rules).run()


__all__ = ["Disk", "Host", "Modem", "Rules", "World", "play"]
