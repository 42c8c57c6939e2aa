"""One node of two, as a pure state machine: ``step(event, now_s)`` returns what is to be done (CLUSTER).

No I/O, no clock, no ledger: times are seconds of a clock that never steps, records are opaque. The same code runs in
the daemon (``engine.cluster``) and in the campaign of random faults (tests/cluster).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, assert_never

from addispatch.cluster import events as ev
from addispatch.cluster.entries import LOST_S, Entries, Row
from addispatch.cluster.hands import Claims, Terms, opens_there, to_give
from addispatch.cluster.liveness import Liveness, Standing, Timing
from addispatch.cluster.messages import Digests, Heartbeat, Identity, Local, State, Synced
from addispatch.cluster.waits import Waits
from addispatch.domain.case import Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Most digests in one message, and most entries asked about or handed over in one step.
CHUNK = 250
#: Freezes within this time after which a node stays settled: its host is too slow for the protocol.
FREEZES_COUNT, FREEZES_S = 3, 60.0
#: What was under way for so long in nobody's hands is sent again: longer than a hand-over mostly takes.
DOUBT_S = 5.0
#: A node that is heard is waited for so much longer: what it sent already must not go out again.
HEARD_FACTOR = 2
#: Boots that were left; none of them comes back.
LEFT_COUNT = 64


class Node:
    """The rules. Everything that may be asked from outside between two steps is a property."""

    def __init__(
        self,
        me: Identity,
        timing: Timing,
        local: Local,
        new_boot: Callable[[], str],
        now_s: float,
        *,
        is_passive: bool = False,
    ) -> None:
        """``is_passive``: active/passive, the master sends; else both do."""
        self.me, self.timing, self.local, self.is_passive = me, timing, local, is_passive
        self._new_boot = new_boot
        self.is_settled = self.is_leaving = False
        self.peer: Heartbeat | None = None
        self.live = Liveness(timing, now_s)
        self.entries = Entries(me.store)
        self._began_s = self._unsettled_s = self._ticked_s = now_s
        self._beat_s = self._looked_s = float("-inf")
        self._number = 0
        self._candidate: Heartbeat | None = None
        self._left: deque[str] = deque(maxlen=LEFT_COUNT)
        self._has_synced = self._is_loaded = self._has_path = False
        self._synced_s = float("-inf")
        self._freezes: deque[float] = deque(maxlen=FREEZES_COUNT)
        self._waits, self._claims = Waits(), Claims()
        self._looking: dict[str, float] = {}
        self._told: set[str] = set()
        self._out: list[ev.Action] = []

    # -- asked from outside ------------------------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """What is thought of the other node."""
        return self.live.standing

    @property
    def has_peer(self) -> bool:
        """Whether the other node is there, as far as one can know."""
        return self.peer is not None and self.live.standing in (Standing.UP, Standing.SUSPECT)

    @property
    def is_active(self) -> bool:
        """Whether alarms that come in now are this node's to send."""
        return not self.is_passive or self.local.role == "master" or not self._peer_can_send()

    @property
    def has_duties(self) -> bool:
        """Whether monitors, mailboxes and the like run here: on the master while it is alive and settled."""
        return self.local.role == "master" or not self._peer_can_send()

    def owner_for(self, shared: str = "") -> Owner:
        """Who sends for a new case; ``shared`` names something both nodes hear, and is the same on both."""
        peer, mine = self.peer, Owner(0, self.me.rank, self.me.store)
        if peer is None or not self._peer_can_send():
            return mine
        names, roles = (self.me.name, peer.who.name), (self.local.role, peer.local.role)
        is_known = self.is_settled and peer.counts_on
        is_theirs = self.is_leaving or opens_there(shared, names, roles, is_passive=self.is_passive, is_known=is_known)
        return Owner(0, peer.who.rank, peer.who.store) if is_theirs else mine

    @property
    def can_give(self) -> bool:
        """Whether cases can be handed to the other node."""
        return self.is_settled and self._peer_can_send()

    def _peer_can_send(self) -> bool:
        return self.peer is not None and self.live.standing is Standing.UP and self.peer.is_settled

    # -- the step ----------------------------------------------------------------------------------------------------

    def step(self, event: ev.Event, now_s: float) -> list[ev.Action]:
        """Take in what happened; return what is to be done, in this order."""
        self._out = []
        self._dispatch(event, now_s)
        self._settle_if_due(now_s)
        return self._out

    def _dispatch(self, event: ev.Event, now_s: float) -> None:  # noqa: C901, PLR0912 - one line for each event
        match event:
            case ev.Tick():
                self._tick(now_s)
            case ev.PathUp(path):
                self._count_from(now_s, is_first=not self._has_path)
                self._has_path = True
                self.live.path_up(path, now_s)
            case ev.PathDown(path):
                self.live.path_down(path)
            case ev.Beat(heartbeat):
                self._heard(heartbeat, now_s)
            case ev.Will(boot):
                if self.peer is not None and boot == self.peer.who.boot:
                    self.live.will(now_s)
            case ev.Came(message, store, boot):
                self._came(message, store, boot, now_s)
            case ev.Loaded(changes):
                self._count_from(now_s, is_first=not self._is_loaded)
                self._is_loaded = True
                self._put(changes)
            case ev.Committed(changes):
                self._committed(changes, now_s)
            case ev.Extra(records):
                if self.has_peer:
                    self._out.append(ev.Send(State(records)))
            case ev.Merged(changes, theirs, store, boot):
                self._merged(changes, theirs, (store, boot), now_s)
            case ev.Looked(changes, theirs):
                self._looked(changes, theirs)
            case ev.Fetched(changes):
                self._put(changes)
                for change in changes:
                    if (row := self.entries.get(change.id)) is not None:
                        row.tell(now_s)
                self._push(changes, now_s)
            case ev.Await(token, digests):
                self._await(token, digests, now_s)
            case ev.Became(local):
                self.local = local
            case _:
                assert_never(event)

    # -- time --------------------------------------------------------------------------------------------------------

    def _tick(self, now_s: float) -> None:
        gap_s, self._ticked_s = now_s - self._ticked_s, now_s
        if gap_s > self.timing.lag_s:
            self.live.excuse(gap_s)
        if gap_s > self.timing.freeze_s:
            self._thaw(now_s)
        before = self.live.standing
        after = self.live.look(now_s)
        if before is not after:
            self._stands(before, after)
        if now_s - self._beat_s >= self.timing.hb_s * 0.9:
            self._beat(now_s)
        for token in self._waits.overdue(now_s):
            self._answer(token, mirrored=False)
        if self.has_peer:
            self._ask_again(now_s)
            self._sync(now_s)
        if self.is_settled:
            self._claim(now_s)
            if doubtful := self.entries.in_doubt(now_s, DOUBT_S):
                self._out.append(ev.Doubt(tuple(doubtful)))
            if self.is_leaving or now_s - self._looked_s >= self.timing.resend_s:
                self._looked_s = now_s
                self._give(now_s)

    def _beat(self, now_s: float) -> None:
        self._beat_s = now_s
        self._number += 1
        seen = self._candidate or self.peer
        named = (seen.who.boot, seen.who.store) if seen else ("", "")
        number = max(seen.number, 0) if seen else 0
        is_settled = self.is_settled and not self.is_leaving  # whoever leaves takes nothing back
        counts_on = seen is not None and seen is self.peer and self._peer_can_send()
        self._out.append(ev.Send(Heartbeat(self.me, self._number, *named, is_settled, self.local, number, counts_on)))

    def _thaw(self, now_s: float) -> None:
        """We stood still for so long that the other node may have taken over: begin anew."""
        self._freezes.append(now_s)
        self._renew()
        if len(self._freezes) == FREEZES_COUNT and now_s - self._freezes[0] <= FREEZES_S:
            self._tell_once("This host is too slow for two nodes: it stood still three times in a minute")
            return
        self._unsettle(now_s)

    def _renew(self) -> None:
        self.me = self.me._replace(boot=self._new_boot())
        self._number = 0
        self._out.append(ev.Renew(self.me.boot))
        self.entries.forget_theirs()
        self._has_synced = False

    def _unsettle(self, now_s: float) -> None:
        self._unsettled_s, self._has_synced = now_s, False
        if self.is_settled:
            self.is_settled = False
            self._out.append(ev.Settle(is_settled=False))

    def _count_from(self, now_s: float, *, is_first: bool) -> None:
        """Nothing could be heard before: a start that took long was no time to listen, and no standing still."""
        if is_first and not self.is_settled:
            self._unsettled_s = self._ticked_s = now_s

    def _settle_if_due(self, now_s: float) -> None:
        """Settled once both have told each other everything, or after ``t_settle``: longer if one is heard."""
        if self.is_settled or not self._is_loaded:
            return
        is_in_step = self.has_peer and self._has_synced and not self.entries.owed
        patience_s = self.timing.t_settle_s * (HEARD_FACTOR if self.standing is Standing.UP else 1)
        if is_in_step or now_s - self._unsettled_s >= patience_s:
            self.is_settled = True
            self._out.append(ev.Settle(is_settled=True))

    # -- the other node ----------------------------------------------------------------------------------------------

    def _heard(self, heartbeat: Heartbeat, now_s: float) -> None:
        who = heartbeat.who
        if who.name == self.me.name or who.rank == self.me.rank:
            what = f"the name {who.name}" if who.name == self.me.name else f"the role of {self.me.name} in the file"
            self._tell_once(f"Another node has {what}, too: it is not listened to. Each node needs its own")
            return
        before = self.peer
        known = before.who if before is not None else None
        if known is not None and who.name != known.name and self.has_peer:
            self._tell_once(f"A third node, {who.name}, has the key: it is not listened to while {known.name} is there")
            return
        if known is None or (who.store, who.boot) != (known.store, known.boot):
            if who.boot in self._left:
                return
            if heartbeat.seen_boot != self.me.boot:  # it may be from long ago: answer, and see whether it knows us
                is_new = self._candidate is None or self._candidate.who != who
                self._candidate = heartbeat
                if is_new:
                    self._beat(now_s)
                return
            if self._is_late(heartbeat):
                return
            self._meet(heartbeat)
        news = (heartbeat.is_settled, heartbeat.local)
        is_changed = before is not None and (before.is_settled, before.local) != news
        is_newer = self.peer is None or heartbeat.number > self.peer.number
        self.live.beat(heartbeat.number, now_s)
        if is_newer:
            self.peer, self._candidate = heartbeat, None  # whoever else spoke is from long ago
        if is_newer and is_changed:
            self._out.append(ev.PeerChanged(self.live.standing, heartbeat))
        if is_newer and heartbeat.local.pause > self.local.pause:
            self._out.append(ev.SetPause(heartbeat.local.pause))

    def _is_late(self, heartbeat: Heartbeat) -> bool:
        """Whether it is of a boot that was left before we met: the one we know has heard more of us since."""
        peer = self.peer
        return peer is not None and peer.seen_boot == self.me.boot and heartbeat.seen_number <= peer.seen_number

    def _meet(self, heartbeat: Heartbeat) -> None:
        """A new boot of the other node: nothing of ours is known to be there."""
        if self.peer is not None:
            self._left.append(self.peer.who.boot)
        self.peer, self._candidate = heartbeat._replace(number=-1), None
        self.live.restart()
        self._has_synced = False
        self._synced_s = float("-inf")
        self.entries.forget_theirs()

    def _stands(self, before: Standing, after: Standing) -> None:
        self._out.append(ev.PeerChanged(after, self.peer))
        if after is Standing.DOWN:
            for token in self._waits.all():
                self._answer(token, mirrored=False)
        elif after is Standing.UP and before is not Standing.SUSPECT:
            for row in self.entries.unclean.values():
                row.forget_told()

    def _is_from_peer(self, store: str, boot: str) -> bool:
        return self.peer is not None and (store, boot) == (self.peer.who.store, self.peer.who.boot)

    def _came(self, message: State | Digests | Synced, store: str, boot: str, now_s: float) -> None:
        if not self._is_from_peer(store, boot):
            return
        match message:
            case State(records):
                self.entries.questions.begun(now_s)
                self._out.append(ev.Merge(records, store, boot))
            case Digests():
                if not message.asks or not self.entries.questions.holds(message, now_s):
                    self._digests(message, now_s)
            case Synced():
                self._has_synced = True
            case _:
                assert_never(message)

    # -- the mirror --------------------------------------------------------------------------------------------------

    def _put(self, changes: Iterable[ev.Change]) -> None:
        for change in changes:
            self.entries.put(change)

    def _committed(self, changes: tuple[ev.Change, ...], now_s: float) -> None:
        self._put(changes)
        if not self.is_settled and not self._peer_can_send():  # the other node may send the same: hear of it first
            self.entries.owed.update(change.id for change in changes)
        if self.local.mirror:
            self._push(changes, now_s)
        elif self.has_peer:
            shared = [one.id for one in changes if (row := self.entries.get(one.id)) and self._is_shared(row)]
            self._fetch(shared, now_s, at_once=True)

    def _is_shared(self, row: Row) -> bool:
        """Whether the other node is told of an entry: of all, or without mirroring of those that changed hands."""
        if self.local.mirror or row.is_common or row.owner.epoch:
            return True
        return self.peer is not None and row.owner.store == self.peer.who.store

    def _push(self, changes: Iterable[ev.Change], now_s: float) -> None:
        """Send records to the other node, if it is there; what it does not confirm is asked for later."""
        if not self.has_peer:
            return
        records = []
        for change in changes:
            row = self.entries.get(change.id)
            if change.record is not None:
                records.append(change.record)
                if row is not None:
                    row.spoke_s = now_s
        if records:
            self._out.append(ev.Send(State(tuple(records))))

    def _merged(
        self, changes: tuple[ev.Change, ...], theirs: dict[str, int], sender: tuple[str, str], now_s: float
    ) -> None:
        """Answer with our digests after the join; what we know better follows when the other node sees that."""
        answers = []
        for change in changes:
            answers.append((change.id, change.digest))
            if change.digest:
                row = self.entries.put(change)
                if self._is_from_peer(*sender):
                    self._know(change.id, theirs.get(change.id, 0))
                    row.wait_if_new(now_s)
        self._send_digests(answers)
        behind = [change.id for change in changes if change.digest and theirs.get(change.id) != change.digest]
        self._fetch([ident for ident in behind if self._is_due(ident, now_s)], now_s)
        for question in self.entries.questions.done(now_s):
            self._digests(question, now_s)

    def _is_due(self, ident: str, now_s: float) -> bool:
        row = self.entries.get(ident)
        return row is not None and not row.is_clean and now_s - row.spoke_s >= self.timing.resend_s

    def _send_digests(self, pairs: list[tuple[str, int]], *, asks: bool = False, answers: bool = False) -> None:
        for at in range(0, len(pairs), CHUNK):
            self._out.append(ev.Send(Digests(tuple(pairs[at : at + CHUNK]), asks, answers)))

    def _fetch(self, idents: list[str], now_s: float, *, at_once: bool = False) -> None:
        due = []
        for ident in idents:
            row = self.entries.get(ident)
            if row is None or at_once or row.may_tell(now_s, self.timing.resend_s):
                due.append(ident)
                if row is not None:
                    row.spoke_s = row.read_s = now_s
        for at in range(0, len(due), CHUNK):
            self._out.append(ev.Fetch(tuple(due[at : at + CHUNK])))

    def _digests(self, message: Digests, now_s: float) -> None:
        answers: list[tuple[str, int]] = []
        behind: list[str] = []
        unknown: dict[str, int] = {}
        for ident, theirs in message.pairs:
            row = self.entries.get(ident)
            if row is None:
                if message.asks and now_s - self._looking.get(ident, float("-inf")) >= LOST_S:
                    unknown[ident] = theirs
                continue
            self._know(ident, theirs)
            answers.append((ident, row.digest))
            # An answer about an older state than the last one sent is no news: that one is on its way.
            if not row.is_clean and (theirs == 0 or (message.answers and row.answer_counts)):
                behind.append(ident)
        if message.asks:
            self._send_digests(answers, answers=True)
        if unknown:
            self._looking = {ident: at_s for ident, at_s in self._looking.items() if now_s - at_s < LOST_S}
            self._looking.update(dict.fromkeys(unknown, now_s))
            self._out.append(ev.Look(unknown))
        self._fetch(behind, now_s)

    def _looked(self, changes: tuple[ev.Change, ...], theirs: dict[str, int]) -> None:
        answers = []
        for change in changes:
            self._looking.pop(change.id, None)
            answers.append((change.id, change.digest))
            if change.digest:
                self.entries.put(change)
                self._know(change.id, theirs[change.id])
        self._send_digests(answers, answers=True)

    def _know(self, ident: str, theirs: int) -> None:
        """The other node holds an entry in this state."""
        row = self.entries.get(ident)
        for token in self._waits.held(ident, theirs, row.digest if row is not None else None):
            self._out.append(ev.Confirm(token, mirrored=True))
        if row is not None and self.entries.theirs(ident, row, theirs):
            self._out.append(ev.Mirrored((ident,)))

    def _ask_again(self, now_s: float) -> None:
        """Ask for what the other node has not confirmed in its time."""
        self._send_digests(self.entries.ask(now_s, self.timing.resend_s, CHUNK, self._is_shared), asks=True)

    def _sync(self, now_s: float) -> None:
        """Tell the other node that it has everything of ours, as long as it waits for that."""
        peer = self.peer
        if peer is None or peer.is_settled or not self._is_loaded or self.entries.owed:
            return
        if now_s - self._synced_s >= self.timing.resend_s / 2:
            self._synced_s = now_s
            self._out.append(ev.Send(Synced()))

    # -- who waits ---------------------------------------------------------------------------------------------------

    def _await(self, token: int, digests: dict[str, int], now_s: float) -> None:
        wanted = {}
        for ident, digest in digests.items():
            row = self.entries.get(ident)
            if row is not None and row.theirs not in (digest, row.digest):
                wanted[ident] = digest
        if not wanted:
            self._out.append(ev.Confirm(token, self.has_peer or not digests))
            return
        if not self.has_peer or not self.local.mirror:
            self._out.append(ev.Confirm(token, mirrored=False))
            return
        self._waits.add(token, now_s + self.timing.t_mirror_s, wanted)

    def _answer(self, token: int, *, mirrored: bool) -> None:
        self._waits.end(token)
        self._out.append(ev.Confirm(token, mirrored))

    # -- who sends ---------------------------------------------------------------------------------------------------

    def spares(self, now_s: float) -> str | None:
        """The store whose entries are not taken over, for its node is there; "" if none is; None: nobody knows."""
        if self.live.standing is Standing.DOWN and now_s - self._began_s >= self.timing.t_dead_s:
            return ""
        return self.peer.who.store if self.peer is not None and self._peer_can_send() else None

    def _claim(self, now_s: float) -> None:
        """Take over what nobody sends for any more (CLAIM)."""
        if due := self._claims.due(self.entries.foreign, self.spares(now_s), now_s, is_second=self.me.rank > 0):
            self._out.append(ev.Claim(tuple(due)))

    def _give(self, now_s: float) -> None:
        """Hand over what the other node can send and this one cannot, or, in active/passive, should not."""
        peer = self.peer
        if peer is None or not self._peer_can_send():
            return
        terms = Terms(
            down={name for name, is_up in self.local.channels if not is_up},
            up={name for name, is_up in peer.local.channels if is_up},
            all=self.is_passive and self.local.role != "master" and peer.local.role == "master",
            leaving=self.is_leaving,
            unmirrored=not self.local.mirror,
        )
        if not (terms.all or terms.leaving or terms.down):
            return
        due = to_give(self.entries.mine(), terms, now_s, self.timing.handover_s, CHUNK)
        if due:
            self._out.append(ev.Give(tuple(due), peer.who.rank, peer.who.store))

    # -- words -------------------------------------------------------------------------------------------------------

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._out.append(ev.Tell(text, is_severe=True))
