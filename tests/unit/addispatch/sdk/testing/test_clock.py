"""FakeClock: passing time and setting the clock are different things."""

from datetime import timedelta

from addispatch.runtime.clock import SteadyClock
from addispatch.sdk import Clock
from addispatch.sdk.testing import FakeClock


def test_forward_moves_both_clocks():
    clock = FakeClock()
    typed: Clock = clock
    before, before_ms, before_s = typed.now(), typed.now_ms(), typed.monotonic_s()
    clock.forward(minutes=1, seconds=0.5)
    assert clock.now() - before == timedelta(seconds=60.5)
    assert clock.now_ms() - before_ms == 60_500
    assert clock.monotonic_s() - before_s == 60.5


def test_a_step_is_a_drift_until_it_is_adopted():
    clock = FakeClock()
    typed: SteadyClock = clock
    before_s, before_ms, before_offset_ms = typed.monotonic_s(), typed.now_ms(), typed.offset_ms
    clock.step(-3600)
    assert (clock.now_ms(), clock.drift_ms()) == (before_ms, -3_600_000)
    clock.adopt(-3_600_000)
    assert (clock.now_ms(), clock.drift_ms()) == (before_ms - 3_600_000, 0)
    assert clock.offset_ms == before_offset_ms - 3_600_000
    assert clock.monotonic_s() == before_s


def test_a_restart_of_the_machine_takes_its_clock_with_it():
    clock = FakeClock()
    before_ms, boot = clock.now_ms(), clock.boot_id
    clock.step(60)
    clock.boots(wrong_by_s=-10)
    assert clock.now_ms() == before_ms + 50_000
    assert clock.drift_ms() == 0
    assert clock.boot_id != boot
