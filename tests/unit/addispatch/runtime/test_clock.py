"""The machine's clock: aware, UTC, and the two forms of now agree."""

from __future__ import annotations

import time
from datetime import UTC

from addispatch.runtime.clock import SystemClock


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
