"""What will happen in one schedule: alarms, what people do, faults. Drawn from a seed, or written by a test."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from enum import StrEnum

#: People are told by one channel; their names are their addresses.
CHANNEL = "sms"
#: Seconds until level 1 and until level 2 of the chain, and what is waited for a hand-over at most.
WAITS_S, MAX_SEND_WAIT_S = (3.0, 3.5), 5.0
BASIC = json.dumps(
    {
        "id": "basic",
        "name": "basic",
        "max_send_wait_s": MAX_SEND_WAIT_S,
        "levels": [
            {"after_minutes": WAITS_S[0] / 60, "to": ["jane"]},
            {"after_minutes": WAITS_S[1] / 60, "to": ["chief"]},
        ],
    }
)
RECALL = json.dumps(
    {
        "id": "recall",
        "name": "recall",
        "kind": "recall",
        "max_send_wait_s": MAX_SEND_WAIT_S,
        "levels": [{"after_minutes": WAITS_S[0] / 60, "resend": True}],
    }
)
ASKED = {BASIC: ("adam",), RECALL: ("adam", "bo", "eve"), "": ("adam", "bo")}
#: Alarms come and faults begin between these times; then everything heals.
FIRST_S, FAULTS_S, LAST_S, HEAL_S = 3.0, 5.5, 14.0, 18.0
#: How long an orderly stop may take to hand everything over.
LEAVE_S = 5.0
#: Longest time after the heal until everything must be done.
PATIENCE_S = 75.0


class Kind(StrEnum):
    """The faults."""

    CRASH = "crash"
    BOTH_CRASH = "both crash"
    DISK_DESTROYED = "disk destroyed"
    FREEZE = "freeze"
    PARTITION = "partition"
    ONE_WAY = "one-way cut"
    PATH = "path cut"
    BROKER = "broker down"
    MODEM = "modem outage"
    DISK_FULL = "disk full"
    ROLLBACK = "VM rollback"
    FALSE_WILL = "false last will"
    POWER = "power off"
    SLOW_DISK = "slow disk"
    SLOW_NET = "slow network"


@dataclass(frozen=True)
class Fault:
    """One fault of a host (for a partition: of both), from ``at_s`` to ``until_s``; ``back_s`` is how far a VM rolls back."""

    kind: Kind
    at_s: float
    until_s: float
    host: int = 0
    broker: int = 0
    back_s: float = 0.0


@dataclass(frozen=True)
class Alarm:
    """An alarm that reaches one host, or both if it is shared; ``acks``: who answers, how long after he got it."""

    ident: str
    at_s: float
    host: int
    policy: str
    shared: bool = False
    acks: tuple[tuple[str, float], ...] = ()
    declines: tuple[str, ...] = ()
    #: Seconds after the alarm at which its condition clears, an operator cancels what waits; None: never.
    clear_s: float | None = None
    cancel_s: float | None = None


@dataclass(frozen=True)
class Plan:
    """A whole schedule."""

    seed: int
    is_passive: bool
    alarms: tuple[Alarm, ...]
    faults: tuple[Fault, ...]
    #: (at, host, on)
    pauses: tuple[tuple[float, int, bool], ...] = ()
    #: (at, host)
    edits: tuple[tuple[float, int], ...] = ()
    #: Orderly restarts, which are no faults: (at, host, seconds until it runs again).
    stops: tuple[tuple[float, int, float], ...] = ()
    #: When the slave is made the master.
    promote_s: float | None = None
    #: Whether each node holds the other's cases, too.
    mirror: bool = True
    loss: float = 0.0
    duplicates: float = 0.0
    reorder: float = 0.0


def draw(seed: int, *, is_passive: bool) -> Plan:
    """Draw a schedule."""
    rng = random.Random(f"{seed} {is_passive}")
    if rng.random() < 0.05:
        return _takeover(rng, seed, is_passive=is_passive)
    faults = _faults(rng)
    pauses: tuple[tuple[float, int, bool], ...] = ()
    if rng.random() < 0.15:
        on_s = rng.uniform(FIRST_S, LAST_S)
        off_s = on_s + rng.uniform(0.5, 5.0)
        pauses = (
            (on_s, rng.randrange(2), True),
            (off_s, rng.randrange(2), False),
            (HEAL_S + 3.0, rng.randrange(2), False),
        )
    edits = tuple((rng.uniform(1.0, HEAL_S), 0) for _ in range(rng.randrange(3))) if rng.random() < 0.2 else ()
    stops: tuple[tuple[float, int, float], ...] = ()
    if rng.random() < 0.15:
        stops = tuple((rng.uniform(FAULTS_S, LAST_S), rng.randrange(2), rng.uniform(0.5, 4.0)) for _ in range(2))
    return Plan(
        seed=seed,
        is_passive=is_passive,
        alarms=tuple(_alarm(rng, f"alarm {n}", faults) for n in range(rng.randint(1, 5))),
        faults=faults,
        pauses=pauses,
        edits=edits,
        stops=stops,
        promote_s=rng.uniform(FIRST_S, LAST_S) if rng.random() < 0.05 else None,
        loss=rng.choice((0.0, 0.0, 0.05, 0.1, 0.2)),
        duplicates=rng.choice((0.0, 0.05, 0.2)),
        reorder=rng.choice((0.0, 0.1, 0.5)),
        mirror=rng.random() >= 0.06,
    )


def _takeover(rng: random.Random, seed: int, *, is_passive: bool) -> Plan:
    """The owner ends just after it took an alarm, and nothing else is wrong."""
    at_s, host = rng.uniform(8.5, LAST_S), 0 if is_passive else rng.randrange(2)
    alarms = tuple(Alarm(f"alarm {n}", at_s + rng.uniform(0.0, 0.4), host, BASIC) for n in range(rng.randint(1, 4)))
    kind = rng.choice((Kind.CRASH, Kind.DISK_DESTROYED, Kind.POWER))
    fault = Fault(kind, at_s + rng.uniform(0.001, 0.5), at_s + rng.uniform(5.0, 8.0), host)
    return Plan(seed, is_passive, alarms, (fault,), loss=rng.choice((0.0, 0.05)))


def _alarm(rng: random.Random, ident: str, faults: tuple[Fault, ...]) -> Alarm:
    policy = rng.choice((BASIC, BASIC, BASIC, RECALL, ""))
    at_s = rng.uniform(FIRST_S, LAST_S)
    if faults and rng.random() < 0.5:  # around the moment of a fault: there the windows are
        offset_s = -rng.expovariate(2.0) if rng.random() < 0.6 else rng.uniform(-1.5, 1.0)
        at_s = max(FIRST_S, rng.choice(faults).at_s + offset_s)
    people = {BASIC: ("adam", "jane", "chief"), RECALL: ("adam", "bo", "eve"), "": ()}[policy]
    acks = tuple((who, rng.expovariate(0.4)) for who in people if rng.random() < (0.3 if policy == BASIC else 0.6))
    answered = {who for who, _ in acks}
    return Alarm(
        ident,
        at_s,
        rng.randrange(2),
        policy,
        shared=rng.random() < 0.3,
        acks=acks,
        declines=tuple(who for who in people if who not in answered and rng.random() < 0.1),
        clear_s=rng.uniform(0.0, 8.0) if rng.random() < 0.15 else None,
        cancel_s=rng.uniform(0.0, 4.0) if rng.random() < 0.1 else None,
    )


def _faults(rng: random.Random) -> tuple[Fault, ...]:
    if rng.random() < 0.02:  # a host that is too slow for all this
        host, freezes, at_s = rng.randrange(2), [], FAULTS_S
        for _ in range(rng.randint(3, 5)):
            freezes.append(Fault(Kind.FREEZE, at_s, at_s + rng.uniform(1.0, 2.0), host))
            at_s += rng.uniform(2.1, 3.0)
        return tuple(freezes)
    count = rng.choice((0, 1, 1, 1, 2, 2, 3, 4))
    return tuple(_fault(rng) for _ in range(count))


def _fault(rng: random.Random) -> Fault:
    kind = rng.choice(list(Kind))
    at_s = rng.uniform(FAULTS_S, LAST_S)
    length_s = rng.choice((rng.uniform(0.3, 2.5), rng.uniform(2.0, 10.0)))
    fault = Fault(kind, at_s, min(at_s + length_s, HEAL_S), rng.randrange(2), rng.randrange(2))
    if kind is Kind.ROLLBACK:
        return replace(fault, back_s=rng.uniform(0.2, 5.0))
    if kind is Kind.FREEZE and rng.random() < 0.1:
        return replace(fault, until_s=at_s + rng.uniform(10.0, 30.0))
    return fault
