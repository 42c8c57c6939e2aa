"""Watches a schedule from outside and says which promise was broken (CLUSTER, INVARIANTS)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sim.disk import Disk, is_open, role_of
from sim.plan import ASKED, BASIC, LEAVE_S, Alarm, Fault, Kind

from addispatch.cluster.liveness import Standing
from addispatch.domain.case import Case, CaseState, DeliveryKey, Fact, Position
from addispatch.domain.case_state import asks, is_answered, policy_of, state_of
from addispatch.domain.escalation import following, is_ended, wait_s

if TYPE_CHECKING:
    from sim.world import Host, World

#: A fault may still have its effect so long after its end: a node that comes back gives no verdict for 5 s.
AFTER_S = 7.0
#: So long without a fault, a little after the last one, and two copies must be there.
CALM_S, BACK_S = 3.0, 1.0
EPSILON_S = 1e-6
#: So long both nodes may think that they are the master.
PROMOTION_S = 2.0
#: So long a hand-over takes that may not be over when it is in doubt.
SLOW_S = 1.0
#: The longest wait before a hand-over.
CHANNEL_S = 0.4


class Oracle:
    """``wrong``: the promises that were broken, in words."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wrong: list[str] = []
        self.told: list[tuple[float, int, str]] = []
        self.alarms = {alarm.ident: alarm for alarm in world.plan.alarms}
        #: When an alarm was accepted and by whom; when that was answered as held by both.
        self._accepted: dict[tuple[str, int], float] = {}
        self._mirrored: dict[str, float] = {}
        #: Which nodes a source told of an alarm: both of a shared one, and where it asked again for want of an answer.
        self.offered: set[tuple[str, int]] = set()
        self.lost: set[str] = set()
        self.cancelled: set[str] = set()
        self._noted: set[Case] = set()
        self._note_keys: set[tuple[str, str]] = set()
        self.sends: Counter[tuple[str, DeliveryKey]] = Counter()
        self._sent_s: dict[tuple[str, DeliveryKey], list[float]] = {}
        self._begun_s: dict[tuple[str, Position], float] = {}
        self._handed_s: dict[tuple[str, DeliveryKey], float] = {}
        self._queued_s: dict[tuple[str, Position], float] = {}
        self._lost_s: dict[tuple[str, int], float] = {}
        #: When a node crashed, and the cases it left to the other one.
        self._crash: dict[int, tuple[float, set[str]]] = {}
        self.takeovers_s: list[float] = []
        self.broken_off_count = 0

    def say(self, invariant: str, text: str) -> None:
        self.wrong.append(f"{invariant} at {self.world.now_s:.3f} s: {text}")

    # -- hooks -------------------------------------------------------------------------------------------------------

    def is_accepted(self, ident: str, rank: int) -> bool:
        if self.alarms[ident].shared:
            return (ident, rank) in self._accepted
        return any((ident, r) in self._accepted for r in (0, 1))

    def accepted(self, alarm: Alarm, rank: int, *, mirrored: bool) -> None:
        now_s = self.world.now_s
        self._accepted.setdefault((alarm.ident, rank), now_s)
        if mirrored:
            self._mirrored.setdefault(alarm.ident, now_s)

    @staticmethod
    def _note_key(delta: Case) -> tuple[str, str]:
        notes = {f"{kind} {note.by}" for kind, notes in (("ack", delta.acks), ("no", delta.declines)) for note in notes}
        return delta.id, next(iter(notes), "clear")

    def is_noted(self, delta: Case) -> bool:
        return self._note_key(delta) in self._note_keys

    def noted(self, delta: Case, host: Host) -> None:
        self._note_keys.add(self._note_key(delta))

    def marked(self, ident: str, key: DeliveryKey) -> None:
        """A text is noted as being sent: whoever takes over cannot know that it was not, and waits from then on."""
        self._begun_s.setdefault((ident, Position(*key[:2])), self.world.now_s)

    def begun(self, rank: int, ident: str, key: DeliveryKey) -> None:
        """A text is handed to a modem."""
        host = self.world.hosts[rank]
        case = host.disk.cases[ident]
        now_s = self.world.now_s
        self._handed_s.setdefault((ident, key), now_s)
        for crashed, (at_s, idents) in list(self._crash.items()):
            if crashed != rank and ident in idents:
                del self._crash[crashed]
                self.takeovers_s.append(now_s - at_s)
        policy = self.alarms[ident].policy
        if policy == BASIC and case.acks:
            self.say("I4", f"{ident} {key.recipient} was told by {rank}, though acknowledged")
        if policy and policy != BASIC and any(note.by == key.recipient for note in case.acks):
            self.say("I4", f"{ident} {key.recipient} was reminded by {rank}, though he answered")
        if host.disk.pause.on:
            self.say("pause", f"{ident} {key.recipient} was told by {rank} in a pause")

    def sent(self, rank: int, ident: str, key: DeliveryKey) -> None:
        now_s = self.world.now_s
        self.sends[ident, key] += 1
        self._sent_s.setdefault((ident, key), []).append(now_s)

    def claimed(self, rank: int) -> None:
        if not self.world.plan.faults and not self.world.plan.stops:
            self.say("I5", f"{rank} takes over, though nothing is wrong")

    def stepped(self, rank: int, case: Case, declined: bool) -> None:
        """A node goes from the case's position to the next."""
        now_s = self.world.now_s
        policy, here = policy_of(case), case.position
        queued_s = self._queued_s.get((case.id, here), self.alarms[case.id].at_s)
        begun_s = min(self._begun_s.get((case.id, here), float("inf")), queued_s + policy.max_send_wait_s)
        if now_s < begun_s + wait_s(policy, here) - EPSILON_S and not declined:
            self.say(
                "I5", f"{case.id} left {tuple(here)} {begun_s + wait_s(policy, here) - now_s:.2f} s early on {rank}"
            )
        self._queued_s.setdefault((case.id, following(policy, here)), now_s)

    def crashed(self, host: Host) -> None:
        """Measure the takeover if nothing else is wrong with the other node."""
        now_s, other = self.world.now_s, self.world.hosts[1 - host.rank]
        near = self._near(now_s)
        if (
            len(near) != 1
            or near[0].kind is Kind.BOTH_CRASH
            or now_s < 8.0
            or self.world.plan.pauses
            or self.world.plan.stops
        ):
            return
        daemon = other.daemon
        if daemon is None or daemon.node.standing is not Standing.UP or daemon.is_busy:
            return
        waiting = {
            ident
            for ident, case in other.disk.cases.items()
            if case.owner.store == host.disk.store
            and any(state.fact is Fact.NONE for _, state in asks(case))
            and state_of(case)[0] is CaseState.OPEN
            and not self.alarms[ident].acks
            and self.alarms[ident].clear_s is None
            and self.alarms[ident].cancel_s is None
        }
        if waiting:  # whichever of all its cases goes first: the other node's modem takes one at a time
            left = {ident for ident, case in other.disk.cases.items() if case.owner.store == host.disk.store}
            self._crash[host.rank] = (now_s, left)
            limit_s = self.world.rules.timing.t_dead_s + 1.0 + CHANNEL_S
            self.world.after(limit_s, self._has_taken_over, host, now_s, limit_s)

    def _near(self, now_s: float, until_s: float = 0.0) -> list[Fault]:
        return [f for f in self.world.plan.faults if f.at_s <= max(now_s, until_s) and f.until_s > now_s - 8.0]

    def _has_taken_over(self, host: Host, at_s: float, limit_s: float) -> None:
        """The other node must have sent by now, unless this one came back or something else went wrong."""
        other = self.world.hosts[1 - host.rank]
        if self._crash.get(host.rank, (None,))[0] == at_s and other.daemon is not None and other.daemon.is_busy:
            self.world.after(CHANNEL_S, self._has_taken_over, host, at_s, limit_s + CHANNEL_S)  # with a text of its own
            return
        crashed_s, waiting = self._crash.pop(host.rank, (None, set()))
        cases = other.disk.cases
        # That it had left may have been on the way when the node crashed.
        is_waiting = any(
            state.fact is Fact.NONE for ident in waiting if ident in cases for _, state in asks(cases[ident])
        )
        is_due = crashed_s == at_s and host.daemon is None and is_waiting
        if is_due and len(self._near(at_s, at_s + limit_s)) == 1:
            self.say("I5", f"no takeover {limit_s:.1f} s after {host.rank} crashed")

    def started(self, host: Host) -> None:
        """It is back before the other node took over: nothing to measure."""
        self._crash.pop(host.rank, None)

    def disk_lost(self, host: Host, old: Disk) -> None:
        """A disk is gone, or back at what it was: which alarms has nobody any more, and was that allowed?"""
        now_s, other = self.world.now_s, self.world.hosts[1 - host.rank]
        for ident in old.cases.keys() - host.disk.cases.keys():
            self._lost_s[ident, host.rank] = now_s
            accepted = [at_s for (i, _), at_s in self._accepted.items() if i == ident]
            if ident in other.disk.cases or not accepted:
                continue
            self.lost.add(ident)
            if not is_open(old.cases[ident]) or not self.world.plan.mirror:  # over and done, or never promised
                continue
            since_s = self._lost_s.get((ident, 1 - host.rank), None)
            if since_s is None and ident in self._mirrored:
                self.say("I1b", f"{ident} was answered as mirrored and is gone with one disk")
            elif self._calm_s(since_s if since_s is not None else min(accepted), now_s) >= CALM_S:
                self.say("I1b", f"{ident} was on one node alone, though there was time to mirror it")

    def _calm_s(self, since_s: float, until_s: float) -> float:
        """The longest time between two moments in which nothing was wrong."""
        longest_s, calm_from_s = 0.0, since_s
        plan = self.world.plan
        away = [*((f.at_s, f.until_s) for f in plan.faults), *((at, at + LEAVE_S + down) for at, _, down in plan.stops)]
        for at_s, end_s in sorted((at_s, until_s + BACK_S) for at_s, until_s in away):
            if at_s > until_s:
                break
            longest_s = max(longest_s, at_s - calm_from_s)
            calm_from_s = max(calm_from_s, end_s)
        return max(longest_s, until_s - calm_from_s)

    # -- the end -----------------------------------------------------------------------------------------------------

    def unfinished(self) -> list[str]:
        """What is still to be done: for the people, and for the two copies."""
        left = []
        for alarm in self.alarms.values():
            if not any((alarm.ident, rank) in self._accepted for rank in (0, 1)):
                left.append(f"I1 {alarm.ident} is not accepted")
            elif alarm.ident not in self.lost:
                left += self._unfinished(alarm)
        left += self._unequal()
        return left

    def is_done(self) -> bool:
        return not self.unfinished()

    def _unfinished(self, alarm: Alarm) -> list[str]:
        held = [host.disk.cases[alarm.ident] for host in self.world.hosts if alarm.ident in host.disk.cases]
        if not held:
            return [f"I1 {alarm.ident} is nowhere"]
        left = []
        pairs = [(h.disk.cases.get(alarm.ident), h.disk.store) for h in self.world.hosts]
        if not self._is_twin(alarm.ident) and all(
            case and is_open(case) and case.owner.store == store for case, store in pairs
        ):
            left.append(f"I2 {alarm.ident} is sent by both")
        for case in held:
            left += [
                f"I1 {alarm.ident} says {tuple(key)} was sent, and nobody got it"
                for key, state in case.deliveries.items()
                if state.fact is Fact.SENT and not self.sends[alarm.ident, key]
            ]
        if self.world.plan.is_passive:
            master = next(h.disk.store for h in self.world.hosts if role_of(h.disk.config, h.rank) == "master")
            left += [
                f"failback: {alarm.ident} is not the master's" for c in held if is_open(c) and c.owner.store != master
            ]
        if all(is_at_rest(case) for case in held):
            for case in held:
                left += [f"I1 {alarm.ident}: {who} was never asked" for who in self._missing(alarm, case)]
            return left
        stores = {host.disk.store for host in self.world.hosts}
        left += [f"I6 {alarm.ident} belongs to nobody" for case in held if case.owner.store not in stores]
        return [*left, *(f"I1 {alarm.ident} is not done: {tuple(case.position)} {states_of(case)}" for case in held)]

    def _missing(self, alarm: Alarm, case: Case) -> list[str]:
        if alarm.ident in self.cancelled or (state_of(case)[0] is not CaseState.OPEN and alarm.policy):
            return []
        asked = [*((0, who) for who in ASKED[alarm.policy])]
        if alarm.policy == BASIC:
            asked += [(1, "jane"), (2, "chief")]
        got = {(key.level, key.recipient) for (ident, key), _ in self.sends.items() if ident == alarm.ident}
        answered = {note.by for note in (*case.acks, *case.declines)}  # in a recall perhaps to the reminder alone
        return [] if case.clears else [f"{w} ({lv})" for lv, w in asked if (lv, w) not in got and w not in answered]

    def _unequal(self) -> list[str]:
        one, two = (host.disk for host in self.world.hosts)
        left = []
        for ident in one.cases.keys() | two.cases.keys():
            mine, theirs = one.cases.get(ident), two.cases.get(ident)
            if not self.world.plan.mirror:  # each has its own; what both have need not be alike once it is done
                continue
            if mine is None or theirs is None:
                lacks = 0 if mine is None else 1
                if (ident, lacks) not in self._lost_s and not self._was_new_after(ident, lacks):
                    left.append(f"I3 {ident} is missing on {lacks}")
                elif is_open(mine or theirs):  # type: ignore[arg-type]
                    left.append(f"I3 {ident} is open and missing on {lacks}")
            elif (mine != theirs or one.digests[ident] != two.digests[ident]) and not self._is_old(mine, theirs):
                left.append(f"I3 {ident} differs")
        if one.pause != two.pause:
            left.append("I3 the pause differs")
        if one.config != two.config:
            left.append("I3 the directory differs")
        return left

    def _is_old(self, mine: Case, theirs: Case) -> bool:
        """Whether it was closed on both before a VM was rolled back: what came to it since is not told again."""
        was_rolled_back = any(fault.kind is Kind.ROLLBACK for fault in self.world.plan.faults)
        return was_rolled_back and not is_open(mine) and not is_open(theirs)

    def _was_new_after(self, ident: str, rank: int) -> bool:
        """Whether that host got another disk at any time: what was closed before is not told to it."""
        return any(f.kind in (Kind.DISK_DESTROYED, Kind.ROLLBACK) and f.host == rank for f in self.world.plan.faults)

    def judge(self) -> None:
        """After the heal."""
        self.wrong += self.unfinished()
        for host in self.world.hosts:
            assert host.daemon is not None
            node = host.daemon.node
            if (
                node.standing is not Standing.UP
                or not node.is_settled
                or (node.entries.unclean and self.world.plan.mirror)
            ):
                self.say("I3", f"{host.rank} thinks the other one {node.standing}, settled {node.is_settled}")
        for (ident, key), count in self.sends.items():
            allowed = 1 + len(self._overlapping(ident, self._sent_s[ident, key]))
            allowed += self._has_two_masters(ident) + self.broken_off_count
            allowed += self._stops_in_trouble(self._sent_s[ident, key]) + self._is_slow_in_a_stop(ident, key)
            allowed *= 2 if self._is_twin(ident) else 1
            if count > allowed:
                self.say(
                    "I2", f"{ident} {tuple(key)} was sent {count} times, {allowed} allowed: {self._sent_s[ident, key]}"
                )

    def _has_two_masters(self, ident: str) -> bool:
        """Whether both nodes heard the alarm in the moment in which the one was made master and the other did not know."""
        alarm, promote_s = self.alarms[ident], self.world.plan.promote_s
        return promote_s is not None and alarm.shared and abs(alarm.at_s - promote_s) < PROMOTION_S

    def _stops_in_trouble(self, sent_s: list[float]) -> int:
        """How many orderly stops there were while something was wrong, too: the other node may not have been there."""
        plan = self.world.plan
        return sum(
            at_s <= sent_s[-1]
            and any(f.at_s <= at_s + LEAVE_S + down_s and f.until_s + AFTER_S >= at_s for f in plan.faults)
            for at_s, _, down_s in plan.stops
        )

    def _is_slow_in_a_stop(self, ident: str, key: DeliveryKey) -> bool:
        """Whether both heard it while one was starting, and the other one's modem took longer than anybody waits."""
        alarm, took_s = self.alarms[ident], self._sent_s[ident, key][0] - self._handed_s[ident, key]
        settle_s = self.world.rules.timing.t_settle_s
        is_starting = any(at <= alarm.at_s <= at + LEAVE_S + down + settle_s for at, _, down in self.world.plan.stops)
        return alarm.shared and is_starting and took_s > SLOW_S

    def _is_twin(self, ident: str) -> bool:
        """Whether each node heard the alarm without the other and, not mirroring, tells people of its own: for ever."""
        plan = self.world.plan
        is_known_to_both = {(ident, 0), (ident, 1)} <= self.offered
        return is_known_to_both and not plan.mirror and bool(plan.faults or plan.stops)

    def _overlapping(self, ident: str, sent_s: list[float]) -> list[Fault]:
        began_s = self.alarms[ident].at_s
        return [f for f in self.world.plan.faults if f.at_s <= sent_s[-1] and f.until_s + AFTER_S >= began_s]

    @property
    def extra_count(self) -> int:
        return sum(count - 1 for count in self.sends.values())


def is_at_rest(case: Case) -> bool:
    """Whether the case waits for nobody but people, and everything due in it is done."""
    state = state_of(case)[0]
    if state is not CaseState.OPEN:
        return True
    return is_ended(policy_of(case), case.position) and not any(
        state.fact is Fact.NONE and not (state.is_pending and is_answered(case, key.recipient))
        for key, state in case.deliveries.items()
    )


def states_of(case: Case) -> str:
    return f"owner {case.owner} " + ", ".join(
        f"{k.level} {k.recipient}: {s.fact.name} {s.attempt} {s.phase.name}" for k, s in case.deliveries.items()
    )
