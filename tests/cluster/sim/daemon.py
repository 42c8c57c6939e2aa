"""One process of a node: the shipped rules, driven as the daemon drives them, over a ledger, a modem and two brokers.

A commit takes a little time, and the rules hear of it a little later: a crash can fall between any two of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sim.disk import Age, Clock, Disk, Record, is_open, role_of
from sim.net import Letter, header_of
from sim.plan import ASKED, CHANNEL, LEAVE_S, Alarm
from sim.sending import Sending, View

from addispatch.cluster import events as ev
from addispatch.cluster.gate import HEARTBEAT, WILL, Gate, Verdict
from addispatch.cluster.messages import Config, Heartbeat, Identity, Local, Pause
from addispatch.domain.case import Case, DeliveryKey, DeliveryState, Fact, Head, Owner, Position
from addispatch.domain.case_state import asks
from addispatch.domain.ownership import in_doubt, is_under_way, passed_to

if TYPE_CHECKING:
    from sim.world import Host

TICK_S = 0.05
TICK = ev.Tick()


class Daemon(Sending):
    """Made at each start of the process."""

    def __init__(self, host: Host) -> None:
        self.host, self.world = host, host.world
        self.rng = self.world.rng
        self.is_dead = self.is_frozen = False
        self._backlog: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._written_s = self._told_s = self.world.now_s
        self._n = self._wills = self._ticks = 0
        self._mirrored: list[str] = []
        self._wants = Config()
        self.in_hand: tuple[str, DeliveryKey] | None = None
        self._due_s: dict[DeliveryKey | tuple[str, DeliveryKey], float] = {}
        self._views: dict[str, View] = {}
        self._waiters: dict[int, Callable[[bool], None]] = {}
        self._tokens = 0
        self._stepping: set[str] = set()
        rules = self.world.rules
        name = "AB"[host.rank]
        me = Identity(name, host.rank, self.disk.store, self.world.new_boot())
        self.node = rules.node(
            me,
            rules.timing,
            self._local(),
            self.world.new_boot,
            self.world.now_s,
            is_passive=self.world.plan.is_passive,
        )
        self.gate = Gate(me.boot, store=me.store, node=me.name)
        self.submit(self._start, self._started, is_vital=True)
        self.world.after(self.rng.uniform(0.0, TICK_S), self._tick)

    @property
    def disk(self) -> Disk:
        return self.host.disk

    # -- the process -------------------------------------------------------------------------------------------------

    def call(self, function: Callable[..., None], *args: Any) -> None:
        """Run something in the loop of this process, if it still runs, when it runs."""
        if self.is_dead:
            return
        if self.is_frozen:
            self._backlog.append((function, args))
        else:
            function(*args)

    def thaw(self) -> None:
        """What came meanwhile is done now; as in the real loop, mostly what was read before the timers."""
        self.is_frozen = False
        backlog, self._backlog = self._backlog, []
        if self.rng.random() < 0.5:
            backlog.sort(key=lambda item: item[0] == self._tick)
        for function, args in backlog:
            self.call(function, *args)

    def _tick(self) -> None:
        if self.is_dead:
            return
        if self.is_frozen:
            self._backlog.append((self._tick, ()))
            return
        self.world.after(TICK_S, self._tick)
        for action in self.node.step(TICK, self.world.now_s):
            self._perform(action)
        if self._mirrored:
            ids, self._mirrored = self._mirrored, []
            self.submit(lambda disk: disk.mirrored.update({i: disk.digests[i] for i in ids}), lambda _: None)
        if self._wants > self.node.local.config:
            self.submit(lambda disk: self._set_config(disk, self._wants), lambda _: self.tell_local())
        self._ticks += 1
        if self._ticks % 4 == 0:
            self.look()

    def step(self, event: ev.Event) -> None:
        for action in self.node.step(event, self.world.now_s):
            self._perform(action)

    def _perform(self, action: ev.Action) -> None:
        match action:
            case ev.Send(message):
                self._post(message)
            case ev.Merge(records, store, boot):
                self.submit(
                    lambda disk: self._merge(disk, records),
                    lambda done: self._merged(done, store, boot),
                    failed=lambda: self._merged([], store, boot),
                )
            case ev.Fetch(ids):
                self._read(lambda disk: tuple(self._whole(disk, ident) for ident in ids), ev.Fetched)
            case ev.Look(theirs):
                self._read(
                    lambda disk: tuple(
                        disk.change(i) if i in disk.cases else ev.Change(i, 0, Owner(), is_open=False) for i in theirs
                    ),
                    lambda c: ev.Looked(c, theirs),
                )
            case ev.Claim(ids):
                self.world.oracle.claimed(self.host.rank)
                self.commit(lambda disk: [self._claimed(disk, ident) for ident in ids])
            case ev.Give(ids, rank, store):
                self.commit(lambda disk: [self._given(disk, ident, rank, store) for ident in ids])
            case ev.Doubt(ids):
                self.commit(lambda disk: [self._doubted(disk, ident) for ident in ids])
            case ev.Mirrored(ids):
                self._mirrored.extend(ids)
            case ev.Confirm(token, mirrored):
                self._waiters.pop(token)(mirrored)
            case ev.SetPause(pause):
                self.submit(lambda disk: self._set_pause(disk, pause), lambda _: self.tell_local())
            case ev.PeerChanged(_, heartbeat) if heartbeat is not None:
                config = heartbeat.local.config
                self._wants = max(self._wants, config)
            case ev.Tell(text):
                self.world.oracle.told.append((self.world.now_s, self.host.rank, text))
            case ev.Renew(boot):
                self._n = self._wills = 0
                self.gate.renew(boot)
            case ev.Settle():
                self.world.after(0.0, self.call, self.look)
            case _:
                pass

    def _post(self, message: Any) -> None:
        self._n += 1
        if isinstance(message, Heartbeat):
            letter = Letter(header_of(self.node.me, self._n, None), HEARTBEAT, message._replace(number=self._n))
        else:
            assert self.node.peer is not None
            letter = Letter(header_of(self.node.me, self._n, self.node.peer.who), "st", message)
        self.world.net.send(self.host.rank, letter)

    def heard(self, letter: Letter) -> None:
        """A message came: what the link does with it."""
        header, kind, message = letter
        number = message.seen_number if kind == HEARTBEAT and self.world.rules.echoes else None
        echo = (message.seen_boot, number) if kind == HEARTBEAT else (None, None)
        if self.gate.admit(header, kind, *echo) is not Verdict.ADMIT:
            return
        if kind == WILL:
            self.step(ev.Will(header.boot))
        elif kind == HEARTBEAT:
            self.step(ev.Beat(message))
        else:
            self.step(ev.Came(message, header.store, header.boot))

    def path(self, broker: int, is_up: bool) -> None:
        if is_up:
            self._wills += 1
            self.world.net.leave_will(self.host.rank, broker, self.node.me, self._wills)
        self.step(ev.PathUp(str(broker)) if is_up else ev.PathDown(str(broker)))

    # -- the ledger --------------------------------------------------------------------------------------------------

    def submit(
        self,
        unit: Callable[[Disk], Any],
        told: Callable[[Any], None],
        *,
        is_vital: bool = False,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Commit something, in order; ``told`` hears of it a little later. A full disk takes nothing but vital things."""
        takes_s = self.rng.uniform(0.05, 0.5) if self.host.slow_count else self.rng.uniform(0.0005, 0.01)
        self._written_s = max(self._written_s, self.world.now_s + takes_s)
        self.world.at(self._written_s, self.call, self._write, unit, told, is_vital, failed)

    def _write(
        self,
        unit: Callable[[Disk], Any],
        told: Callable[[Any], None],
        is_vital: bool,
        failed: Callable[[], None] | None,
    ) -> None:
        if self.host.is_full and not is_vital:
            if failed is not None:
                self.world.after(0.2, self.call, failed)
            return
        done = unit(self.disk)
        self._told_s = max(self._told_s, self.world.now_s + self.rng.uniform(0.0001, 0.003))
        self.world.at(self._told_s, self.call, told, done)

    def commit(
        self,
        make: Callable[[Disk], Iterable[Case | None]],
        then: Callable[[], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Join parts into cases; the rules hear of what changed."""

        def unit(disk: Disk) -> tuple[ev.Change, ...]:
            deltas = [delta for delta in make(disk) if delta is not None]
            return tuple(disk.change(d.id, self._record(disk, d)) for d in deltas if disk.join(d))

        def told(changes: tuple[ev.Change, ...]) -> None:
            if changes:
                self.step(ev.Committed(changes))
            if then is not None:
                then()
            self.look()

        self.submit(unit, told, failed=failed)

    def _read(self, read: Callable[[Disk], Any], event: Callable[[Any], ev.Event]) -> None:
        def unit(disk: Disk) -> Any:
            return read(disk)

        self.submit(unit, lambda done: self.step(event(done)), is_vital=True)

    def _record(self, disk: Disk, case: Case) -> Record:
        clock, now_s = disk.clocks.get(case.id), self._clock_s
        if clock is None:
            return Record(case, disk.digests[case.id], None)
        if self.world.rules.wall_clocks:
            return Record(case, disk.digests[case.id], Age(*clock))
        handed_s = None if clock.handed_s is None else now_s - clock.handed_s
        return Record(case, disk.digests[case.id], Age(clock.position, now_s - clock.queued_s, handed_s))

    @property
    def _clock_s(self) -> float:
        """Now as this node counts it; only an ablation compares it with the other node's."""
        return self.world.now_s + (self.host.skew_s if self.world.rules.wall_clocks else 0.0)

    def _whole(self, disk: Disk, ident: str) -> ev.Change:
        return disk.change(ident, self._record(disk, disk.cases[ident]))

    def _start(self, disk: Disk) -> tuple[ev.Change, ...]:
        for case in list(disk.cases.values()):
            if case.owner.store == disk.store:
                disk.join(self.world.rules.doubt(case))
        return tuple(
            disk.change(ident)
            for ident, case in disk.cases.items()
            if is_open(case) or disk.mirrored.get(ident) != disk.digests[ident]
        )

    def _started(self, changes: tuple[ev.Change, ...]) -> None:
        self.step(ev.Loaded(changes))

    def _merge(self, disk: Disk, records: tuple[Record, ...]) -> list[tuple[ev.Change, int]]:
        done = {}
        for record in records:
            ident = record.case.id
            if ident not in disk.cases and record.case.head is None:  # a part of what we do not have
                done[ident] = ev.Change(ident, 0, Owner(), is_open=False), record.digest
                continue
            disk.join(record.case)
            if record.age is not None:
                disk.take_clock(ident, self._clock_of(record.age))
            done[ident] = disk.change(ident), record.digest
        return list(done.values())

    def _clock_of(self, age: Age) -> Clock:
        if self.world.rules.wall_clocks:
            return Clock(*age)
        now_s = self._clock_s
        return Clock(age.position, now_s - age.queued_s, None if age.handed_s is None else now_s - age.handed_s)

    def _merged(self, done: list[tuple[ev.Change, int]], store: str, boot: str) -> None:
        changes = tuple(change for change, _ in done)
        self.step(ev.Merged(changes, {change.id: digest for change, digest in done}, store, boot))
        self.look()

    def _claimed(self, disk: Disk, ident: str) -> Case | None:
        case, spared = disk.cases[ident], self.node.spares(self.world.now_s)
        if spared is None or case.owner.store in (spared, disk.store):
            return None
        return passed_to(case, self.host.rank, disk.store)._replace(deliveries=self.world.rules.doubt(case).deliveries)

    def _doubted(self, disk: Disk, ident: str) -> Case | None:
        case = disk.cases[ident]
        if case.owner.store != disk.store:
            return None
        again = self.world.rules.doubt(case).deliveries
        again = {key: state for key, state in again.items() if (ident, key) != self.in_hand}
        return Case(ident, deliveries=again) if again else None

    def _given(self, disk: Disk, ident: str, rank: int, store: str) -> Case | None:
        case = disk.cases[ident]
        if case.owner.store != disk.store or is_under_way(case):
            return None
        return passed_to(case, rank, store)

    def _set_pause(self, disk: Disk, pause: Pause) -> None:
        disk.pause = max(disk.pause, pause)

    def _set_config(self, disk: Disk, config: Any) -> None:
        disk.config = max(disk.config, config)

    # -- what comes from outside -------------------------------------------------------------------------------------

    def _local(self) -> Local:
        return Local(
            channels=((CHANNEL, self.host.seems_up),),
            disk="full" if self.host.is_full else "ok",
            role=role_of(self.disk.config, self.host.rank),
            pause=self.disk.pause,
            config=self.disk.config,
            mirror=self.world.plan.mirror,
        )

    def tell_local(self) -> None:
        self.step(ev.Became(self._local()))

    def accept(self, alarm: Alarm, answer: Callable[[bool], None]) -> None:
        """A source gives an alarm; ``answer`` hears whether it is mirrored, once it is accepted."""
        if self.world.rules.passive_ignores and not self.node.is_active:
            answer(True)
            return
        owner = self.node.owner_for(alarm.ident if alarm.shared else "")

        def make(disk: Disk) -> list[Case]:
            if alarm.ident in disk.cases:
                return []
            case = new_case(alarm, owner, int((self.world.now_s + self.host.skew_s) * 1000))
            disk.clocks[alarm.ident] = Clock(Position(), self._clock_s, None)
            return [case]

        def then() -> None:
            self._tokens += 1
            self._waiters[self._tokens] = answer
            self.step(ev.Await(self._tokens, {alarm.ident: self.disk.digests[alarm.ident]}))

        self.commit(make, then)

    def note(self, delta: Case, done: Callable[[], None]) -> None:
        """An acknowledgement, decline or clear comes here."""

        def unit(disk: Disk) -> ev.Change | None:
            return disk.change(delta.id, self._record(disk, delta)) if disk.note(delta) else None

        def told(change: ev.Change | None) -> None:
            done()
            if change is not None:
                self.step(ev.Committed((change,)))
            self.look()

        self.submit(unit, told)

    def cancel(self, ident: str) -> None:
        """An operator cancels what waits of a case."""

        def make(disk: Disk) -> list[Case]:
            case = disk.cases.get(ident)
            if case is None:
                return []
            waiting = {k: s._replace(fact=Fact.CANCELLED) for k, s in asks(case) if s.is_pending}
            return [Case(ident, deliveries=waiting)] if waiting else []

        self.commit(make)

    def pause(self, *, on: bool) -> None:
        pause = Pause(self.node.local.pause.counter + 1, self.node.me.rank, on, "operator")
        self.submit(lambda disk: self._set_pause(disk, pause), lambda _: self.tell_local())

    def edit(self, term: int = 1) -> None:
        """The master's directory changes; with a higher term this node is the master from now on."""
        config = self.disk.config
        if term <= config.term and role_of(config, self.host.rank) != "master":
            return
        newer = Config(max(term, config.term), config.gen + 1, f"{self.host.rank} {self.world.new_boot()}")
        self.submit(lambda disk: self._set_config(disk, newer), lambda _: self.tell_local())

    # -- an orderly stop ---------------------------------------------------------------------------------------------

    def leave(self, ended: Callable[[], None]) -> None:
        """Begin nothing more, end what is under way, hand the rest to the other node; then end."""
        self.node.is_leaving = True
        self._leave(self.world.now_s + LEAVE_S, ended)

    def _leave(self, until_s: float, ended: Callable[[], None]) -> None:
        node = self.node
        has_more = bool(node.entries.unclean) or (node.can_give and any(True for _ in node.entries.mine()))
        if self.world.now_s < until_s and (self.is_busy or (node.has_peer and has_more)):
            self.world.after(TICK_S, self.call, self._leave, until_s, ended)
        else:
            # A hand-over that takes longer than that is in doubt; and without the other node nobody knows what was sent.
            if self.is_busy or not node.can_give:
                self.world.oracle.broken_off_count += 1
            ended()

    # -- sending and escalating --------------------------------------------------------------------------------------


def new_case(alarm: Alarm, owner: Owner, at_ms: int) -> Case:
    head = Head(alarm.ident, "team", "Team", "plant", alarm.ident, at_ms, key=alarm.ident, policy=alarm.policy)
    pending = {DeliveryKey(0, 0, who, CHANNEL, who): DeliveryState() for who in ASKED[alarm.policy]}
    return Case(alarm.ident, head, owner, codes=frozenset({"AN"[owner.rank] + "123"}), deliveries=pending)


__all__ = ["Daemon", "in_doubt", "new_case"]
