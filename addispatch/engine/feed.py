"""Tells of events after their commit: to plugins that subscribe and to everybody who follows the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from addispatch.domain.events import INFO, SEVERE
from addispatch.store.queries import event_doc
from addispatch.store.transaction import Told

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any]], None]
#: A follower this far behind is dropped: it can resume by the id of its last event.
MAX_BEHIND = 2000


class Feed:
    """The hub; ``publish`` is the ledger's ``on_events``. What must be known is in the daemon's log, too."""

    def __init__(self) -> None:
        self._handlers: tuple[Handler, ...] = ()  # replaced, never changed: whoever ends within a call spoils no loop
        #: Numbers and lines of events that are in the daemon's log already. Added to in the ledger's writer.
        self.logged: set[tuple[int, str]] = set()

    def publish(self, events: list[Told]) -> None:
        """Tell all handlers; documents are made only if somebody listens."""
        for number, _at_ms, severity, _kind, line, _case in events:
            if severity == INFO:
                continue
            if (number, line) in self.logged:
                self.logged.discard((number, line))
            else:
                log.log(logging.ERROR if severity == SEVERE else logging.WARNING, "%s", line)
        if not self._handlers:
            return
        for event in events:
            doc = event_doc(*event)
            for handler in self._handlers:
                try:
                    handler(doc)
                except Exception:
                    # A supervision border: one listener's bug is not the others' business.
                    log.exception("a subscriber to events failed")

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Call ``handler`` for each event until the returned function is called."""
        self._handlers = (*self._handlers, handler)

        def end() -> None:
            if handler in self._handlers:
                at = self._handlers.index(handler)
                self._handlers = self._handlers[:at] + self._handlers[at + 1 :]

        return end

    def follow(self) -> Follower:
        """Begin to follow now."""
        return Follower(self)


class Follower:
    """Events from the moment it was made, in order; ends when its reader is too slow. ``close`` it."""

    def __init__(self, feed: Feed) -> None:
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(MAX_BEHIND)
        self._end = feed.subscribe(self._put)

    def _put(self, doc: dict[str, Any]) -> None:
        self._queue.put_nowait(doc)
        if self._queue.qsize() == MAX_BEHIND - 1:
            self.close()
            self._queue.put_nowait(None)

    async def next(self) -> dict[str, Any] | None:
        """Return the next event, or None when the follower was dropped."""
        return await self._queue.get()

    def close(self) -> None:
        """Stop following."""
        self._end()
