"""The directory on two nodes: first the whole way on disk, then the rules one by one, then any fault in any order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replicas import DiskNode, ModelNode, heal, meet, refused

from addispatch.cluster.replica import Install, Store
from addispatch.domain.errors import Refused
from addispatch.domain.replication import ClusterRole

MASTER, SLAVE = ClusterRole.MASTER, ClusterRole.SLAVE
#: Schedules per property.
EXAMPLES = 500


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[DiskNode, DiskNode]]:
    nodes = DiskNode("node-a", tmp_path / "a", MASTER), DiskNode("node-b", tmp_path / "b", SLAVE)
    for node in nodes:
        node.folder.mkdir()
    nodes[0].directory_file.write_text('[[recipient]]\nname = "Adam"\n[[group]]\nname = "Ops"\nmembers = ["Adam"]\n')
    for node in nodes:
        await node.start()
    yield nodes
    for node in nodes:
        await node.stop()


async def test_a_pair_from_its_first_start_to_the_return_of_the_old_master(pair: tuple[DiskNode, DiskNode]) -> None:
    a, b = pair
    assert not a.replica.read_only()
    await meet(a, b)
    assert a.replica.version.key == b.replica.version.key == (1, 1)
    assert await b.directory.export() == await a.directory.export() != {}
    assert await b.directory.packed() == await a.directory.packed()

    await a.edit(recipient=[{"name": "Jane"}])
    assert a.replica.version.gen == 2
    await meet(a, b)
    assert b.directory.snapshot.find("Jane") is not None
    assert await refused(b) == "directory: this node is the slave; edit on the master node-a at http://the-other:5556"
    assert not list(b.folder.glob("directory/replaced-*"))

    # The master dies with an edit that nobody has seen; the slave is promoted and goes on.
    await a.edit(group=[{"name": "Night", "members": ["Jane"]}])
    await a.stop()
    await b.promote()
    assert b.became == [MASTER]
    await b.edit(group=[{"name": "Ops", "members": ["Adam", "Jane"]}])

    await a.start()
    await meet(a, b)
    assert (a.replica.role, b.replica.role) == (SLAVE, MASTER)
    assert a.told[0].text == "node-b has been promoted (term 2): this node is the slave now"
    assert await a.directory.packed() == await b.directory.packed()
    assert a.replica.version == b.replica.version
    offered = await a.directory.offered()
    assert offered is not None
    assert offered.differences == ["group 'Ops': differs", "group 'Night': only there"]
    assert a.installs[0].kept == offered.path.name
    assert await refused(a)
    assert not await refused(b)


@pytest.mark.parametrize("moment", [Install, Store])
async def test_a_kill_while_taking_over_costs_another_transfer_at_most(
    pair: tuple[DiskNode, DiskNode], moment: type[Install | Store]
) -> None:
    a, b = pair
    b.dies_at = moment
    await meet(a, b)
    assert not b.is_alive
    await b.directory.close()
    b.dies_at = None
    await b.start()
    await meet(a, b)
    assert a.replica.version == b.replica.version
    assert await a.directory.packed() == await b.directory.packed()


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


@settings(max_examples=EXAMPLES, deadline=None)
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


@settings(max_examples=EXAMPLES, deadline=None)
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


@settings(max_examples=EXAMPLES, deadline=None)
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
