"""Plays ranges of seeds and counts. Called by the tests of this folder and by ``make campaign``."""

from __future__ import annotations

import contextlib
import gc
import os
from collections import Counter
from dataclasses import dataclass, field

import pytest
from sim.plan import draw
from sim.world import Rules, play

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
#: Schedules in each mode.
COUNT = int(os.environ.get("ADDISPATCH_SCHEDULES", "50000" if CAMPAIGN else "1000"))
RANGE_COUNT = max(100, COUNT // 100)
#: Ranges of seeds; they begin where those of ``make test`` begin, so that a campaign contains them.
RANGES = [(at, min(at + RANGE_COUNT, COUNT)) for at in range(0, COUNT, RANGE_COUNT)]


@dataclass
class Totals:
    """What was played and seen."""

    schedules: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    extra: int = 0
    takeovers_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        times = sorted(self.takeovers_s)
        takeover = f"p50 {times[len(times) // 2]:.2f} s, p99 {times[len(times) * 99 // 100]:.2f} s" if times else "none"
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        share = self.extra / max(1, self.expected)
        return (
            f"{self.schedules} schedules ({faults}): {self.expected} sends expected, {self.expected + self.extra} seen "
            f"({share:.1%} extra); {len(times)} takeovers: {takeover}; {len(self.wrong)} schedules wrong"
        )


def play_range(begin: int, end: int, *, is_passive: bool, rules: Rules | None = None, most_wrong: int = 5) -> Totals:
    """Play the seeds from ``begin`` to before ``end``; stops after some schedules that were wrong."""
    totals = Totals()
    gc.disable()  # a tenth of the time; what a schedule leaves is collected after it
    try:
        _play(totals, range(begin, end), is_passive, rules, most_wrong)
    finally:
        gc.enable()
    return totals


def _play(totals: Totals, seeds: range, is_passive: bool, rules: Rules | None, most_wrong: int) -> None:
    for seed in seeds:
        if seed % 20 == 0:
            gc.collect()
        plan = draw(seed, is_passive=is_passive)
        oracle = play(plan, rules)
        totals.schedules += 1
        totals.faults.update(fault.kind.value for fault in plan.faults)
        totals.expected += len(oracle.sends)
        totals.extra += oracle.extra_count
        totals.takeovers_s += oracle.takeovers_s
        if oracle.wrong:
            totals.wrong.append(f"seed {seed}, {'passive' if is_passive else 'active'}: " + "; ".join(oracle.wrong))
            if len(totals.wrong) >= most_wrong:
                break


def add(one: Totals, other: Totals) -> Totals:
    """Both together."""
    return Totals(
        one.schedules + other.schedules,
        one.faults + other.faults,
        one.expected + other.expected,
        one.extra + other.extra,
        one.takeovers_s + other.takeovers_s,
        one.wrong + other.wrong,
    )


def shown(request: pytest.FixtureRequest, text: str) -> None:
    """Print past the capture: what was played is part of the result."""
    manager = request.config.pluginmanager.getplugin("capturemanager")
    with manager.global_and_fixture_disabled() if manager is not None else contextlib.nullcontext():
        print(f"\n{text}")
