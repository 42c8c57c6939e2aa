"""The directory on two nodes: first the whole way on disk, then the rules one by one, then any fault in any order."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from replicas import DiskNode, ModelNode, heal, meet, packed, refused

from addispatch.cluster.replica import PEER_SILENT_S, RETRY_S, Install, Store
from addispatch.cluster.transfer import CHUNK_BYTES
from addispatch.domain.errors import ClusterError, Refused
from addispatch.domain.replication import ClusterRole

MASTER, SLAVE = ClusterRole.MASTER, ClusterRole.SLAVE
#: Schedules per property.
EXAMPLES = 300


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


# -- the rules, one by one -------------------------------------------------------------------------------------------


def two(
    edits: tuple[int, ...] = (1,), others: tuple[int, ...] = (), role: ClusterRole = SLAVE
) -> tuple[ModelNode, ModelNode]:
    return ModelNode("a", MASTER, edits), ModelNode("b", role, others)


def test_a_new_master_uses_its_directory_at_once_and_publishes_when_the_peer_is_new_too() -> None:
    a, b = two()
    assert a.replica.read_only() == ""
    assert a.edit(2)
    assert a.replica.version.key == (0, 0)
    heal(a, b)
    assert a.replica.version == b.replica.version
    assert a.replica.version.key == (1, 1)
    assert b.edits == (1, 2)
    assert a.replica.is_synced
    assert b.replica.is_synced
    assert a.told == b.told == []


def test_a_new_master_takes_what_the_peer_has_and_stays_the_master() -> None:
    a, b = two()
    heal(a, b)
    a.edit(2)
    heal(a, b)
    a.lose_disk()
    a.change((7,))
    a.start()
    assert a.edit(8)
    heal(a, b)
    assert a.edits == b.edits == (1, 2)
    assert (7, 8) in a.kept
    assert a.replica.role is MASTER
    assert a.edit(9)


def test_a_new_master_without_a_directory_waits_until_told_to_start_empty() -> None:
    a, b = two(())
    assert "waits for that of its peer, or for being told to start empty" in a.replica.read_only()
    heal(a, b)
    assert a.replica.version.key == (0, 0)
    assert a.replica.read_only()
    a.act(a.replica.start_empty())
    assert a.replica.read_only() == ""
    with pytest.raises(Refused, match="this node has one already"):
        a.replica.start_empty()
    a.start()
    assert a.replica.read_only() == ""
    heal(a, b)
    assert a.replica.version.key == b.replica.version.key == (1, 1)
    with pytest.raises(Refused, match="this node has one already"):
        a.replica.start_empty()


def test_the_slave_cannot_start_empty() -> None:
    _, b = two()
    with pytest.raises(Refused, match="directory: this node is the slave"):
        b.replica.start_empty()


def test_starting_empty_while_the_slave_is_away_wipes_nothing() -> None:
    a, b = two((1, 2))
    heal(a, b)
    a.lose_disk()
    a.act(a.replica.start_empty())
    a.edit(5)
    a.start()
    heal(a, b)
    assert a.edits == b.edits == (1, 2)
    assert (5,) in a.kept


def test_promoting_a_node_that_never_had_the_directory_wipes_nothing() -> None:
    a, b = two((1, 2))
    heal(a, b)
    a.lose_disk()
    a.act(a.replica.promote())
    heal(a, b)
    assert a.edits == b.edits == (1, 2)
    a.act(b.replica.promote())
    heal(a, b)
    b.lose_disk()
    b.beat()
    a.act(a.replica.heartbeat(b.replica.version, SLAVE, "b", 99))
    b.act(b.replica.heartbeat(a.replica.version, a.replica.role, "a", 99))
    b.act(b.replica.promote())
    heal(a, b)
    assert b.edits == (1, 2)


def test_the_slave_says_where_to_edit() -> None:
    a, b = two()
    assert b.replica.read_only() == "this node is the slave; edit on the master"
    heal(a, b)
    assert b.replica.read_only() == "this node is the slave; edit on the master a"
    assert b.replica.read_only("http://a:5556") == "this node is the slave; edit on the master a at http://a:5556"


def test_what_a_new_slave_had_of_its_own_is_kept() -> None:
    a, b = two((1,), (5, 6))
    heal(a, b)
    assert b.edits == (1,)
    assert b.kept == {(5, 6)}
    a.edit(2)
    heal(a, b)
    assert b.edits == (1, 2)
    assert b.kept == {(5, 6)}


def test_two_new_masters_with_a_directory_each_touch_nothing_until_one_is_promoted() -> None:
    a, b = two((1,), (2,), MASTER)
    heal(a, b)
    assert (a.edits, b.edits) == ((1,), (2,))
    assert "are both master (term 0): promote the right one" in a.replica.read_only()
    assert b.told == ["this node and a are both master (term 0): promote the right one; the directory cannot be edited until then"]  # fmt: skip
    b.act(b.replica.promote())
    heal(a, b)
    assert a.edits == b.edits == (2,)
    assert a.kept == {(1,)}
    assert a.told[-1] == "b is the master already: this node is its slave"
    assert b.edit(3)


def test_a_new_master_yields_to_one_that_has_a_directory() -> None:
    a, b = two((), (2,), MASTER)
    heal(a, b)
    assert a.edits == (2,)
    assert (a.replica.role, b.replica.role) == (SLAVE, MASTER)


def test_promoted_on_both_while_apart_nothing_moves_until_the_operator_chooses() -> None:
    a, b = two()
    heal(a, b)
    for node, number in ((a, 5), (b, 6)):
        node.act(node.replica.promote())
        assert node.edit(number)
    assert a.edit(7)
    heal(a, b)
    assert (a.edits, b.edits) == ((1, 5, 7), (1, 6))
    assert not a.edit(8)
    assert not b.edit(8)
    assert sum("both master (term 2)" in text for text in a.told) == 1
    b.act(b.replica.promote())
    assert b.edit(9)
    heal(a, b)
    assert a.edits == b.edits == (1, 6, 9)
    assert a.kept == {(1, 5, 7)}
    assert a.replica.role is SLAVE
    assert a.told[-1] == "b has been promoted (term 3): this node is the slave now"
    assert (a.replica.read_only(), b.replica.read_only()) == ("this node is the slave; edit on the master b", "")


def test_two_slaves_are_told_of_and_the_one_with_less_takes_what_the_other_has() -> None:
    a, b = two((1, 2))
    heal(a, b)
    b.act(b.replica.promote())
    heal(a, b)
    b.lose_disk()
    heal(a, b)
    assert b.edits == (1, 2)
    assert b.told[-1].startswith("this node and a are both slave: promote one of them")
    assert "both slave" in a.replica.read_only()
    a.act(a.replica.promote())
    heal(a, b)
    assert a.edit(3)


def test_a_late_heartbeat_of_before_a_promotion_raises_no_alarm() -> None:
    a, b = two()
    heal(a, b)
    old = b.replica.version
    b.act(b.replica.promote())
    heal(a, b)
    for _ in range(3):
        a.act(a.replica.heartbeat(old, SLAVE, "b", a.now_s))
        heal(a, b, 1)
    assert not any("both slave" in text for text in a.told)


def test_a_stored_role_counts_more_than_the_file_and_that_is_said() -> None:
    a, b = two()
    heal(a, b)
    b.act(b.replica.promote())
    heal(a, b)
    a.start()
    b.start()
    assert (a.replica.role, b.replica.role) == (SLAVE, MASTER)
    assert a.told[-1] == "the configuration says master, but since then this node has become the slave"
    assert b.told[-1] == "the configuration says slave, but since then this node has become the master"


def test_an_edit_that_was_not_noted_before_the_end_counts() -> None:
    a, b = two()
    heal(a, b)
    a.change((1, 2))
    a.start()
    assert a.replica.version.key == (1, 2)
    heal(a, b)
    assert b.edits == (1, 2)


@pytest.mark.parametrize("gen", [1, 2])
def test_a_master_whose_files_were_damaged_takes_the_slaves_copy(gen: int) -> None:
    a, b = two((1,))
    heal(a, b)
    if gen == 2:
        a.edit(2)
        heal(a, b)
    whole = a.edits
    a.change(whole[:-1])
    a.start(is_mended=True)
    heal(a, b)
    assert a.edits == b.edits == whole
    assert a.replica.role is MASTER
    assert a.edit(9)


def test_equal_content_is_not_sent_again() -> None:
    a, b = two()
    heal(a, b)
    b.act(b.replica.promote())
    b.beat()
    a.take(b.out.pop(), b)
    assert a.out == []
    assert a.replica.version == b.replica.version
    assert a.replica.version.key == (2, 1)


def test_an_edit_while_something_newer_is_fetched_waits() -> None:
    a, b = two()
    heal(a, b)
    a.back_up()
    a.edit(2)
    heal(a, b)
    a.roll_back()
    a.act(a.replica.heartbeat(b.replica.version, SLAVE, "b", 0))
    assert a.replica.read_only() == "b has a newer directory, which is being fetched; try again in a moment"
    assert a.replica.progress == (0, 0)
    heal(a, b)
    assert a.edits == (1, 2)
    assert a.replica.read_only() == ""
    assert a.replica.progress is None


def test_an_edit_that_was_under_way_ends_the_transfer_it_overtakes() -> None:
    a, b = two()
    heal(a, b)
    a.back_up()
    a.edit(2)
    heal(a, b)
    a.roll_back()
    a.act(a.replica.heartbeat(b.replica.version, SLAVE, "b", 0))
    a.change((1, 3))
    a.act(a.replica.edited(*packed((1, 3))))
    assert a.replica.progress is None
    heal(a, b)
    assert a.edits == b.edits == (1, 3)
    assert (1, 2) in b.kept


def start_fetch() -> tuple[ModelNode, ModelNode]:
    a, b = two()
    a.act(a.replica.heartbeat(b.replica.version, SLAVE, "b", 0))
    b.act(b.replica.heartbeat(a.replica.version, MASTER, "a", 0))
    assert [message[1]["t"] for message in b.out] == ["ask"]
    return a, b


def test_what_did_not_come_is_asked_for_again_while_the_peer_is_there() -> None:
    _, b = start_fetch()
    b.out.clear()
    b.pass_time(0.4)
    assert b.out == []
    b.pass_time(0.1)
    assert len(b.out) == 1
    b.pass_time(PEER_SILENT_S)
    assert len(b.out) == 1


def test_a_transfer_ends_when_the_version_moves_on() -> None:
    a, b = start_fetch()
    a.edit(2)
    a.take(b.out.pop(), b)
    assert [message[1]["t"] for message in a.out] == ["gone"]
    b.take(a.out.pop(), a)
    assert b.replica.progress is None
    heal(a, b)
    assert b.edits == (1, 2)


def test_a_late_heartbeat_does_not_disturb_a_transfer() -> None:
    a, b = start_fetch()
    old = a.replica.version
    a.edit(2)
    b.act(b.replica.heartbeat(a.replica.version, MASTER, "a", 0))
    assert [message[1]["version"][1] for message in b.out] == [1, 2]
    b.act(b.replica.heartbeat(old, MASTER, "a", 0))
    assert len(b.out) == 2


def test_a_directory_that_cannot_be_installed_is_told_once_and_tried_again_later() -> None:
    a, b = start_fetch()
    version = a.replica.version

    def try_it() -> bool:
        heal_without_install(a, b)
        failed, b.installing = b.installing is not None, None
        if failed:
            b.act(b.replica.not_installed(version, "bring both nodes to one version", b.now_s))
        return failed

    assert try_it()
    assert b.told == ["the directory of a cannot be used, what is here stays in force: bring both nodes to one version"]
    assert not try_it()
    b.now_s += RETRY_S
    assert try_it()
    assert len(b.told) == 1
    a.edit(2)
    heal(a, b)
    assert b.edits == (1, 2)


def heal_without_install(a: ModelNode, b: ModelNode) -> None:
    for _ in range(3):
        for me, peer in ((a, b), (b, a)):
            me.beat()
            while me.out:
                peer.take(me.out.pop(0), me)


def test_a_promotion_while_a_directory_is_being_installed() -> None:
    a, b = two()
    heal(a, b)
    a.edit(2)
    heal_without_install(a, b)
    assert b.installing
    b.act(b.replica.promote())
    b.finish_install(a)
    assert b.replica.version.key == (2, 2)
    heal(a, b)
    assert a.edits == b.edits == (1, 2)


def test_what_is_heard_while_a_directory_is_being_installed_counts_afterwards() -> None:
    """Found by a schedule: the peer went back to the content of before, under a higher number."""
    a, b = two()
    heal(a, b)
    a.edit(2)
    heal_without_install(a, b)
    assert b.installing
    a.change((1,))
    a.act(a.replica.edited(*packed((1,))))
    heal_without_install(a, b)
    b.finish_install(a)
    heal(a, b)
    assert a.edits == b.edits == (1,)


def test_an_edit_that_was_under_way_on_the_slave_is_kept_as_a_file() -> None:
    a, b = two()
    heal(a, b)
    b.change((1, 7))
    b.act(b.replica.edited(*packed((1, 7))))
    heal(a, b)
    assert b.edits == a.edits == (1,)
    assert b.kept == {(), (1, 7)}


def test_the_same_number_with_another_content_is_the_masters_and_the_slaves_is_kept() -> None:
    """As after two edits of which not even the first was noted, but had been sent."""
    a, b = two()
    heal(a, b)
    noted = a.saved
    a.edit(2)
    heal(a, b)
    a.saved = noted
    a.change((1, 3))
    a.start()
    assert a.replica.version.key == b.replica.version.key == (1, 2)
    heal(a, b)
    assert a.edits == b.edits == (1, 3)
    assert (1, 2) in b.kept
    assert (1, 3) not in a.kept


def test_a_promotion_goes_beyond_a_term_that_was_only_heard_of() -> None:
    a, b = two()
    heal(a, b)
    b.act(b.replica.promote())
    b.edit(2)
    b.edit(3)
    a.act(a.replica.heartbeat(b.replica.version, MASTER, "b", a.now_s))
    assert (a.replica.role, a.replica.version.key) == (SLAVE, (1, 1))
    a.act(a.replica.promote())
    assert a.replica.version.key == (3, 1)
    heal(a, b)
    assert a.edits == b.edits == (1,)
    assert (1, 2, 3) in b.kept


def test_what_the_peer_had_too_is_not_kept() -> None:
    a, b = two()
    heal(a, b)
    a.edit(2)
    heal(a, b)
    b.act(b.replica.promote())
    b.edit(3)
    a.start()
    heal(a, b)
    assert a.edits == (1, 2, 3)
    assert a.kept == set()


def test_a_promotion_says_what_is_missing() -> None:
    a, b = two()
    heal(a, b)
    a.edit(2)
    b.act(b.replica.heartbeat(a.replica.version, MASTER, "a", b.now_s))
    b.act(b.replica.promote())
    assert b.told[-1] == (
        "promoted: this node is the master now (term 2); edits of a that had not come yet are not in it"
    )
    heal(a, b)
    assert a.edits == b.edits == (1,)
    assert (1, 2) in a.kept


def test_a_node_that_packs_otherwise_does_not_fetch_for_ever() -> None:
    """As with two versions of the program: the same content, another hash."""
    a, b = start_fetch()
    heal_without_install(a, b)
    assert b.installing
    sha, blob = packed((1, 99))
    b.act(b.replica.installed(b.installing.version, sha, blob))
    b.installing = None
    heal_without_install(a, b)
    assert b.installing is None
    assert b.replica.is_synced
    assert b.replica.edited(sha, blob) == []


@pytest.mark.parametrize("body", [{}, {"t": "x"}, {"t": "ask"}, {"t": "gone"}, {"t": "chunk", "version": 1}, {"t": []}])
def test_a_message_that_is_none_is_an_error(body: dict[str, object]) -> None:
    _, b = start_fetch()
    with pytest.raises(ClusterError):
        b.replica.message(body, 0)


def test_chunks_nobody_asked_for_have_no_effect() -> None:
    a, b = two()
    heal(a, b)
    assert b.replica.message({"t": "chunk", "nonsense": 1}, 0) == []
    assert b.replica.message({"t": "gone"}, 0) == []


# -- anything in any order -------------------------------------------------------------------------------------------

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
