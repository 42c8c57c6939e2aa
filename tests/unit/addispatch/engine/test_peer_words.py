"""What is told of the brokers between two nodes, and why cases are taken over: ``engine.peer``."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from addispatch.cli import views
from addispatch.cluster.liveness import Standing
from addispatch.cluster.messages import Heartbeat, Identity, Local
from addispatch.cluster.path import OWN_NAME
from addispatch.engine.peer import APART_S, BACK_S, DIFFERS_S, REFUSES_S, RIVAL_S, STRANGE_S, Peer


class Seen:
    """The part of a node a peer speaks to."""

    def __init__(self):
        self.reported, self.events, self.heard_s = {}, [], 91.0
        self.conditions = SimpleNamespace(report=self._report)
        self.now_s = 100.0
        self.clock = SimpleNamespace(monotonic_s=lambda: self.now_s)
        self.name, self.cluster = "node-a", "plant"

    def _report(self, name, problem, *, grace_s):
        short = {"role of this node": RIVAL_S, "alarms": REFUSES_S, "settings of the pair": DIFFERS_S}
        assert grace_s == short.get(name, APART_S)
        self.reported[name] = problem

    def say(self, event):
        self.events.append(event)


@pytest.fixture
def seen():
    return Seen()


def made(seen, *, has_peer=True):
    other = Heartbeat(Identity("node-b", 1, "s2", "b2"), 1, "", "", True, Local(), 0)
    rules = SimpleNamespace(
        peer=other, has_peer=has_peer, standing=Standing.UP, is_settled=True, local=Local(), is_passive=False
    )
    rules.live = SimpleNamespace(silence_s=lambda now_s: now_s - seen.heard_s)
    config = SimpleNamespace(mode="active/active")
    peer = Peer(seen, SimpleNamespace(role="master", rules=rules, config=config, learn=lambda _who: None, refusal=str))
    peer.changed(Standing.UP, other)
    return peer


def test_a_broker_that_stays_away_is_told_though_the_other_node_is_there(seen):
    peer = made(seen)
    for path in ("b:1884", "a:1884"):
        peer.path(path, "")
    peer.look()
    assert set(seen.reported.values()) == {""}
    peer.path("b:1884", "Connection refused")
    peer.look()
    assert seen.reported["brokers of the pair"].endswith("please check them: b:1884: Connection refused")
    assert not seen.reported["peer"]
    peer.path("b:1884", "")
    peer.look()
    assert not seen.reported["brokers of the pair"]


def test_a_take_over_says_whether_the_node_is_away_or_came_back_without_its_cases(seen):
    assert made(seen, has_peer=False).why_claim() == "node-b is not there"
    assert made(seen).why_claim() == "their node has come back without them"


def test_the_status_of_the_node_has_a_line_of_the_pair(seen, capsys):
    peer = made(seen)
    views.status({"pair": peer.brief()})
    assert "pair      master, Active; other node node-b: Connected" in capsys.readouterr().out.splitlines()
    peer.path("b:1884", "Connection refused")
    peer.changed(Standing.DOWN, peer._cluster.rules.peer)
    views.status({"pair": peer.brief() | {"settled": False}})
    line = "pair      master, Active, not settled: it sends nothing yet; other node node-b: Disconnected"
    assert line in capsys.readouterr().out.splitlines()


def test_a_node_alone_has_no_such_line(capsys):
    views.status({"pair": None})
    assert "pair" not in capsys.readouterr().out


def test_silence_is_said_in_seconds_until_it_is_over(seen):
    peer = made(seen)
    peer.heard_by("b:1884", "node-b")
    peer.changed(Standing.DOWN, peer._cluster.rules.peer)
    assert peer.problem == "node-b has been silent for 9 s"
    seen.now_s, seen.heard_s = 105.0, 105.0
    peer.heard_by("b:1884", "node-b")
    assert peer.problem == "node-b is heard, but not for long enough yet"
    seen.now_s += 2 * BACK_S
    assert peer.problem == "node-b has been silent for 1 s"


def test_a_node_a_broker_told_of_is_not_coming_back(seen):
    """After its last will it counts as gone 0.3 s after its last heartbeat."""
    peer, seen.heard_s = made(seen), 99.6
    peer.heard_by("b:1884", "node-b")
    seen.now_s = 100.0
    peer.changed(Standing.DOWN, peer._cluster.rules.peer)
    assert peer.problem == "node-b has been silent for 0.4 s"


def test_what_was_dropped_is_said_as_the_reason_of_the_silence(seen):
    peer = made(seen)
    rules, rules_peer = peer._cluster.rules, peer._cluster.rules.peer
    peer.strange("bad seal")
    assert peer.problem == "", "the other one is there: it was somebody else"
    peer.changed(Standing.DOWN, rules_peer)
    assert peer.problem == "node-b has been silent for 9 s; what came by the brokers was dropped: bad seal"
    rules.peer = None
    peer.strange(OWN_NAME)
    words = "nothing heard of it yet; what came by the brokers was dropped: another node has the name node-a, too"
    assert peer.problem == words
    seen.now_s += STRANGE_S
    assert peer.problem == "nothing heard of it yet"


def test_a_node_of_the_same_role_is_told_of_as_long_as_it_is_heard(seen):
    peer = made(seen)
    rules = peer._cluster.rules
    other = Heartbeat(Identity("node-c", 0, "s3", "b3"), 1, "", "", True, Local(url="http://c:5556"), 0)
    rules.peer = None
    peer.changed(Standing.DOWN, None)
    for _ in range(3):  # not once after the start: each time somebody looks
        peer.rival(other)
        assert peer.problem.startswith("node-c at http://c:5556 began with the same role as this node")
        peer.look()
        assert seen.reported["role of this node"] == peer.problem
        seen.now_s += RIVAL_S / 2
    seen.now_s += RIVAL_S
    peer.look()
    assert (seen.reported["role of this node"], peer.problem) == ("", "nothing heard of it yet")
