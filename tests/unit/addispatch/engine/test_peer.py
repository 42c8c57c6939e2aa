"""The other node in the seed's words: events, status, why cases change hands."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from addispatch.cluster.liveness import Standing, Timing
from addispatch.cluster.messages import Heartbeat, Identity, Local
from addispatch.cluster.node import Node as Rules
from addispatch.domain.events import INFO, SEVERE, WARNING
from addispatch.engine.peer import APART_S, FIRST_SINGLE_S, SINGLE_S, Peer
from addispatch.sdk.testing import FakeClock

LOCAL = Local(channels=(("sms", True), ("email", False)), role="slave", url="http://b:5556")


def beat(number=1, *, settled=True, local=LOCAL):
    return Heartbeat(Identity("node-b", 1, "s2", "b2"), number, "b1", "s1", settled, local)


class Stage:
    """A peer with the node and the cluster around it, as far as it asks them."""

    def __init__(self, role="master", mode="active/active"):
        self.clock, self.said, self.reported, self.learnt = FakeClock(), [], [], []
        node = SimpleNamespace(
            clock=self.clock, cluster="plant", say=self.said.append,
            conditions=SimpleNamespace(report=lambda *args, **more: self.reported.append((*args, more))),
        )  # fmt: skip
        me = Identity("node-a", 0, "s1", "b1")
        self.rules = Rules(
            me, Timing(), Local(role=role), str, self.clock.monotonic_s(), is_passive=mode == "active/passive"
        )
        self.cluster = SimpleNamespace(
            role=role, rules=self.rules, learn=self.learnt.append, refusal=str, config=SimpleNamespace(mode=mode, mirror=True),
            replication=SimpleNamespace(document=lambda: {"same": True}),
        )  # fmt: skip
        self.peer = Peer(node, self.cluster)

    def lines(self):
        found = [(event.severity, event.line) for event in self.said]
        self.said.clear()
        return found


@pytest.fixture
def stage():
    return Stage()


@pytest.mark.parametrize(
    ("role", "client", "other"), [("master", "Failover", "Slave"), ("slave", "Replication", "Master")]
)
def test_a_broker_comes_and_goes(role, client, other):
    stage = Stage(role)
    for problem in ("", "", "refused", "refused again", "", "cut"):
        stage.peer.path("broker", problem)
    connected = (INFO, f"{client} Client Connected to {other}: broker")
    cut = (WARNING, f"{client} Client Disconnected from {other}: broker")
    assert stage.lines() == [connected, cut, connected, cut]
    stage.peer.path("third", "refused")
    assert stage.lines() == [(WARNING, f"{client} Error: third: refused")], "it never was connected"


def test_the_other_node_comes_and_goes(stage):
    assert not stage.peer.changed(Standing.UP, None)
    stage = Stage()
    assert stage.peer.changed(Standing.UP, beat())
    assert not stage.peer.changed(Standing.UP, beat())
    assert not stage.peer.changed(Standing.SUSPECT, beat())
    assert not stage.peer.changed(Standing.UP, beat()), "it was not away"
    assert not stage.peer.changed(Standing.DOWN, beat())
    assert stage.peer.changed(Standing.UP, beat())
    assert stage.lines() == [
        (INFO, "Node node-b is connected"),
        (SEVERE, "Node node-b is not there: this node sends for both"),
        (INFO, "Node node-b is connected"),
    ]
    assert {who.name for who in stage.learnt} == {"node-b"}, "whoever it is, its name is kept"


def test_why_it_is_not_there(stage):
    peer = stage.peer
    assert peer.problem == "nothing heard of it yet"
    peer.path("a", "refused")
    peer.path("b", "cut")
    assert peer.problem == "no broker can be reached (a: refused; b: cut)"
    peer.path("b", "")
    stage.rules.peer = beat()
    stage.clock.forward(seconds=9)
    assert peer.problem == "node-b has been silent for 9 s"
    peer.changed(Standing.UP, beat())
    assert peer.problem == ""


def test_a_long_absence_is_a_condition_that_ends(stage):
    stage.peer.look()
    stage.peer.changed(Standing.UP, beat())
    stage.peer.look()
    (name, text, more), (_, ended, _) = [one for one in stage.reported if one[0] == "peer"]
    assert (name, ended, more) == ("peer", "", {"grace_s": APART_S})
    assert text.startswith("Replication Slave not available. Please check the other node and the brokers: ")


def test_single_copies_are_counted_and_told_once_in_a_while(stage):
    for _ in range(3):
        stage.peer.single_copy()
    assert stage.lines() == [], "those of one moment are told together"
    stage.clock.forward(seconds=FIRST_SINGLE_S)
    stage.peer.tell_single()
    stage.peer.single_copy()
    stage.clock.forward(seconds=SINGLE_S / 2)
    stage.peer.tell_single()
    stage.peer.single_copy()
    stage.clock.forward(seconds=SINGLE_S / 2)
    stage.peer.tell_single()
    stage.peer.single_copy()
    stage.peer.tell_single(is_last=True)
    stage.peer.tell_single(is_last=True)
    assert [line.split(":")[0] for _, line in stage.lines()] == [
        f"Confirmed {count} alarm(s) that this node alone holds" for count in (3, 2, 1)
    ]


def test_the_words_for_what_this_node_does():
    assert Stage().peer.state() == "Active"
    assert Stage("slave").peer.state() == "Active"
    assert Stage("master", "active/passive").peer.state() == "Active Master"
    slave = Stage("slave", "active/passive")
    assert slave.peer.state() == "Passive Slave (failover)"
    slave.rules.peer, slave.rules.live.standing = beat(local=Local(role="master")), Standing.UP
    assert slave.peer.state() == "Passive Slave (standby)"
    slave.rules.peer = beat(settled=False)
    assert slave.peer.state() == "Passive Slave (failover)", "one that is not settled sends nothing"


def test_why_cases_change_hands(stage):
    assert (stage.peer.why_claim(), stage.peer.why_give()) == (
        "their node is not there", "the other node can send them",
    )  # fmt: skip
    assert not stage.peer.has_sms
    stage.rules.peer = beat()
    assert (stage.peer.why_claim(), stage.peer.why_give()) == ("node-b is not there", "node-b can send them")
    assert stage.peer.has_sms


def test_the_document(stage):
    doc = stage.peer.document()
    assert (doc["peer"], doc["peer_status"]) == (None, "Disconnected. nothing heard of it yet")
    stage.rules.peer = beat()
    stage.peer.changed(Standing.UP, beat())
    stage.peer.path("a", "")
    stage.peer.path("b", "refused")
    stage.peer.heard_by("a", "node-b")
    stage.peer.heard_by("b", "somebody")
    stage.clock.forward(seconds=2)
    doc = stage.peer.document()
    assert doc["peer_status"] == "Connected"
    assert doc["peer"]["channels"] == {"sms": "ok", "email": "down"}
    assert doc["paths"] == [
        {"broker": "a", "problem": "", "heard_ago_s": 2.0},
        {"broker": "b", "problem": "refused", "heard_ago_s": None},
    ]
    assert doc["entries"] == {"known": 0, "unclean": 0}
    assert (doc["name"], doc["role"], doc["store"], doc["settled"]) == ("plant", "master", "s1", False)
