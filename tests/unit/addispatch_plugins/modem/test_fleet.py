"""Whose turn it is; the channels' tests see the fleet with real modems."""

import asyncio
from dataclasses import dataclass, field

import pytest

from addispatch.sdk import Permanent, Sent, Temporary
from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch_plugins.modem.actor import State
from addispatch_plugins.modem.budget import Budget
from addispatch_plugins.modem.config import ModemConfig
from addispatch_plugins.modem.fleet import FAILED_S, Fleet, Wait, Wanted
from addispatch_plugins.modem.radio import Radio

ADAM, GERMAN = "+6591234567", "+4915112345678"


@dataclass
class StubModem:
    name: str
    state: State = State.ONLINE
    load: int = 0
    trouble: str = "unplugged (/dev/x)"
    is_stopped: bool = False
    radio: Radio = field(default_factory=Radio)

    def stop_calls(self):
        self.is_stopped = True


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        yield context


@pytest.fixture
def make(context):
    def make(**modems):
        fleet = Fleet(context)
        for name, keys in modems.items():
            config = ModemConfig.model_validate({"name": name, "port": "/dev/x", "rate_per_minute": 0} | keys)
            fleet.add(StubModem(name), config.prefixes, Budget(config, context))
        return fleet

    return make


@pytest.fixture
def fleet(make):
    return make(a={}, b={}, c={})


def chosen(fleet, count=1, number=ADAM, **wanted):
    return "".join(fleet.choose(Wanted(number, **{"parts": 1, **wanted})).name for _ in range(count))


def carrier(fleet, name):
    return next(one for one in fleet.carriers if one.name == name)


async def test_in_turn(fleet):
    assert chosen(fleet, 4) == "abca"
    assert chosen(fleet, 4, avoid="b") == "caca"


async def test_the_one_with_the_least_to_do(fleet):
    fleet.modems[0].load, fleet.modems[1].load, fleet.modems[2].load = 20, 2, 1
    assert chosen(fleet, 2) == "cc"
    assert chosen(fleet, 1, avoid="c") == "b"


async def test_one_that_is_hardly_heard_is_used_when_the_others_are_busy(fleet):
    fleet.modems[0].radio, fleet.modems[1].radio = Radio(csq=9), Radio(csq=10)
    assert chosen(fleet, 3) == "bcb"
    fleet.modems[1].load = fleet.modems[2].load = 3
    assert chosen(fleet) == "a"


async def test_the_one_to_avoid_if_there_is_no_other(fleet):
    fleet.modems[0].state = fleet.modems[1].state = State.BROKEN
    assert chosen(fleet, 1, avoid="c") == "c"
    fleet.modems[2].state = State.DEGRADED
    assert fleet.choose(Wanted(ADAM)) is None


async def test_one_that_just_failed_is_the_last_choice_for_a_while(fleet, context):
    wanted = Wanted(ADAM, 1)
    for name in "ab":
        fleet.ended(carrier(fleet, name), Temporary("no network"))
    assert fleet.has_fresh(wanted, but=carrier(fleet, "a"))
    assert not fleet.has_fresh(wanted, but=carrier(fleet, "c"))
    assert chosen(fleet, 2) == "cc"
    fleet.ended(carrier(fleet, "c"), None)
    assert not fleet.has_fresh(wanted, but=carrier(fleet, "a"))
    assert chosen(fleet, 3, avoid="c") == "aba", "better one that failed than the one that failed with this text"
    context.clock.forward(seconds=FAILED_S)
    assert chosen(fleet, 3) == "bca"


@pytest.mark.parametrize("receipt", [Sent(), Permanent("no such number")])
async def test_one_that_works_has_not_failed(fleet, receipt):
    fleet.ended(carrier(fleet, "a"), Temporary("no network"))
    fleet.ended(carrier(fleet, "a"), receipt)
    assert chosen(fleet, 3) == "abc"


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
    assert (fleet.online, fleet.choose(Wanted(ADAM))) == ([], None)
    assert all(modem.is_stopped for modem in fleet.modems)
    assert fleet.health.reason == "the modem plugin has stopped"
    fleet.modem_changed()
    assert list(context.events) == []


# -- prefixes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def routed(make):
    return make(sg={"prefixes": ["+65"]}, starhub={"prefixes": ["+658", "+659"]}, rest={})


async def test_a_number_goes_by_the_modem_meant_for_it(routed, context):
    assert chosen(routed, 2, "+6512345678") == "sgsg"
    assert chosen(routed, 2, ADAM) == "starhubstarhub"
    assert chosen(routed, 2, GERMAN) == "restrest"
    assert list(context.events) == []


