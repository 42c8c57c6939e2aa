"""The directory on two nodes, the whole way on disk."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from replicas import DiskNode, meet, refused

from addispatch.cluster.replica import Install, Store
from addispatch.cluster.transfer import CHUNK_BYTES
from addispatch.domain.replication import ClusterRole

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


async def test_a_directory_of_several_chunks_over_a_bad_wire(pair: tuple[DiskNode, DiskNode]) -> None:
    a, b = pair
    dice = random.Random(6)
    await a.edit(recipient=[{"name": f"R{n}", "department": dice.randbytes(90).hex()} for n in range(600)])
    assert len((await a.directory.packed()).blob) > 4 * CHUNK_BYTES
    await meet(a, b, 60, lambda: dice.random() < 0.4)
    assert await b.directory.packed() == await a.directory.packed()
    assert len(b.installs) == 1


async def test_a_directory_that_fails_its_check_is_refused_and_told(pair: tuple[DiskNode, DiskNode]) -> None:
    a, b = pair
    a.replica._blob += b"x"
    a.replica._blob = a.replica._blob[:-5]
    await meet(a, b)
    assert [tell.text for tell in b.told] == [
        "the directory of node-a cannot be used, what is here stays in force: it is damaged: cut off"
    ]
    assert (await b.directory.packed()).is_empty
    assert b.replica.version.gen == 0


async def test_a_master_with_a_damaged_table_gets_the_slaves_copy(pair: tuple[DiskNode, DiskNode]) -> None:
    a, b = pair
    await a.edit(group=[{"name": "Night"}])
    await a.edit(group=[{"name": "Day"}])
    await meet(a, b)
    await a.stop()
    (a.folder / "directory" / "group.json").write_text("{")
    await a.start()
    assert a.directory.snapshot.find("Day") is None
    await meet(a, b)
    assert a.directory.snapshot.find("Day") is not None
    assert await a.directory.packed() == await b.directory.packed()
    assert (a.replica.role, a.replica.version) == (MASTER, b.replica.version)


async def test_an_edit_that_a_crash_interrupted_is_finished_and_goes_to_the_slave(
    pair: tuple[DiskNode, DiskNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair
    await meet(a, b)
    with monkeypatch.context() as patched:
        # Committed to change.json, and killed before the tables were written and the version noted.
        patched.setattr(a.directory._book._files, "_write_tables", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await a.edit(recipient=[{"name": "Eve"}], group=[{"name": "Day", "members": ["Eve"]}])
    await a.stop()
    await a.start()
    assert "was finished" in a.directory.notes[0]
    assert not a.directory.is_mended
    await meet(a, b)
    assert a.directory.snapshot.find("Eve") is not None
    assert await a.directory.packed() == await b.directory.packed()
