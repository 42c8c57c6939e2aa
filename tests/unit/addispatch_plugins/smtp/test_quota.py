"""DailyCap: counts, warns, and starts again at midnight UTC."""

from __future__ import annotations

import pytest

from addispatch.sdk import Severity
from addispatch.sdk.testing import FakeClock, Intake, RecordingContext
from addispatch_plugins.smtp.quota import DailyCap


@pytest.fixture
async def context(tmp_path):
    return RecordingContext(tmp_path, clock=FakeClock())


async def test_is_reached_after_so_many_mails_and_warns_before(context):
    cap = DailyCap("primary", 10, context)
    for _ in range(10):
        assert not cap.reached
        cap.take()
    assert cap.reached
    assert [(event.severity, event.text) for event in context.events] == [
        (Severity.WARNING, "mail server primary: 8 of 10 mails of today are sent"),
        (Severity.SEVERE, "mail server primary: 10 of 10 mails of today are sent"),
    ]
    assert str(cap) == "10 of 10 mails today"


async def test_what_did_not_leave_does_not_count(context):
    cap = DailyCap("primary", 1, context)
    cap.take()
    cap.give_back()
    assert not cap.reached


async def test_starts_again_at_midnight(context):
    cap = DailyCap("primary", 1, context)
    cap.take()
    assert cap.seconds_left == 12 * 3600
    context.clock.forward(hours=11, minutes=59, seconds=59)
    assert cap.reached
    context.clock.forward(seconds=1)
    assert not cap.reached


async def test_survives_a_restart_but_not_the_day(context):
    DailyCap("primary", 2, context).take()
    again = DailyCap("primary", 2, context)
    again.take()
    assert again.reached
    assert not DailyCap("secondary", 2, context).reached
    context.clock.forward(days=1)
    assert not DailyCap("primary", 2, context).reached


async def test_counts_on_when_the_ledger_does_not_store(context):
    context.intake = Intake.FAIL
    cap = DailyCap("primary", 1, context)
    cap.take()
    assert cap.reached


async def test_no_cap_counts_nothing(context):
    cap = DailyCap("primary", 0, context)
    cap.take()
    assert not cap.reached
    assert context.marks == {}
