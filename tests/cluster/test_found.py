"""Schedules in which a rule once failed, or without one of the rules would fail. Each has its name.

The rule is in force: nothing goes wrong with any of the seeds. It is switched off: something does.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.ablations import ABLATIONS
from sim.plan import BASIC, Alarm, Fault, Kind, Plan, draw
from sim.world import World, play

from addispatch.cluster.node import CHUNK

SEEDS = range(10)
#: Seeds the campaign once stopped at: because of a rule, or because the oracle asked for too much. (seed, is_passive)
STOPPED_AT = {
    "told by each of two that do not mirror": ((1115, False), (6733, True), (7292, False)),
    "an ended process tells the other one nothing": ((3777, False),),
    "he answered the reminder, so he was asked": ((4427, False), (9392, True)),
    "the modem of the one who takes over is busy with another case": ((6679, True), (1718, False)),
    "heard by both while one of them was starting": ((10419, True),),
    "one restarts in order while the other one is killed": ((36714, True),),
    "asked by a process that ended before the answer": ((3132, False),),
    "in hand for longer than 5 s while the other one, which heard it, too, was starting": ((43254, False),),
    "both heard it without mirroring, and one stood still": ((20823, True), (21463, True)),
    "the other one started anew and edited while this one stood still": ((24351, True),),
    "noted as being sent by one who was not its owner any more": ((22648, False),),
    "orderly stop in a freeze, closed before a rollback": ((1317, True), (1727, True)),
}
ONE = (Alarm("alarm 0", 9.0, 0, BASIC),)


def rolled_back_while_it_sent(seed: int) -> Plan:
    """A virtual machine goes back to before the alarm; the other node brings the entry back, as being sent.

    Nobody sent it: the process that did ended, and its successor did not know the entry when it started. It must be
    doubted later, too. (Found by the campaign.)
    """
    return Plan(seed, False, ONE, (Fault(Kind.ROLLBACK, 9.3, 10.0, 0, back_s=1.0), Fault(Kind.CRASH, 9.3, 10.0, 1)))


def disk_replaced_while_it_sent(seed: int) -> Plan:
    """The owner's disk is destroyed in a hand-over, and the new one is there at once.

    If owners were names, the entry that comes back from the other node would be the new one's own, and under way for
    ever.
    """
    at_s = 9.05 + 0.03 * seed
    return Plan(seed, False, ONE, (Fault(Kind.DISK_DESTROYED, at_s, at_s + 0.1, 0),))


def one_disk_then_the_other(seed: int) -> Plan:
    """First the one disk is destroyed and replaced, then the other; in between there is time to mirror."""
    alarm = Alarm("alarm 0", 8.5, 1, BASIC)
    faults = (Fault(Kind.DISK_DESTROYED, 9.0, 9.3, 0), Fault(Kind.DISK_DESTROYED, 14.0, 15.0, 1))
    return Plan(seed, False, (alarm,), faults, pauses=((8.0, 1, True), (16.0, 0, False)))


def late_heartbeats_of_an_earlier_boot(seed: int) -> Plan:
    """A node starts and then stands still while it cannot be heard; what it said in its first boot comes late.

    The other node knows the later boot by then. It took the earlier one for a new one, and never listened to the later
    one again. (Found by the campaign.)
    """
    faults = (Fault(Kind.ONE_WAY, 7.0, 12.5, 1), Fault(Kind.CRASH, 7.0, 8.0, 1), Fault(Kind.FREEZE, 9.0, 11.0, 1))
    return Plan(seed, False, (), faults)


def acknowledged_before_the_wire(seed: int) -> Plan:
    """Somebody acknowledges between the commit of a hand-over and the hand-over."""
    alarms = (Alarm(f"alarm {n}", 9.0 + n * 0.9, 0, BASIC, acks=(("adam", 3.05 + 0.1 * n),)) for n in range(4))
    return Plan(seed, False, tuple(alarms), ())


def given_and_taken_back_without_mirroring(seed: int) -> Plan:
    """Without mirroring a case is handed over, its new owner ends, and the old one takes it back.

    The one that comes back must hear of that, or both send every further step. (Found by the campaign.)
    """
    faults = (Fault(Kind.MODEM, 7.0, 14.0, 0), Fault(Kind.CRASH, 9.0, 11.5, 1))
    return Plan(seed, False, (Alarm("alarm 0", 8.0, 0, BASIC),), faults, mirror=False)


FOUND: list[tuple[Callable[[int], Plan], str]] = [
    (rolled_back_while_it_sent, "no doubt about what nobody sends"),
    (disk_replaced_while_it_sent, "owner by name instead of store"),
    (one_disk_then_the_other, "no mirror to a new store"),
    (late_heartbeats_of_an_earlier_boot, "any boot counts"),
    (given_and_taken_back_without_mirroring, "what changed hands is forgotten"),
    (acknowledged_before_the_wire, "no look before the wire"),
]


@pytest.mark.parametrize(("plan", "rule"), FOUND)
def test_with_the_rule_nothing_goes_wrong(plan: Callable[[int], Plan], rule: str) -> None:
    assert [wrong for seed in SEEDS for wrong in play(plan(seed)).wrong] == []


@pytest.mark.parametrize(("plan", "rule"), FOUND)
def test_without_the_rule_something_does(plan: Callable[[int], Plan], rule: str) -> None:
    assert any(play(plan(seed), ABLATIONS[rule]).wrong for seed in SEEDS)


@pytest.mark.parametrize("what", STOPPED_AT)
def test_where_the_campaign_stopped_once_it_goes_on(what: str) -> None:
    assert [wrong for seed, passive in STOPPED_AT[what] for wrong in play(draw(seed, is_passive=passive)).wrong] == []


def test_two_halves_of_a_storm_are_one_ten_seconds_after_the_partition() -> None:
    count = CHUNK + 50
    alarms = (Alarm(f"alarm {n}", 7.0 + n * 0.005, n % 2, BASIC) for n in range(2 * count))
    paused = ((5.5, 0, True),)
    world = World(Plan(1, False, tuple(alarms), (Fault(Kind.PARTITION, 6.0, 12.0),), pauses=paused, loss=0.05))
    world.begin()
    world.until(12.0)
    one, two = (host.disk for host in world.hosts)
    assert len(one.cases) == len(two.cases) == count
    world.until(22.0)
    assert len(one.cases) == 2 * count
    assert one.cases == two.cases
    assert all(host.daemon and not host.daemon.node.entries.unclean for host in world.hosts)
