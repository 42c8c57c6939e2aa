"""A device or gateway, and the one connection all its monitors share. Made by ``probe``, asked by ``reader``."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from addispatch_plugins.modbus.deadline import Deadline
from addispatch_plugins.modbus.link import Link, open_link
from addispatch_plugins.modbus.problems import (
    Asked,
    ClosedError,
    LateError,
    LinkError,
    RefusedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from addispatch_plugins.modbus.keys import LineKey

#: So many failures in a row are tried again at the next reading; then the pauses grow.
PATIENT_COUNT = 3
#: Shares of the time-out: one unit of several on a line may take so much of it, and one that was silent last time.
_SHARED, _SILENT = 0.5, 0.125
#: Silence between frames on a serial line: 3.5 characters of 11 bits, at least 1.75 ms (Serial Line V1.02, 2.5.1.1).
_QUIET_BITS, _QUIET_S = 38.5, 0.00175


class Trouble:
    """Failures in a row, of the connection or of a unit."""

    __slots__ = ("at_s", "count", "problem", "until_s")

    def __init__(self) -> None:
        self.count, self.at_s, self.until_s, self.problem = 0, 0.0, 0.0, ""

    def failed(self, problem: str, now_s: float, longest_s: float) -> None:
        """Once more; the next try is due after a pause that grows."""
        self.count += 1
        self.at_s, self.problem = now_s, problem
        pause_s = min(longest_s, 2.0 ** min(self.count - PATIENT_COUNT - 1, 20)) if self.count > PATIENT_COUNT else 0.0
        self.until_s = now_s + pause_s * random.uniform(0.8, 1.0)  # noqa: S311 - jitter, no secret


class Line:
    """Asks one request at a time, connects when need be, and keeps from trying too often what does not answer."""

    def __init__(self, key: LineKey, executor: Executor, back_off_s: float = 30) -> None:
        self.key = key
        self.units: frozenset[int] = frozenset()
        """Units that monitors read over it."""
        self.monitor_count = 0
        self.counters: dict[tuple[int, int], int] = {}
        """Last number written to the watchdog registers, by unit and register."""
        self._executor, self._back_off_s = executor, back_off_s
        self._lock = asyncio.Lock()
        self._link: Link | None = None
        self._troubles: dict[int | None, Trouble] = {}
        self._quiet_until_s = 0.0
        self.answered_count = 0

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open."""
        return self._link is not None and self._link.is_open

    @property
    def is_busy(self) -> bool:
        """Whether somebody asks right now."""
        return self._lock.locked()

    def watch(self, units: Collection[int]) -> None:
        """Take note of the units of all monitors that read over it, one for each; of no other it has any trouble."""
        self.units, self.monitor_count = frozenset(units), len(units)
        self._troubles = {unit: one for unit, one in self._troubles.items() if unit is None or unit in self.units}

    def problems(self) -> dict[int | None, str]:
        """What is wrong now, by unit; None for the connection."""
        return {unit: trouble.problem for unit, trouble in self._troubles.items()}

    async def ask(self, asked: Asked, deadline: Deadline, *, insists: bool = False) -> bytes:
        """Ask when it is our turn; raises ``ModbusError``.

        A person who waits ``insists``: what failed is tried again whatever pause is on.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        if self._lock.locked():
            await self._turn(deadline)
        else:
            await self._lock.acquire()
        try:
            if self._troubles and not insists:
                self._refuse_what_is_hopeless(asked.unit, began_s)
            return await self._ask(asked, deadline)
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the connection."""
        if self._link is not None:
            self._link.close()
            self._link = None

    async def _turn(self, deadline: Deadline) -> None:
        try:
            async with asyncio.timeout_at(deadline.at_s):
                await self._lock.acquire()
        except TimeoutError:
            raise LateError(f"no turn within {deadline}: others on {self.key} take long") from None

    def _refuse_what_is_hopeless(self, unit: int, began_s: float) -> None:
        """Answer with the last problem while its pause lasts, and if it came up while we waited for our turn."""
        now_s = asyncio.get_running_loop().time()
        for trouble in (self._troubles.get(None), self._troubles.get(unit)):
            if trouble is not None and (now_s < trouble.until_s or trouble.at_s > began_s):
                raise LinkError(trouble.problem)

    async def _ask(self, asked: Asked, deadline: Deadline) -> bytes:
        was_used = self._link is not None and self._link.answered_count > 0
        try:
            try:
                return await self._ask_once(asked, deadline)
            except ClosedError as error:
                # Devices close connections they think idle: that is no failure, if a new one works.
                if not (was_used and error.is_fresh):
                    raise
            return await self._ask_once(asked, deadline)
        except LinkError as error:
            unit = None if isinstance(error, UnreachableError) else asked.unit
            now_s = asyncio.get_running_loop().time()
            self._troubles.setdefault(unit, Trouble()).failed(str(error), now_s, self._back_off_s)
            raise

    async def _ask_once(self, asked: Asked, deadline: Deadline) -> bytes:
        link = await self._open(deadline)
        if self.key.serial:
            await self._keep_quiet()
        try:
            data = await link.ask(asked, self._limited(asked.unit, deadline))
        except RefusedError as error:
            self._answered(asked.unit, error)
            raise
        except BaseException:
            # Also when cancelled: what comes later would be taken for the answer to another request.
            self.close()
            raise
        self._answered(asked.unit)
        return data

    async def _open(self, deadline: Deadline) -> Link:
        if self._link is not None and self._link.is_open:
            return self._link
        self.close()
        try:
            self._link = await open_link(self.key, deadline, self._executor)
        except LinkError as error:
            raise UnreachableError(str(error)) from None
        self._troubles.pop(None, None)
        return self._link

    def _limited(self, unit: int, deadline: Deadline) -> Deadline:
        """On a shared line nobody may take all the time of those who wait."""
        if len(self.units) < 2:
            return deadline
        return deadline.share(_SILENT if unit in self._troubles else _SHARED)

    async def _keep_quiet(self) -> None:
        left_s = self._quiet_until_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)

    def _answered(self, unit: int, error: RefusedError | None = None) -> None:
        self.answered_count += 1
        if self.key.serial:
            quiet_s = max(_QUIET_S, _QUIET_BITS / self.key.baud)
            self._quiet_until_s = asyncio.get_running_loop().time() + quiet_s
        if self._troubles and (error is None or not error.is_about_unit):
            self._troubles.pop(unit, None)
