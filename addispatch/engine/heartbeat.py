"""The daily sign of life (SPEC 7): that the node runs and how it is, told to the system-alert recipients.

A tick asks whether the local time of the setting ``heartbeat_at`` has passed since the last one; what was told last is
kept in the ledger. Made by ``engine.node``.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from addispatch.domain.alarm import QueueClass
from addispatch.domain.events import INFO, Said
from addispatch.engine.status import warnings
from addispatch.pipeline.alert import alerted, tell
from addispatch.store import queries

if TYPE_CHECKING:
    from addispatch.engine.node import Node
    from addispatch.store.transaction import Transaction

#: The mark of the last one: the moment it was due, UTC milliseconds.
MARK = "heartbeat"
#: One that is later than this (the node was down) is left out: the next one comes.
LATE_MS = 12 * 3_600_000


def last_due(at: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Return when a daily time (``08:00``) was last due; an hour that daylight saving skips counts as the one after."""
    local, wanted = now.astimezone(zone), time.fromisoformat(at)
    for days in (0, 1):
        due = datetime.combine(local.date() - timedelta(days=days), wanted, zone).astimezone(UTC)
        if due <= now:
            return due
    raise AssertionError("yesterday's time has passed")


class Heartbeat:
    """``look`` is the tick."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def look(self) -> None:
        """Tell, if it is time."""
        node = self._node
        at = node.directory.snapshot.settings.heartbeat_at
        if not at:
            return
        now_ms = node.clock.now_ms()
        due = last_due(at, ZoneInfo(node.config.node.timezone), node.clock.now())
        due_ms = int(due.timestamp() * 1000)
        known = node.ledger.marks.get(MARK)
        if known is not None and int(known) >= due_ms:
            return
        # The first one is not due because somebody has just asked for them.
        is_due = known is not None and now_ms - due_ms < LATE_MS
        text = await self._text() if is_due else ""
        await node.ledger.submit(lambda transaction: self._tell(transaction, text, due_ms, now_ms))

    def _tell(self, transaction: Transaction, text: str, due_ms: int, now_ms: int) -> None:
        transaction.marks[MARK] = str(due_ms).encode()
        if not text:
            return
        transaction.event(now_ms, Said(f"Heartbeat: {text}", INFO, "Heartbeat"))
        desk = self._node.pipeline.desk
        subject = f"addispatch {self._node.name}: daily heartbeat"
        tell(transaction, desk, alerted(desk), text, now_ms, subject=subject, urgency=QueueClass.REPORT)

    async def _text(self) -> str:
        node = self._node
        since_ms = node.clock.now_ms() - 24 * 3_600_000
        counts = await node.ledger.read(queries.counts)
        ended = await node.ledger.read(lambda connection: queries.ended_since(connection, since_ms))
        wrong = warnings(node, counts["oldest_queued_at_ms"])
        modems = [
            f"{modem['name']} {modem['state']}"
            + (f", {modem['operator']} {modem['signal']}" if modem["operator"] else "")
            for modem in node.host.modems()
        ]
        parts = [
            f"addispatch {node.name} " + (f"WARNING: {wrong[0]}" if wrong else "OK"),
            "; ".join(modems),
            f"24 h: {ended['sent']} sent, {ended['failed']} failed",
            f"{counts['open']} open case{'' if counts['open'] == 1 else 's'}",
        ]
        return ". ".join(part.rstrip(".") for part in parts if part) + "."
