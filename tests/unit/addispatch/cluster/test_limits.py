"""The allowance for bad envelopes, and how often people hear of them."""

from __future__ import annotations

from addispatch.cluster.limits import Allowance, Complaints


class Ticking:
    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


def spend_all(allowance):
    count = 0
    while allowance.is_left():
        allowance.spend()
        count += 1
    return count


def test_so_many_at_once_and_so_many_a_second():
    clock = Ticking()
    allowance = Allowance(512, clock)
    assert spend_all(allowance) == 512
    clock.s += 0.5
    assert spend_all(allowance) == 256
    clock.s += 3600
    assert spend_all(allowance) == 512


def test_asking_costs_nothing():
    allowance = Allowance(2, Ticking())
    assert all(allowance.is_left() for _ in range(100))
    assert spend_all(allowance) == 2


def test_a_reason_is_told_at_once_then_once_a_minute_with_its_count():
    clock, told = Ticking(), []
    complaints = Complaints(lambda *what: told.append(what), clock)
    for _ in range(5):
        complaints.add("bad seal", "a:1883")
    complaints.add("malformed", "b:1883")
    assert told == [("bad seal", "a:1883", 1), ("malformed", "b:1883", 1)]
    clock.s += 59.9
    complaints.add("bad seal", "a:1883")
    assert len(told) == 2
    clock.s += 0.2
    complaints.add("bad seal", "b:1883")
    assert told[2:] == [("bad seal", "b:1883", 6)]
