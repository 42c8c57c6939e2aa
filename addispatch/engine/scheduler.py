"""Ticks: the only place that knows ``schedule``. Due times live in the ledger; this only says "look now".

``schedule`` works on naive wall-clock time, so a clock set back would stall it: the drift between wall clock and
monotonic clock is watched, and the jobs are armed anew when it jumps. One failing job never holds up another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import schedule

from addispatch.domain.errors import StoreError
from addispatch.runtime.clock import SteadyClock
from addispatch.runtime.tasks import Supervisor

log = logging.getLogger(__name__)

#: A wall clock that moved this much against the monotonic one was stepped.
STEP_S = 2.0


@dataclass(slots=True)
class Job:
    """One tick: every ``period_s`` seconds, never twice at once."""

    name: str
    period_s: int
    run: Callable[[], Awaitable[None]]
    is_running: bool = False


class Ticker:
    """Runs the jobs until stopped."""

    def __init__(self, clock: SteadyClock, on_failure: Callable[[str, BaseException], None]) -> None:
        self._clock, self._on_failure = clock, on_failure
        self._jobs: list[Job] = []
        self._schedule = schedule.Scheduler()
        self._tasks = Supervisor()
        self._drift_s = self._drift()

    def every(self, period_s: int, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run ``run`` each ``period_s`` seconds."""
        job = Job(name, period_s, run)
        self._jobs.append(job)
        self._arm(job)

    def start(self) -> None:
        """Begin to tick."""
        self._tasks.run("ticker", self._tick)

    async def stop(self) -> None:
        """End the ticks and what they started."""
        await self._tasks.stop()
        self._schedule.clear()

    def _arm(self, job: Job) -> None:
        self._schedule.every(job.period_s).seconds.do(self._fire, job)

    def _drift(self) -> float:
        wall_ms = self._clock.now_ms() + self._clock.drift_ms()
        return wall_ms / 1000 - self._clock.monotonic_s()

    async def _tick(self) -> None:
        while True:
            self.run_due()
            idle_s = self._schedule.idle_seconds
            await asyncio.sleep(min(max(idle_s if idle_s is not None else 1.0, 0.05), 1.0))

    def run_due(self) -> None:
        """Fire what is due; called once a second or oftener."""
        drift_s = self._drift()
        if abs(drift_s - self._drift_s) > STEP_S:
            log.warning("the clock was stepped by %.0f s", drift_s - self._drift_s)
            self._drift_s = drift_s
            self._schedule.clear()
            for job in self._jobs:
                self._arm(job)
        self._schedule.run_pending()

    def _fire(self, job: Job) -> None:
        if not job.is_running:
            job.is_running = True
            self._tasks.run(job.name, lambda: self._guard(job))

    async def _guard(self, job: Job) -> None:
        try:
            await job.run()
        except StoreError as error:
            # The ledger tells of it itself, and can take no event now.
            log.warning("the tick %s waits for the ledger: %s", job.name, error)
        except Exception as error:
            # A supervision border: the next tick comes all the same.
            log.exception("the tick %s failed", job.name)
            self._on_failure(job.name, error)
        finally:
            job.is_running = False
