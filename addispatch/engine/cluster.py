"""This node's place in a cluster: carries out what the rules (``cluster.node``) want, with ledger, link and dispatch.

Made by ``engine.node`` if the configuration has a table ``[cluster]``. All of it runs in the loop; each change of the
ledger comes by ``on_changes``, in the order of the commits and before those who wait for them are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING, Any

from addispatch.cluster import events as ev
from addispatch.cluster import wire
from addispatch.cluster.limits import Complaints
from addispatch.cluster.link import ClusterLink
from addispatch.cluster.liveness import Standing, Timing
from addispatch.cluster.messages import Heartbeat, Identity, Local, Pause
from addispatch.cluster.node import Node as Rules
from addispatch.domain.errors import StoreError
from addispatch.domain.events import INFO, SEVERE, WARNING, Said
from addispatch.engine import alike, joining, names, orphans, pause
from addispatch.engine.merging import Merging
from addispatch.engine.peer import Peer
from addispatch.engine.replication import Replication
from addispatch.pipeline.pairing import ACTIVE_MS, PASSIVE_MS, Pairing
from addispatch.runtime.tasks import Supervisor
from addispatch.store import held, mirror
from addispatch.store.ledger import Turn
from addispatch.store.notes import Twin, change_of, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.cluster.envelope import Header
    from addispatch.config.models import ClusterConfig
    from addispatch.domain.alarm import Alarm
    from addispatch.domain.case import Owner
    from addispatch.domain.result import Accepted
    from addispatch.engine.node import Node
    from addispatch.store.transaction import Transaction

log = logging.getLogger(__name__)

#: How often the rules are asked what is due, in seconds.
TICK_S = 0.05
#: Entries read in one unit at the start.
LOAD_COUNT = 200
#: Whole entries read in one unit.
FETCH_COUNT = 25
#: How long an orderly stop may take to hand everything over, in seconds.
LEAVE_S = 5.0
#: How often replies without a case are looked at, in seconds.
ORPHANS_S = 2.0


def _boot() -> str:
    return secrets.token_hex(16)


class Cluster:
    """``begin`` when the ledger is open, ``start`` when everything else runs, ``stop`` first of all."""

    def __init__(self, node: Node, config: ClusterConfig) -> None:
        self.config = config
        self._node = node
        self._tasks = Supervisor()
        self._confirming: dict[int, Callable[[bool], None]] = {}
        self._token = 0
        self._mirrored: list[str] = []
        self._orphans_s = 0.0
        #: Whether this node does what one node of two is enough for.
        self.on_duty = False
        self._complaints = Complaints(self.stranger, node.clock.monotonic_s)
        self.rules: Rules
        self.link: ClusterLink
        self.peer = Peer(node, self)
        self.replication = Replication(node, self)
        self.merging = Merging(node)

    async def begin(self, store_id: str) -> None:
        """Name this store in the ledger, own what is from before the cluster, and read what the peer may lack."""
        node, config = self._node, self.config
        await self.replication.read_role()
        rank = await node.ledger.submit(lambda transaction: mirror.rank_of(transaction, config.role))
        timing = Timing(
            hb_s=config.hb_s,
            suspect_s=config.t_dead_s * 2 / 3,
            t_dead_s=config.t_dead_s,
            t_settle_s=config.t_settle_s,
            t_mirror_s=config.t_mirror_s,
        )
        me = Identity(node.name, rank, store_id, _boot())
        is_passive = alike.is_passive(config.mode, None)
        self.rules = Rules(me, timing, self.local(), _boot, self._now_s(), is_passive=is_passive)
        self.link = ClusterLink(config, node.cluster, node.name, store_id, me.boot, self)
        node.ledger.twin = Twin(store_id, rank, node.clock.now_ms, Pairing(PASSIVE_MS if is_passive else ACTIVE_MS))
        node.ledger.twin.pairing.part()
        node.dispatcher.hold(is_held=True)
        node.escalator.hold(is_held=True)
        node.monitoring.set_duty(is_mine=False)
        node.ledger.on_changes = self._on_changes
        node.standby_reason = self.standby_reason
        await node.ledger.submit(lambda transaction: joining.adopt(transaction, node.clock.now_ms()))
        self.learn(me)

    async def start(self) -> None:
        """Connect, and let the rules run."""
        await self._load()
        self.link.start(self._tasks)
        self._tasks.run("cluster", self._run)
        self._tasks.run("directory of the pair", self.replication.run)

    async def stop(self) -> None:
        """Say goodbye, so that the other node need not wait for our silence."""
        await self._leave()
        self.peer.tell_single(is_last=True)
        await self._tasks.stop()
        self.link.farewell()
        await self.link.stop()

    async def _leave(self) -> None:
        """Begin nothing more, end what is under way, and hand the rest to the other node, if it is there."""
        node = self._node
        self.rules.is_leaving = True
        node.dispatcher.hold(is_held=True)
        node.escalator.hold(is_held=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                while node.dispatcher.held() or (self.rules.has_peer and self._has_more()):  # noqa: ASYNC110 - many things
                    await asyncio.sleep(TICK_S)

    def _has_more(self) -> bool:
        """Whether the other node can still be told or given something."""
        rules = self.rules
        return bool(rules.entries.unclean) or (rules.can_give and any(True for _ in rules.entries.mine()))

    async def _load(self) -> None:
        after, changes = 0, list[ev.Change]()

        def read(transaction: Transaction, after_seq: int) -> tuple[int, list[ev.Change]]:
            entries = mirror.open_ends(transaction, after_seq, LOAD_COUNT)
            return entries[-1].seq if entries else 0, [change_of(entry, None) for entry in entries]

        while True:
            start = after
            after, found = await self._node.ledger.submit(lambda transaction: read(transaction, start))  # noqa: B023
            changes += found
            if not found:
                break
        self._step(ev.Loaded(tuple(changes)))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._become()
            self._step(ev.Tick())
            self.peer.look()
            self._look_at_duty()
            self._flush_mirrored()
            self._look_at_orphans()

    def _become(self) -> None:
        """Let the rules know what this node is now; the other one's settings count, too."""
        local, peer = self.local(), self.rules.peer
        self.rules.is_passive = alike.is_passive(self.config.mode, peer.local if peer is not None else None)
        if local != self.rules.local:
            self._step(ev.Became(local))

    def local(self) -> Local:
        """What this node tells of itself."""
        node = self._node
        config = node.config.cluster
        known: Rules | None = getattr(self, "rules", None)
        theirs = known.peer.local if known is not None and known.peer is not None else None
        is_mirror_set = config.mirror if config is not None else True
        return Local(
            channels=tuple(sorted((name, channel.health.up) for name, channel in node.host.channels().items())),
            disk="full" if node.ledger.intake_problem else "ok",
            open_count=len(known.entries) if known is not None else 0,
            role=self.role,
            pause=Pause(*pause.register_of(node.ledger.marks)),
            config=self.replication.config,
            url=node.config.http.public_url,
            mirror=alike.mirrors(is_mirror_set, theirs),
            number=config.number if config is not None else "",
            mode=config.mode if config is not None else "",
            mirror_set=is_mirror_set,
        )

    def standby_reason(self) -> str:
        """Why alarms are better brought to the other node; empty if they are this one's."""
        if not self.rules.is_settled:
            return "not settled: the other node is being asked what happened"
        return "" if self.rules.is_active else self.peer.state()

    @property
    def role(self) -> str:
        """Master or slave, now."""
        return self.replication.role

    # -- what the rules hear -----------------------------------------------------------------------------------------

    def _now_s(self) -> float:
        return self._node.clock.monotonic_s()

    def _spares(self) -> str | None:
        return self.rules.spares(self._now_s())

    def _step(self, event: ev.Event) -> None:
        for action in self.rules.step(event, self._now_s()):
            self._do(action)

    def _on_changes(self, transaction: Transaction) -> None:
        changes = {change.id: change for change in transaction.changes}
        local = tuple(change for change in transaction.changes if change.record is not None)
        if before := held.old_stores(self._node.ledger.marks):
            # Held after a restore: the other node would take it over, and nobody would be asked.
            local = tuple(change for change in local if change.owner.store not in before)
        if local:
            self._step(ev.Committed(local))
        if transaction.notes is not None and transaction.notes.extras:
            self._step(ev.Extra(tuple(encode(doc) for doc in transaction.notes.extras)))
        for report in transaction.reports:
            self._step(report(changes))

    def heard(self, path: str, header: Header, kind: str, body: bytes) -> None:
        """A message of the other node came."""
        if kind == "lw":
            self._step(ev.Will(header.boot))
            return
        if kind == "cf":
            self.replication.message(body)
            return
        try:
            message = wire.decode(kind, header, body)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            self._complaints.add(f"a message of kind {kind} that cannot be read ({type(error).__name__})", path)
            return
        if isinstance(message, Heartbeat):
            self._step(ev.Beat(message))
            self._become()
            if message.who.rank == self.rules.me.rank:
                self.peer.rival(message)
            if self.rules.peer is not None and self.rules.peer.number == message.number:
                self.replication.heartbeat(message)
        else:
            self._step(ev.Came(message, header.store, header.boot))

    def unproven(self, _path: str, header: Header, body: bytes) -> None:
        """A heartbeat of a boot that never names ours: one with this node's rank does not listen to us, either."""
        with contextlib.suppress(ValueError, KeyError, TypeError, IndexError, AttributeError):
            message = wire.decode(wire.HEARTBEAT, header, body)
            if isinstance(message, Heartbeat) and message.who.rank == self.rules.me.rank:
                self._step(ev.Beat(message))
                self.peer.rival(message)

    def beat(self, path: str, header: Header) -> None:
        """A heartbeat came by a path."""
        self.peer.heard_by(path, header.sender)

    def learn(self, who: Identity) -> None:
        """Keep the name of the node that has a store."""
        if not names.is_known(self._node.ledger.marks, who.store, who.name):
            self._unit(lambda tx, _now_ms: names.note(tx, who.store, who.name))

    def path_up(self, path: str) -> None:
        """A broker took us."""
        self.peer.path(path, "")
        self._step(ev.PathUp(path))

    def path_down(self, path: str, reason: str) -> None:
        """A broker is lost."""
        self.peer.path(path, reason or "connection closed")
        self._step(ev.PathDown(path))

    def stranger(self, reason: str, path: str, count: int) -> None:
        """Something that is not of our cluster was dropped."""
        self.peer.strange(reason)
        times = f" ({count} times)" if count > 1 else ""
        self._node.say(Said(f"Cluster: dropped what came by {path}: {reason}{times}", WARNING, "ClusterStranger"))

    # -- what the rules want -----------------------------------------------------------------------------------------

    def _do(self, action: ev.Action) -> None:  # noqa: C901, PLR0912 - one line for each action
        node = self._node
        match action:
            case ev.Send(message):
                self._send(message)
            case ev.Merge():
                self.merging.take(
                    action, peer=self.peer.name, peer_has_sms=self.peer.has_sms,
                    failed=lambda: self._step(ev.Merged((), {}, action.store, action.boot)),
                )  # fmt: skip
            case ev.Fetch(ids):
                self._fetch(ids)
            case ev.Look(theirs):
                self._unit(lambda tx, _now_ms: joining.look(tx, theirs))
            case ev.Claim(ids):
                why = self.peer.why_claim()
                self._unit(
                    lambda tx, now_ms: joining.claim(tx, node.desk, node.retry_rules, ids, why, self._spares, now_ms)
                )
            case ev.Give(ids, rank, store):
                why = self.peer.why_give()
                self._unit(lambda tx, now_ms: joining.give(tx, ids, rank, store, why, now_ms))
            case ev.Doubt(ids):
                held = node.dispatcher.held
                self._unit(lambda tx, now_ms: joining.doubt(tx, node.desk, node.retry_rules, ids, held, now_ms))
            case ev.Mirrored(ids):
                self._mirrored.extend(ids)
            case ev.Confirm(token, mirrored):
                self._confirming.pop(token)(mirrored)
            case ev.Settle(is_settled):
                self._settle(is_settled=is_settled)
            case ev.Renew(boot):
                self.link.renew(boot)
                node.say(Said("This node stood still; it asks the other one what happened", WARNING, "Frozen"))
            case ev.SetPause(register):
                self._unit(lambda tx, now_ms: pause.follow(tx, node.desk(), _plain(register), now_ms))
                if register.on:
                    node.dispatcher.give_back()
            case ev.PeerChanged(standing, heartbeat):
                has_come = self.peer.changed(Standing(standing), heartbeat)
                if has_come:
                    self._unit(joining.peer_came)
                elif standing is Standing.DOWN:
                    self._unit(joining.peer_left)
                if has_come and self.on_duty:
                    self._unit(lambda tx, _now_ms: joining.share_marks(tx))
            case ev.Tell(text, is_severe):
                node.say(Said(text, SEVERE if is_severe else INFO, "Cluster"))

    def _send(self, message: Any) -> None:
        peer = self.rules.peer
        if isinstance(message, Heartbeat):
            for kind, body in wire.encode(message):
                self.link.send(kind, "", body)
        elif peer is not None:
            who = peer.who
            for kind, body in wire.encode(message):
                self.link.send(kind, who.name, body, tstore=who.store, tboot=who.boot)

    def send_config(self, body: bytes) -> None:
        """Send something about the directory to the other node."""
        peer = self.rules.peer
        if peer is not None:
            self.link.send("cf", peer.who.name, body, tstore=peer.who.store, tboot=peer.who.boot)

    def _fetch(self, idents: tuple[str, ...]) -> None:
        """Read whole entries a few at a time, and after everything else: what is new must not wait for it."""
        for at in range(0, len(idents), FETCH_COUNT):
            some = idents[at : at + FETCH_COUNT]
            self._unit(lambda tx, now_ms, some=some: joining.fetch(tx, some, now_ms), Turn.LAST)  # type: ignore[misc]

    def _unit(self, work: Callable[[Transaction, int], Any], turn: Turn = Turn.USUAL) -> None:
        clock = self._node.clock
        future = self._node.ledger.submit(lambda transaction: work(transaction, clock.now_ms()), turn)
        future.add_done_callback(_log_failure)

    def _settle(self, *, is_settled: bool) -> None:
        node = self._node
        if self.rules.is_leaving:
            return
        node.dispatcher.hold(is_held=not is_settled)
        node.escalator.hold(is_held=not is_settled)
        if is_settled:
            node.say(Said("Cluster: settled; this node sends what is its own", kind="Settled"))

    def _look_at_duty(self) -> None:
        is_mine = self.rules.is_settled and self.rules.has_duties
        if is_mine is not self.on_duty:
            self.on_duty = is_mine
            self._node.monitoring.set_duty(is_mine=is_mine)
            what = "are looked at by this node" if is_mine else "are looked at by the other node"
            self._node.say(Said(f"Monitors and mailboxes {what}", kind="Duty"))

    def _look_at_orphans(self) -> None:
        now_s, marks = self._now_s(), self._node.ledger.marks
        if now_s - self._orphans_s < ORPHANS_S:
            return
        self._orphans_s = now_s
        prefix = orphans.MARK
        codes = [name.removeprefix(prefix) for name, value in marks.items() if name.startswith(prefix) and value]
        if codes:
            self._unit(lambda tx, now_ms: orphans.look(tx, self._node.desk(), codes, now_ms))

    def _flush_mirrored(self) -> None:
        if self._mirrored:
            ids, self._mirrored = self._mirrored, []
            self._unit(lambda tx, _now_ms: mirror.note_mirrored(tx, ids))

    # -- for alarms --------------------------------------------------------------------------------------------------

    def owner_for(self, alarm: Alarm) -> Owner:
        """Who sends for the cases of a new alarm: of what both nodes hear, the same one on both."""
        shared = ""
        if alarm.is_shared:
            shared = f"{alarm.source} {alarm.id}" if alarm.id is not None else (alarm.fingerprint or b"").hex()
        return self.rules.owner_for(shared)

    def refusal(self) -> str:
        """Why no alarm is taken: strict, and the other node is not there; or empty."""
        if self.config.strict and not self.rules.has_peer:
            return "strict is set and the other node is not there to hold a copy"
        return ""

    def mirrored(self, future: asyncio.Future[Accepted]) -> asyncio.Future[Accepted]:
        """A future that is done when both nodes hold the alarm, or ``t_mirror`` is over (law 1)."""
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()

        def committed(done: asyncio.Future[Accepted]) -> None:
            if answer.cancelled() or done.cancelled():
                answer.cancel()
            elif (error := done.exception()) is not None:
                answer.set_exception(error)
                answer.exception()  # callers that only wait for success need not see "never retrieved"
            else:
                self._await(done.result(), answer)

        future.add_done_callback(committed)
        return answer

    def _await(self, accepted: Accepted, answer: asyncio.Future[Accepted]) -> None:
        digests = {ref.id: row.digest for ref in accepted.cases if (row := self.rules.entries.get(ref.id)) is not None}
        self._token += 1

        def confirm(is_mirrored: bool) -> None:  # noqa: FBT001
            if answer.done():
                return
            self._node.metrics.confirmed(2 if is_mirrored else 1)
            if not is_mirrored and self.config.mirror:
                self.peer.single_copy()
                if self.config.strict:
                    answer.set_exception(StoreError("the other node does not hold a copy, and strict is set"))
                    answer.exception()
                    return
            answer.set_result(accepted._replace(mirrored=is_mirrored))

        self._confirming[self._token] = confirm
        self._step(ev.Await(self._token, digests))


def _plain(register: Pause) -> tuple[int, int, bool, str]:
    return register.counter, register.rank, register.on, register.by


def _log_failure(future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None and not isinstance(error, StoreError):
        log.error("a unit of the cluster failed: %s", error)
