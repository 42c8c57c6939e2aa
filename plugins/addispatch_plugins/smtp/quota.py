"""The daily cap of one server: providers block accounts that send more. Used by ``server``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from addispatch.sdk import Severity

if TYPE_CHECKING:
    from addispatch.sdk import Context

#: At this share of the cap operators are warned.
WARN_SHARE = 0.8


class DailyCap:
    """Counts the mails of a day (UTC). The count is a mark in the ledger, so it survives a restart."""

    def __init__(self, server: str, cap: int, context: Context) -> None:
        """``cap`` 0 is no cap, and nothing is counted."""
        self._server, self._cap, self._context = server, cap, context
        self._mark = f"smtp.{server}.sent"
        self._day, self._count = "", 0

    @property
    def reached(self) -> bool:
        """Whether the cap is used up."""
        return self._cap > 0 and self._today() >= self._cap

    @property
    def seconds_left(self) -> float:
        """Time until the count starts again."""
        now = self._context.clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds()

    def take(self) -> None:
        """Count a mail before it leaves; several may be on their way at once."""
        self._add(1)

    def give_back(self) -> None:
        """The mail surely did not leave."""
        self._add(-1)

    def __str__(self) -> str:
        return f"{self._today()} of {self._cap} mails today"

    def _today(self) -> int:
        day = self._context.clock.now().date().isoformat()
        if not self._day:
            stored_day, _, count = (self._context.recall(self._mark) or b"").decode().partition(" ")
            if stored_day == day:
                self._count = int(count)
        elif day != self._day:
            self._count = 0
        self._day = day
        return self._count

    def _add(self, change: int) -> None:
        if self._cap == 0:
            return
        before = self._today()
        self._count = max(0, before + change)
        self._warn(before)
        stored = self._context.settle({self._mark: f"{self._day} {self._count}".encode()})
        # A count that could not be stored is still right in memory; the ledger reports its own trouble.
        stored.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _warn(self, before: int) -> None:
        for share, severity in ((WARN_SHARE, Severity.WARNING), (1.0, Severity.SEVERE)):
            if before < self._cap * share <= self._count:
                text = f"mail server {self._server}: {self._count} of {self._cap} mails of today are sent"
                self._context.event(text, severity=severity, kind="smtp_cap", server=self._server)
