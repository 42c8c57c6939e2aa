"""Whether alarms are to come here: the node itself, the channels that are needed, and its role."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from addispatch.engine.readiness import readiness
from addispatch.sdk.protocols import Health


class Node:
    """The parts of a node that are looked at."""

    def __init__(self):
        self.ledger = SimpleNamespace(problem="", intake_problem="")
        self.is_started = True
        self.config = SimpleNamespace(http=SimpleNamespace(ready_needs=()))
        self.sms, self.email = (SimpleNamespace(health=Health(up=True)) for _ in range(2))
        self.host = SimpleNamespace(channels=lambda: {"sms": self.sms, "email": self.email})
        self.standby_reason = str
        self.twin = None


@pytest.fixture
def node():
    return Node()


def test_a_node_that_is_well_is_ready(node):
    assert readiness(node, ["sms", "email"]) == {"ready": True, "reason": "", "standby": False, "refuses": ""}


def test_a_channel_counts_only_where_it_is_needed(node):
    node.sms.health = Health(up=False, reason="No working modem found. sim1: no SIM")
    assert readiness(node, ["email"])["ready"]
    reason = "sms is down: No working modem found. sim1: no SIM"
    assert readiness(node, ["sms"]) == {"ready": False, "reason": reason, "standby": False, "refuses": ""}
    node.config.http.ready_needs = ("sms",)
    assert (
        readiness(node, [])
        == readiness(node, ["sms"])
        == {"ready": False, "reason": reason, "standby": False, "refuses": ""}
    )


def test_a_channel_nobody_brings_is_down(node):
    assert readiness(node, ["pager"])["reason"] == "pager is down: no plugin that runs has such a channel"


def test_all_channels_that_are_down_are_told(node):
    node.sms.health = node.email.health = Health(up=False, reason="stopped")
    assert readiness(node, ["sms", "email", "sms"])["reason"] == "sms is down: stopped; email is down: stopped"


def test_a_standby_that_is_well_says_so(node):
    node.standby_reason = lambda: "Passive Slave (standby)"
    assert readiness(node, []) == {"ready": False, "reason": "Passive Slave (standby)", "standby": True, "refuses": ""}


@pytest.mark.parametrize("trouble", ["problem", "intake_problem", "is_started"])
def test_its_own_trouble_comes_before_its_role(node, trouble):
    node.standby_reason = lambda: "Passive Slave (standby)"
    if trouble == "is_started":
        node.is_started = False
    else:
        setattr(node.ledger, trouble, "the disk is full")
    reason = "starting" if trouble == "is_started" else "the disk is full"
    assert readiness(node, []) == {"ready": False, "reason": reason, "standby": False, "refuses": ""}


def test_a_standby_without_a_channel_it_needs_is_in_trouble(node):
    node.standby_reason = lambda: "Passive Slave (standby)"
    node.sms.health = Health(up=False, reason="stopped")
    assert readiness(node, ["sms"]) == {
        "ready": False,
        "reason": "sms is down: stopped",
        "standby": False,
        "refuses": "",
    }


def pair(node, *, is_strict=True, is_mirror=True):
    """Let the other node be away, or, after a change of ``problem``, there."""
    peer = SimpleNamespace(problem="node-b has been silent for 9 s")
    refusal = lambda: "strict is set" if is_strict and peer.problem else ""  # noqa: E731
    node.twin = SimpleNamespace(peer=peer, refusal=refusal, config=SimpleNamespace(mirror=is_mirror))
    return peer


def test_a_strict_node_that_is_left_alone_is_there_for_all_but_alarms_and_says_so(node):
    peer = pair(node)
    assert readiness(node, []) == {"ready": True, "reason": "", "standby": False, "refuses": "strict is set"}
    reason = "mirror is down: node-b has been silent for 9 s"
    assert readiness(node, ["mirror"]) == {
        "ready": False,
        "reason": reason,
        "standby": False,
        "refuses": "strict is set",
    }
    peer.problem = ""
    assert readiness(node, ["mirror"]) == {"ready": True, "reason": "", "standby": False, "refuses": ""}


def test_nobody_mirrors_who_is_alone_or_does_not_want_to(node):
    assert readiness(node, ["mirror"])["reason"] == "mirror is down: there is no table [cluster]"
    pair(node, is_mirror=False).problem = ""
    assert readiness(node, ["mirror"])["reason"] == "mirror is down: [cluster] mirror is off"
