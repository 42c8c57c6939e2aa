"""The machine's clock: aware, UTC, and steady: it follows a step only when told to."""

from __future__ import annotations

import time
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from addispatch.runtime import clock as module
from addispatch.runtime.clock import SystemClock
from addispatch.sdk.testing import FakeClock


def test_now_is_aware_and_agrees_with_milliseconds():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(clock.now().timestamp() * 1000 - clock.now_ms()) < 1000
    assert abs(clock.now_ms() / 1000 - time.time()) < 1
    assert isinstance(clock.now_ms(), int)


def test_monotonic_never_goes_back():
    clock = SystemClock()
    times = [clock.monotonic_s() for _ in range(100)]
    assert times == sorted(times)
    assert abs(times[-1] - time.monotonic()) < 1


def test_the_boot_is_named_and_offset_and_boot_time_make_the_time():
    clock = SystemClock()
    assert len(clock.boot_id) == 36
    boot_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    assert abs(clock.now_ms() - boot_ms - clock.offset_ms) < 1000
    assert abs(clock.drift_ms()) < 1000


def test_a_machine_that_names_no_boot(monkeypatch):
    """In a chroot without /proc."""
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_kwargs: (_ for _ in ()).throw(FileNotFoundError()))
    assert SystemClock().boot_id == ""


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000])
def test_a_clock_that_is_set_is_followed_only_when_adopted(monkeypatch, step_ms):
    clock = SystemClock()
    before_ms, before, offset_ms = clock.now_ms(), clock.now(), clock.offset_ms
    wall_ms = module._wall_ms
    monkeypatch.setattr(module, "_wall_ms", lambda: wall_ms() + step_ms)
    assert abs(clock.now_ms() - before_ms) < 1000
    assert abs(clock.drift_ms() - step_ms) < 1000
    clock.adopt(step_ms)
    assert abs(clock.now_ms() - before_ms - step_ms) < 1000
    assert abs(clock.now() - before - timedelta(milliseconds=step_ms)) < timedelta(seconds=1)
    assert abs(clock.drift_ms()) < 1000
    assert clock.offset_ms == offset_ms + step_ms


@pytest.mark.parametrize("make", [FakeClock, SystemClock])
def test_the_clock_of_the_tests_relates_its_times_as_the_machine_s_does(make):
    clock = make()
    before_ms, offset_ms = clock.now_ms(), clock.offset_ms
    clock.adopt(5000)
    assert clock.offset_ms == offset_ms + 5000
    assert 5000 <= clock.now_ms() - before_ms < 6000
    assert abs(clock.now().timestamp() * 1000 - clock.now_ms()) < 1000


def test_the_clock_of_the_tests_can_be_set_and_boot():
    clock = FakeClock()
    start_ms, boot = clock.now_ms(), clock.boot_id
    clock.step(60)
    clock.forward(seconds=5)
    assert (clock.now_ms() - start_ms, clock.drift_ms()) == (5000, 60_000)
    clock.boots(wrong_by_s=-10)
    assert clock.boot_id != boot
    assert (clock.now_ms() - start_ms, clock.drift_ms(), clock.monotonic_s()) == (55_000, 0, 1000)
