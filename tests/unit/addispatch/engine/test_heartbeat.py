"""When a daily time was last due. What is told and when is in tests/story/test_system_alerts.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from addispatch.engine.heartbeat import last_due

BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def test_it_is_a_local_time():
    assert last_due("08:00", ZoneInfo("Asia/Singapore"), utc(2026, 5, 1, 0, 0)) == utc(2026, 5, 1, 0, 0)
    assert last_due("08:00", ZoneInfo("Asia/Singapore"), utc(2026, 4, 30, 23, 59)) == utc(2026, 4, 30, 0, 0)


def test_an_hour_that_is_skipped_or_comes_twice_is_due_once():
    assert last_due("02:30", BERLIN, utc(2026, 3, 29, 1, 45)) == utc(2026, 3, 29, 1, 30)
    assert last_due("02:30", BERLIN, utc(2026, 10, 25, 0, 45)) == utc(2026, 10, 25, 0, 30)
    assert last_due("02:30", BERLIN, utc(2026, 10, 25, 1, 45)) == utc(2026, 10, 25, 0, 30)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.times().map("{:%H:%M}".format),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "Asia/Singapore", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]
    ),
)
def test_it_has_passed_is_not_older_than_a_long_day_and_stays_the_same_until_the_next(now, at, zone):
    due = last_due(at, ZoneInfo(zone), now)
    assert due <= now < due + timedelta(hours=49)  # Apia left out a whole day
    assert last_due(at, ZoneInfo(zone), due) == due
