"""Watches the ledger's disk: when it is short of room, new alarms are refused so that sending can go on.

The ballast is the state: alarms are taken while it is there. It is given up when less than the floor is free or a write
fails, and made again when there is room for it above the floor. Made by ``engine.node``; ``look`` is a tick.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Protocol

from addispatch.domain.errors import StoreError
from addispatch.domain.events import INFO, SEVERE, WARNING, Event, Said
from addispatch.store.ballast import Ballast
from addispatch.store.trouble import NO_ROOM_ERRNOS

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.config.models import LimitsConfig
    from addispatch.store.ledger import Ledger

log = logging.getLogger(__name__)

MIB = 1024 * 1024
#: The ledger is written to before alarms are taken again: a disk may have room and still refuse (quota, read-only).
MARK = "disk:written"
#: "Low" ends only when so much more is free, or a disk at the limit would be told of all day.
ENOUGH = 1.1


class Report(Protocol):
    """``Conditions.report``."""

    def __call__(self, name: str, problem: str, *, grace_s: float) -> None:
        """Say how a condition stands."""


class Disk:
    """The disk of one ledger. ``begin`` before the ledger is opened, ``look`` each second."""

    def __init__(
        self,
        ledger: Ledger,
        limits: LimitsConfig,
        say: Callable[[Event], None],
        report: Report,
        on_free: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        self.ballast = Ballast(ledger.folder)
        #: What the status says when there is little room left, but enough; else empty.
        self.warning = ""
        self._ledger, self._say, self._report, self._on_free = ledger, say, report, on_free
        self._floor_bytes, self._low_bytes = limits.disk_floor_mib * MIB, limits.disk_low_mib * MIB
        self._told = ""
        self._cannot_keep = ""
        ledger.make_room = self.ballast.release

    async def begin(self) -> None:
        """See that the start has room, and whether alarms can be taken after it."""
        _, self._ledger.intake_problem = await asyncio.to_thread(self._inspect)

    async def look(self) -> None:
        """See how much is free, and act on it: a tick."""
        before = self._ledger.intake_problem  # a write may fail while we look
        free_bytes, problem = await asyncio.to_thread(self._inspect)
        self._on_free(free_bytes)
        if before and not problem:
            self._tell(before)  # it may have begun and ended since the last look
        if not problem and (before or self._ledger.problem) and not await self._can_write():
            problem = before
        if problem != before:
            self._ledger.intake_problem = problem
        self._tell(problem)
        self._warn(free_bytes)

    def _inspect(self) -> tuple[int, str]:
        """In a thread: how many bytes are free for us, and why alarms cannot be taken, if so."""
        found = os.statvfs(self._ledger.folder)
        free_bytes = found.f_bavail * found.f_frsize
        if self.ballast.is_there:
            if free_bytes >= self._floor_bytes:
                return free_bytes, ""
            self.ballast.release()
        needed_bytes = self._floor_bytes + self.ballast.size_bytes
        if free_bytes < needed_bytes:
            until = f"new alarms are refused until {needed_bytes // MIB} MiB are"
            return free_bytes, f"{self._free(free_bytes)}: {until}"
        try:
            self.ballast.make()
        except OSError as error:
            if error.errno in NO_ROOM_ERRNOS:
                until = "new alarms are refused until it can"
                return free_bytes, f"the disk of {self._ledger.folder} cannot be written ({error.strerror}): {until}"
            if not self._cannot_keep:
                self._cannot_keep = f"{self.ballast.path} cannot be made: {error.strerror}"
                log.warning("%s. There will be no spare room when the disk is full", self._cannot_keep)
        return free_bytes, ""

    def _free(self, free_bytes: int) -> str:
        return f"only {free_bytes // MIB} MiB are free on the disk of {self._ledger.folder}"

    async def _can_write(self) -> bool:
        try:
            await self._ledger.submit(lambda transaction: transaction.marks.update({MARK: b""}))
        except StoreError:
            return False
        return True

    def _tell(self, problem: str) -> None:
        self._report("disk", problem, grace_s=0)
        if bool(problem) == bool(self._told):
            return
        self._told = problem
        if problem:
            self._say(
                Said(f"{problem[:1].upper()}{problem[1:]}. Sending and acknowledging go on.", SEVERE, "DiskShort")
            )
        else:
            self._say(Said("The disk has room again: new alarms are taken", INFO, "DiskShort"))

    def _warn(self, free_bytes: int) -> None:
        was_low = bool(self.warning)
        is_low = free_bytes < self._low_bytes * (ENOUGH if was_low else 1)
        self.warning = self._free(free_bytes) if is_low and not self._told else ""
        if self.warning and not was_low:
            self._say(Said(f"O{self.warning[1:]}. Make room before alarms must be refused.", WARNING, "DiskLow"))
