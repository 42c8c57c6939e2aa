"""The directory on two nodes: the rules one by one."""

from __future__ import annotations

import pytest
from replicas import ModelNode, heal, packed

from addispatch.cluster.replica import PEER_SILENT_S, RETRY_S
from addispatch.domain.errors import ClusterError, Refused
from addispatch.domain.replication import ClusterRole

MASTER, SLAVE = ClusterRole.MASTER, ClusterRole.SLAVE


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
