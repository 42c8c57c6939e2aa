"""How two nodes that were apart tell each other everything, without drowning each other in it.

A busy node that was asked for the same again while it still worked on it got further and further behind, until it answered
nobody; a start that took long left no time to listen before sending.
"""

from __future__ import annotations

from collections import Counter

import pytest

from addispatch.cluster import events as ev
from addispatch.cluster.entries import LOST_S
from addispatch.cluster.liveness import Timing
from addispatch.cluster.messages import Digests, Heartbeat, Identity, Local
from addispatch.cluster.node import Node
from addispatch.domain.case import Owner
from addispatch.domain.result import CaseRef
from addispatch.pipeline.pairing import ACTIVE_MS, Pairing

ME, PEER = Identity("a", 0, "store a", "boot a"), Identity("b", 1, "store b", "boot b")
IDENTS = [f"case {number}" for number in range(40)]
OWN = Owner(0, ME.rank, ME.store)


class Pair:
    """A node whose peer is a script: time passes in steps of half a second."""

    def __init__(self) -> None:
        self.node = Node(ME, Timing(), Local(), lambda: "boot a2", 0.0)
        self.now_s, self.number = 0.0, 0
        self.step(ev.Loaded(()))
        for _ in range(4):
            self.passes()
        assert self.node.has_peer

    def step(self, event: ev.Event) -> list[ev.Action]:
        return self.node.step(event, self.now_s)

    def passes(self) -> None:
        """Half a second with heartbeats and ticks."""
        for _ in range(10):
            self.now_s += 0.05
            self.number += 1
            self.step(ev.Beat(Heartbeat(PEER, self.number, ME.boot, ME.store, True, Local(), self.number)))
            self.step(ev.Tick())

    def hears(self, *, asks: bool = False) -> list[ev.Action]:
        """The peer tells that it has none of the cases, or asks about them."""
        told = Digests(tuple((ident, 0 if not asks else 7) for ident in IDENTS), asks, not asks)
        return self.step(ev.Came(told, PEER.store, PEER.boot))

    def commits(self, digest: int) -> None:
        changes = tuple(ev.Change(ident, digest, OWN, is_open=True, record=b"delta") for ident in IDENTS)
        self.step(ev.Committed(changes))


@pytest.fixture
def pair() -> Pair:
    return Pair()


def fetched(actions: list[ev.Action]) -> list[str]:
    return [ident for action in actions if isinstance(action, ev.Fetch) for ident in action.ids]


def test_what_is_being_read_is_not_read_again(pair: Pair) -> None:
    pair.commits(1)
    counts = Counter[str]()
    for _ in range(int(LOST_S * 2) - 2):
        pair.passes()
        counts.update(fetched(pair.hears()))
    assert counts == dict.fromkeys(IDENTS, 1)


def test_what_was_lost_on_its_way_from_the_store_is_read_again(pair: Pair) -> None:
    pair.commits(1)
    assert fetched(pair.hears()) == IDENTS
    for _ in range(int(LOST_S * 2) + 1):
        pair.passes()
    assert fetched(pair.hears()) == IDENTS


def test_a_node_that_does_not_confirm_is_told_ever_less_often(pair: Pair) -> None:
    pair.commits(1)
    counts = Counter[str]()
    for _ in range(40):
        pair.passes()
        if idents := fetched(pair.hears()):
            counts.update(idents)
            pair.step(ev.Fetched(tuple(ev.Change(one, 1, OWN, is_open=True, record=b"whole") for one in idents)))
    assert set(counts.values()) <= {6, 7, 8}, "in 20 s, of 40 answers"


def test_what_changed_is_told_at_once(pair: Pair) -> None:
    pair.commits(1)
    for _ in range(10):
        pair.passes()
        idents = fetched(pair.hears())
        pair.step(ev.Fetched(tuple(ev.Change(one, 1, OWN, is_open=True, record=b"whole") for one in idents)))
    pair.commits(2)
    assert fetched(pair.hears()) == IDENTS


def test_what_is_being_looked_up_is_not_looked_up_again(pair: Pair) -> None:
    counts = Counter[str]()
    for _ in range(5):
        pair.passes()
        counts.update(
            ident for action in pair.hears(asks=True) if isinstance(action, ev.Look) for ident in action.theirs
        )
    assert counts == dict.fromkeys(IDENTS, 1)
    pair.step(ev.Looked(tuple(ev.Change(ident, 0, OWN, is_open=False) for ident in IDENTS), dict.fromkeys(IDENTS, 7)))
    assert any(isinstance(action, ev.Look) for action in pair.hears(asks=True)), "it is asked about again: look again"


def test_a_start_that_takes_long_leaves_time_to_listen() -> None:
    node = Node(ME, Timing(), Local(), lambda: "boot a2", 0.0)
    done = [*node.step(ev.Loaded(()), 9.0)]
    for tenth in range(91, 111):
        done += node.step(ev.Tick(), tenth / 10)
    assert not [action for action in done if isinstance(action, ev.Renew)], "starting is not standing still"
    node.step(ev.PathUp("broker"), 11.0)
    for tenth in range(111, 135):
        node.step(ev.Tick(), tenth / 10)
    assert not node.is_settled, "2.4 s after the first broker was there"
    node.step(ev.Tick(), 13.5)
    assert node.is_settled


def test_a_copy_that_waits_is_told_to_a_node_that_comes_later() -> None:
    pairing = Pairing()
    assert pairing.local("print", "alarm 1", 0) is None
    assert pairing.heard("alarm 1", ACTIVE_MS - 1) == "print"
    assert pairing.heard("alarm 2", 0) is None
    assert pairing.heard("alarm 1", ACTIVE_MS + 1) is None, "two such publishes are two alarms by now"


def test_a_copy_that_has_met_its_mate_waits_no_more() -> None:
    pairing = Pairing()
    pairing.local("print", "alarm 1", 0)
    assert pairing.remote("print", "theirs", CaseRef("case", None), 10) == "alarm 1"
    assert pairing.heard("alarm 1", 20) is None
