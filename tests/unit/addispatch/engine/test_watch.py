"""What the node reports of itself: channels down, plugins off, a queue that does not move."""

from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest

from addispatch.engine.conditions import Conditions
from addispatch.engine.watch import Watch
from addispatch.sdk.protocols import Health
from addispatch.sdk.testing import FakeClock


class Node:
    """The parts of a node that are looked at."""

    def __init__(self):
        self.clock = FakeClock()
        self.ledger = SimpleNamespace(marks={}, is_paused=False)
        self.conditions = Conditions("node-a", self.ledger, self.clock, lambda: None, frozenset)
        self.dispatcher = SimpleNamespace(lanes={})
        self.sms = SimpleNamespace(health=Health(up=True), window=1)
        self.off = []
        self.host = SimpleNamespace(
            channels=lambda: {"sms": self.sms, "voice": self.sms}, report=lambda: self.off, names=("modem",)
        )
        self.watch = Watch(self)

    def bad(self, oldest_s=None, *, after_s=0):
        """What is wrong if it is so for a while."""
        now_ms = self.clock.now_ms()
        self.watch.look({"oldest_queued_at_ms": None if oldest_s is None else now_ms - oldest_s * 1000})
        self.clock.forward(seconds=after_s)
        return self.conditions.bad()


@pytest.fixture
def node():
    return Node()


def test_all_is_well(node):
    assert node.bad(299, after_s=1000) == {}


def test_channels_with_one_cause_are_one_condition_after_their_grace_time(node):
    node.sms.health = Health(up=False, reason="No working modem found. sim1: no SIM")
    assert node.bad(after_s=59) == {}
    assert node.bad(after_s=1) == {"channel sms, voice": "No working modem found. sim1: no SIM"}
    node.sms.health = Health(up=True)
    assert node.bad(after_s=1000) == {}


def test_a_queue_that_does_not_move(node):
    assert node.bad(301) == {"queue": "the oldest queued message waits for 5 minutes"}
    node.ledger.is_paused = True
    assert node.bad(301) == {}


def test_a_plugin_that_is_off_is_told_at_once_and_one_that_was_turned_off_is_not(node):
    node.off = [{"name": "modem", "status": "crashed", "reason": "no gammu"}, {"name": "smtp", "status": "disabled"}]
    assert node.bad() == {"plugin modem": "plugin modem is off: no gammu"}


def restarted(problem_of):
    node = Node()
    node.ledger.marks = {
        f"condition:{name}": orjson.dumps({"problem": text, "told_at_ms": 1, "told_count": 1})
        for name, text in problem_of.items()
    }
    node.conditions.load()
    return node


def test_what_was_mended_while_it_was_down_is_over_after_the_start():
    node = restarted({"plugin net": "plugin net is off: ca_file", "plugin smtp": "plugin smtp is off: x", "queue": "q"})
    node.off = [{"name": "smtp", "status": "config_error", "reason": "x"}]
    assert node.bad() == {"plugin smtp": "plugin smtp is off: x"}
    assert node.conditions.unseen == set()


def test_a_channel_has_time_to_come_up_and_what_others_told_is_theirs():
    node = restarted({"channel sms": "no modem", "modem sim1": "no network"})
    assert node.bad(after_s=60) == {"channel sms": "no modem", "modem sim1": "no network"}
    assert node.bad() == {"modem sim1": "no network"}
