"""What is told of the brokers between two nodes, and why cases are taken over: ``engine.peer``."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from addispatch.cli import views
from addispatch.cluster.liveness import Standing
from addispatch.cluster.messages import Heartbeat, Identity, Local
from addispatch.engine.peer import APART_S, Peer


class Seen:
    """The part of a node a peer speaks to."""

    def __init__(self):
        self.reported, self.events, self.heard_s = {}, [], 91.0
        self.conditions = SimpleNamespace(report=self._report)
        self.clock = SimpleNamespace(monotonic_s=lambda: 100.0)
        self.name, self.cluster = "node-a", "plant"

    def _report(self, name, problem, *, grace_s):
        assert grace_s == APART_S
        self.reported[name] = problem

    def say(self, event):
        self.events.append(event)


@pytest.fixture
def seen():
    return Seen()


def made(seen, *, has_peer=True):
    other = Heartbeat(Identity("node-b", 1, "s2", "b2"), 1, "", "", True, Local(), 0)
    rules = SimpleNamespace(peer=other, has_peer=has_peer, standing=Standing.UP, is_settled=True)
    rules.live = SimpleNamespace(silence_s=lambda now_s: now_s - seen.heard_s)
    config = SimpleNamespace(mode="active/active")
    peer = Peer(seen, SimpleNamespace(role="master", rules=rules, config=config))
    peer.changed(Standing.UP, other)
    return peer


def test_a_broker_that_stays_away_is_told_though_the_other_node_is_there(seen):
    peer = made(seen)
    for path in ("b:1884", "a:1884"):
        peer.path(path, "")
    peer.look()
    assert seen.reported == {"brokers of the pair": "", "peer": ""}
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
    peer.changed(Standing.DOWN, peer._cluster.rules.peer)
    assert peer.problem == "node-b has been silent for 9 s"
    seen.heard_s = 99.9
    assert peer.problem == "node-b is just coming back"
