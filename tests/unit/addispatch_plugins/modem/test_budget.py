"""Caps by day and month, what people hear of them, and what a restart remembers; in a simulated time."""

import math
from datetime import UTC, datetime

import pytest

from addispatch.sdk.testing import FakeClock, Intake, RecordingContext
from addispatch_plugins.modem.budget import Budget
from addispatch_plugins.modem.config import ModemConfig


@pytest.fixture
async def context(tmp_path):
    """Noon UTC of 2026-01-01 is 20:00 in Singapore."""
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        yield context


def make(context, **keys):
    config = ModemConfig.model_validate({"name": "sim1", "port": "/dev/x", "rate_per_minute": 0} | keys)
    return Budget(config, context)


def told(context):
    return [(str(event.severity), event.text) for event in context.events if event.kind == "modem_cap"]


async def test_a_cap_counts_parts_and_begins_anew_at_midnight_of_the_node(context):
    budget = make(context, daily_cap=10)
    budget.take(8, urgent=False)
    assert not budget.is_capped(2, urgent=False)
    assert budget.is_capped(3, urgent=False), "a long text does not go beyond it"
    assert budget.cap_left_s(3, urgent=False) == 4 * 3600
    assert budget.cap_left_s(2, urgent=False) == 0
    context.clock.forward(hours=3, minutes=59)
    assert budget.is_capped(3, urgent=False)
    context.clock.forward(minutes=1)
    assert not budget.is_capped(10, urgent=False)
    assert budget.document() == {"day_parts": 0}


async def test_emergencies_may_use_a_tenth_more_and_no_more(context):
    budget = make(context, daily_cap=10)
    budget.take(10, urgent=False)
    assert (budget.is_open(urgent=False), budget.is_open(urgent=True)) == (False, True)
    budget.take(1, urgent=True)
    assert not budget.is_open(urgent=True)
    assert not budget.is_capped(0, urgent=False), "a call costs nothing"


async def test_people_hear_of_it_at_four_fifths_and_at_the_cap_and_of_its_end(context):
    budget = make(context, daily_cap=10)
    for _ in range(11):
        budget.take(1, urgent=True)
    assert told(context) == [
        ("warning", "Modem sim1: 8 of 10 parts of this day are sent"),
        ("severe", "Modem sim1: 10 of 10 parts of this day are sent"),
    ]
    name = "modem sim1 day cap"
    assert [change for change in context.condition_changes if change[1]] == [
        (name, "the cap of 10 parts a day of modem sim1 is used to 80%"),
        (name, "the cap of 10 parts a day of modem sim1 is used up: only emergencies leave"),
    ]
    context.clock.forward(hours=4)
    budget.tell()
    assert context.conditions.get(name, "") == ""
    budget.take(8, urgent=False)
    assert len(told(context)) == 3


async def test_what_did_not_go_is_given_back_and_told_only_once(context):
    budget = make(context, daily_cap=5)
    for _ in range(3):
        budget.take(4, urgent=False)
        budget.give_back(4)
    assert len(told(context)) == 1
    assert budget.document() == {"day_parts": 0}


async def test_a_month_ends_after_its_last_day(context):
    budget = make(context, monthly_cap=100)
    budget.take(100, urgent=False)
    context.clock.forward(days=30, hours=3)
    assert budget.is_capped(1, urgent=False)
    assert budget.cap_left_s(1, urgent=False) == 3600
    context.clock.forward(hours=1)
    assert not budget.is_capped(100, urgent=False)
    assert context.condition_changes[0][0] == "modem sim1 month cap"


async def test_the_day_a_clock_changes_is_shorter(context):
    context.timezone = "Europe/Berlin"
    context.clock = FakeClock(datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
    budget = make(context, daily_cap=1)
    budget.take(1, urgent=False)
    assert budget.cap_left_s(1, urgent=False) == 22.5 * 3600


@pytest.mark.parametrize("days", [0, 1])
async def test_counts_survive_a_restart(context, days):
    before = make(context, daily_cap=10, monthly_cap=20, rate_per_minute=1, burst=5)
    before.take(5, urgent=False)
    before.take(5, urgent=True)
    assert not before.is_open(urgent=True)
    context.clock.forward(days=days, minutes=1)
    after = make(context, daily_cap=10, monthly_cap=20, rate_per_minute=1, burst=5)
    assert after.document() == {"day_parts": 10 * (1 - days), "month_parts": 10}
    if not days:
        assert after.is_open(urgent=True), "one part came back in a minute"
        assert after.wait_s(1, urgent=False) == pytest.approx(300)
        assert len(told(context)) == 1, "and nobody hears it again"


async def test_what_the_ledger_did_not_take_is_still_counted(context):
    context.intake = Intake.FAIL
    budget = make(context, daily_cap=2)
    budget.take(2, urgent=False)
    assert budget.is_capped(1, urgent=False)


async def test_a_clock_set_back_gives_nothing_again(context):
    budget = make(context, daily_cap=2)
    budget.take(2, urgent=False)
    context.clock.step(-86400)
    context.clock.adopt(-86_400_000)
    assert budget.is_capped(1, urgent=False)
    context.clock.forward(days=1, hours=4)
    assert not budget.is_capped(1, urgent=False)


@pytest.mark.parametrize("stored", [b"", b"nonsense", b"[1, 2]", b'{"a": 1}', b'["x", 1, 1, ["2026", 1], ["2026", 1]]'])
async def test_a_mark_nobody_can_read_stops_nothing(context, stored):
    context.marks["modem.sim1.budget"] = stored
    budget = make(context, daily_cap=2)
    assert budget.is_open(urgent=False)
    budget.take(1, urgent=False)
    assert make(context, daily_cap=2).document() == {"day_parts": 1}


async def test_without_limits_nothing_is_counted_or_stored(context):
    budget = make(context)
    for _ in range(100):
        budget.take(10, urgent=False)
        assert budget.is_open(urgent=False)
    assert (context.marks, budget.document(), budget.next_change_s()) == ({}, {}, math.inf)


async def test_when_something_may_go_again(context):
    budget = make(context, rate_per_minute=60, burst=1, daily_cap=2)
    budget.take(1, urgent=False)
    assert budget.next_change_s() == pytest.approx(1.0)
    context.clock.forward(seconds=1)
    budget.take(1, urgent=False)
    context.clock.forward(seconds=1)
    assert budget.next_change_s() == pytest.approx(4 * 3600 - 2)
