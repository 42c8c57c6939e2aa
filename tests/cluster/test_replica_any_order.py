"""The directory on two nodes: any fault in any order, and they agree in the end."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from replicas import ModelNode, heal

from addispatch.domain.errors import Refused
from addispatch.domain.replication import ClusterRole

MASTER, SLAVE = ClusterRole.MASTER, ClusterRole.SLAVE
#: Schedules per property.
EXAMPLES = 300


COMMON = [
    *["deliver"] * 12, *["beat"] * 6, *["time", "install"] * 4, *["repeat", "lose", "edit"] * 2, "restart", "die installing",
]  # fmt: skip


def steps(*rare: str) -> st.SearchStrategy[list[tuple[str, bool, int]]]:
    """What happens, to which of the two, and to which message: two bytes a step, for hypothesis is slow at lists."""
    names = [*COMMON, *rare]
    return st.binary(min_size=120, max_size=240).map(
        lambda data: [
            (names[one % len(names)], two % 2 == 1, two // 2) for one, two in zip(data[::2], data[1::2], strict=False)
        ]
    )


def play(nodes: tuple[ModelNode, ModelNode], schedule: list[tuple[str, bool, int]]) -> None:
    for number, (what, second, which) in enumerate(schedule, 100):
        me, peer = (nodes[1], nodes[0]) if second else nodes
        match what:
            case "deliver" | "repeat" | "lose" if me.out:
                message = me.out[which % len(me.out)]
                if what != "repeat":
                    me.out.remove(message)
                if what != "lose":
                    peer.take(message, me)
            case "beat":
                me.beat()
            case "time":
                me.pass_time(0.5)
            case "install":
                me.finish_install(peer)
            case "die installing":
                me.finish_install(peer, dies=True)
            case "edit":
                me.edit(number)
            case "restart":
                me.start()
            case "lose disk":
                me.lose_disk()
            case "back up":
                me.back_up()
            case "roll back":
                me.roll_back()
            case "promote":
                me.act(me.replica.promote())
            case "start empty":
                with suppress(Refused):
                    me.act(me.replica.start_empty())


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps("promote"), st.booleans())
def test_after_any_faults_both_have_the_same_directory(schedule: list[tuple[str, bool, int]], has_own: bool) -> None:
    a, b = nodes = ModelNode("a", MASTER, (1,)), ModelNode("b", SLAVE, (2,) if has_own else ())
    play(nodes, schedule)
    heal(a, b)
    if {a.replica.role, b.replica.role} != {MASTER, SLAVE}:
        # Promoted on both while they were apart, or neither is any more: the operator chooses.
        assert a.replica.read_only()
        assert b.replica.read_only()
        a.act(a.replica.promote())
        heal(a, b)
    assert a.edits == b.edits
    assert a.replica.version == b.replica.version
    assert {a.replica.role, b.replica.role} == {MASTER, SLAVE}
    assert [bool(node.replica.read_only()) for node in nodes] == [node.replica.role is SLAVE for node in nodes]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps("start empty"))
def test_a_master_that_lost_its_disk_never_wipes_the_slave(schedule: list[tuple[str, bool, int]]) -> None:
    a, b = nodes = ModelNode("a", MASTER, (1, 2, 3)), ModelNode("b", SLAVE)
    heal(a, b)
    assert b.edits == (1, 2, 3)
    a.lose_disk()
    a.out.clear()
    play(nodes, schedule)
    heal(a, b)
    assert all(edits[:3] == (1, 2, 3) for edits in b.had if edits)
    assert a.edits == b.edits
    assert a.edits[:3] == (1, 2, 3)
    assert (a.replica.role, b.replica.role) == (MASTER, SLAVE)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps("promote", "lose disk", "back up", "roll back"))
def test_with_lost_disks_and_promotions_they_still_agree_in_the_end(schedule: list[tuple[str, bool, int]]) -> None:
    a, b = nodes = ModelNode("a", MASTER, (1,)), ModelNode("b", SLAVE)
    heal(a, b)
    play(nodes, schedule)
    heal(a, b)
    if {a.replica.role, b.replica.role} != {MASTER, SLAVE} or a.replica.version != b.replica.version:
        assert a.replica.read_only()
        a.act(a.replica.promote())
        heal(a, b)
        a.act(a.replica.promote())
        heal(a, b)
    assert a.edits == b.edits
    assert a.replica.version == b.replica.version
