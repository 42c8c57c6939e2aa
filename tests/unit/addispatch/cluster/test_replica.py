"""The directory on two nodes: first the whole way on disk, then the rules one by one, then any fault in any order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addispatch.cluster.replica import Install, Store
from addispatch.domain.replication import ClusterRole
from replicas import DiskNode, meet, refused

MASTER, SLAVE = ClusterRole.MASTER, ClusterRole.SLAVE


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
    assert [tell.text for tell in a.told][0] == "node-b has been promoted (term 2): this node is the slave now"
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