async def test_better_by_another_modem_than_not_at_all_and_it_is_told_once_an_hour(routed, context):
    carrier(routed, "starhub").modem.state = State.BROKEN
    assert chosen(routed, 2, ADAM) == "sgsg"
    assert [event.text for event in context.events] == [
        f"{ADAM} goes by modem sg: starhub, meant for such numbers, cannot take it now"
    ]
    carrier(routed, "sg").modem.state = State.BROKEN
    assert chosen(routed, 1, ADAM) == "rest"
    carrier(routed, "sg").modem.state, carrier(routed, "rest").modem.state = State.ONLINE, State.BROKEN
    assert chosen(routed, 1, GERMAN) == "sg"
    assert len(context.events) == 2
    context.clock.forward(hours=1)
    assert chosen(routed, 1, GERMAN) == "sg"
    assert len(context.events) == 3


async def test_what_failed_at_the_modem_meant_for_it_goes_by_another(routed):
    assert chosen(routed, 1, ADAM, avoid="starhub") == "sg"
    routed.ended(carrier(routed, "sg"), Temporary("no network"))
    assert chosen(routed, 1, ADAM, avoid="starhub") == "rest"


# -- tokens and caps -----------------------------------------------------------------------------------------------------


def send(fleet, parts=1, *, urgent=False, number=ADAM, asker=None):
    found = fleet.choose(Wanted(number, parts, urgent, "", asker))
    if isinstance(found, Wait):
        return found
    found.budget.take(parts, urgent=urgent)
    return found.name


async def test_without_tokens_it_waits_for_the_modem_that_is_ready_first(make, context):
    fleet = make(a={"rate_per_minute": 6, "burst": 1}, b={"rate_per_minute": 60, "burst": 2})
    assert [send(fleet) for _ in range(3)] == ["a", "b", "b"]
    assert send(fleet) == Wait(1.0)
    assert (fleet.idle_count(urgent=False), fleet.idle_count(urgent=True)) == (0, 2)
    context.clock.forward(seconds=1)
    assert fleet.idle_count(urgent=False) == 1
    assert send(fleet) == "b"


async def test_a_long_text_is_not_overtaken_by_short_ones_but_by_emergencies(make, context):
    fleet = make(a={"rate_per_minute": 60, "burst": 3})
    first, second = object(), object()
    assert send(fleet) == "a"
    assert send(fleet, 3, asker=first) == Wait(1.0)
    assert fleet.idle_count(urgent=False) == 0, "two tokens are there, and they are promised"
    assert send(fleet, 1, asker=second) == Wait(1.0), "it could go, but does not, and looks again without hurry"
    assert send(fleet, 3, urgent=True) == "a"
    assert send(fleet, 3, asker=first) == Wait(4.0), "what the emergency took of the reserve comes back first"
    context.clock.forward(seconds=4)
    assert send(fleet, 3, asker=first) == "a"
    fleet.release(first)
    assert carrier(fleet, "a").held_by is None


async def test_an_ordinary_text_takes_nothing_of_the_reserve(make):
    fleet = make(a={"rate_per_minute": 10, "burst": 5})
    assert [send(fleet) for _ in range(5)] == ["a"] * 5
    assert isinstance(send(fleet), Wait)
    assert [send(fleet, urgent=True) for _ in range(5)] == ["a"] * 5
    assert isinstance(send(fleet, urgent=True), Wait)


async def test_an_emergency_rather_goes_by_another_modem_than_later(make):
    fleet = make(a={"prefixes": ["+65"], "rate_per_minute": 10, "burst": 1}, b={})
    assert [send(fleet), send(fleet)] == ["a", Wait(6.0)]
    assert [send(fleet, urgent=True) for _ in range(3)] == ["a", "b", "b"]


async def test_a_modem_at_its_cap_is_passed_over_and_the_last_one_is_not_waited_for(make):
    fleet = make(a={"daily_cap": 1}, b={"daily_cap": 2})
    assert [send(fleet) for _ in range(3)] == ["a", "b", "b"]
    found = send(fleet)
    assert found.is_capped
    assert found.seconds == 4 * 3600, "20:00 in Singapore at the clock's start"
    assert [send(fleet, urgent=True) for _ in range(2)] == ["a", "b"], "110 % of 1 is 2, of 2 it is 3"
    assert send(fleet, urgent=True).is_capped
    assert fleet.choose(Wanted(ADAM)).name == "a", "calls cost nothing"


async def test_the_core_hears_of_tokens_that_come_back(make, context):
    context.clock = Quick()
    fleet = make(a={"rate_per_minute": 600, "burst": 1})
    context.supervise("pace", fleet.pace)
    assert send(fleet) == "a"
    fleet.ended(fleet.carriers[0], Sent())
    await asyncio.sleep(0)
    told = context.window_change_count
    async with asyncio.timeout(2):
        while context.window_change_count == told:
            await asyncio.sleep(0.01)
    assert fleet.idle_count(urgent=False) == 1


class Quick(FakeClock):
    """Intervals are those of the machine: the fleet really sleeps."""

    def monotonic_s(self):
        return asyncio.get_running_loop().time()
