"""FakeClock: passing time and setting the clock are different things."""

from datetime import timedelta

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


def test_step_moves_the_wall_clock_only():
    clock = FakeClock()
    before_s, before_ms = clock.monotonic_s(), clock.now_ms()
    clock.step(-3600)
    assert clock.now_ms() == before_ms - 3_600_000
    assert clock.monotonic_s() == before_s
