"""Whose turn it is; the channels' tests see the fleet with real modems."""

from dataclasses import dataclass

import pytest

from addispatch.sdk.testing import RecordingContext
from addispatch_plugins.modem.actor import State
from addispatch_plugins.modem.fleet import Fleet


@dataclass
class StubModem:
    name: str
    state: State = State.ONLINE
    load: int = 0
    trouble: str = "unplugged (/dev/x)"
    is_stopped: bool = False

    def stop_calls(self):
        self.is_stopped = True


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path) as context:
        yield context


@pytest.fixture
def fleet(context):
    fleet = Fleet(context)
    fleet.modems = [StubModem("a"), StubModem("b"), StubModem("c")]
    return fleet


def chosen(fleet, count, avoid=""):
    return "".join(fleet.choose(avoid).name for _ in range(count))


async def test_in_turn(fleet):
    assert chosen(fleet, 4) == "abca"
    assert chosen(fleet, 4, avoid="b") == "caca"


async def test_the_one_with_the_least_to_do(fleet):
    fleet.modems[0].load, fleet.modems[1].load, fleet.modems[2].load = 20, 2, 1
    assert chosen(fleet, 2) == "cc"
    assert chosen(fleet, 1, avoid="c") == "b"


async def test_the_one_to_avoid_if_there_is_no_other(fleet):
    fleet.modems[0].state = fleet.modems[1].state = State.BROKEN
    assert chosen(fleet, 1, avoid="c") == "c"
    fleet.modems[2].state = State.DEGRADED
    assert fleet.choose("") is None


async def test_what_the_core_and_people_are_told(fleet, context):
    fleet.modem_changed()
    assert context.window_change_count == 1
    for modem in fleet.modems:
        modem.state = State.ABSENT
        fleet.modem_changed()
    fleet.modem_changed()
    reasons = "; ".join(f"{name}: unplugged (/dev/x)" for name in "abc")
    assert [(event.kind, event.text) for event in context.events] == [
        ("no_modem", f"No working modem found. {reasons}")
    ]
    assert not fleet.health.up


async def test_after_stop_there_is_none(fleet, context):
    fleet.stop()
    assert (fleet.online, fleet.choose("")) == ([], None)
    assert all(modem.is_stopped for modem in fleet.modems)
    assert fleet.health.reason == "the modem plugin has stopped"
    fleet.modem_changed()
    assert list(context.events) == []
