"""The modem's memory for messages: says when it gets full, and makes room. Used by the actor.

A full memory takes no message, so no acknowledgement either. What is committed is deleted by the inbox; what fills the
memory for good is what gammu cannot decode, and so cannot delete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.sdk import Severity

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modem.inbox import Inbox
    from addispatch_plugins.modem.link import Link

#: Share of a memory from which people are told and room is made.
NEARLY_FULL = 0.8
#: What cannot be decoded is kept for so long, unless not a single message fits any more.
KEEP_S = 86_400.0


class Memory:
    """How full the fuller of a modem's memories is."""

    def __init__(self, context: Context, name: str) -> None:
        self.used = self.size = 0
        self._context, self._name = context, name

    async def look(self, link: Link, inbox: Inbox) -> bool:
        """Look at it, say what is wrong, and make room if need be; returns whether room was made."""
        self._note(await link.memory())
        if not self.size or self.used < NEARLY_FULL * self.size:
            return False
        now_s, is_full = self._context.clock.monotonic_s(), self.used >= self.size
        doomed = [place for place, since_s in inbox.unreadable.items() if is_full or now_s - since_s >= KEEP_S]
        if doomed:
            self._tell_purged(await link.purge(doomed))
            self._note(await link.memory())
        return bool(doomed)

    def _note(self, memories: list[tuple[int, int]]) -> None:
        self.used, self.size = max(memories, key=lambda memory: memory[0] / memory[1], default=(0, 0))
        full = self.size > 0 and self.used >= NEARLY_FULL * self.size
        problem = f"the memory of modem {self._name} holds {self.used} of {self.size} messages" if full else ""
        self._context.condition(f"modem {self._name} memory", problem)

    def _tell_purged(self, raw: dict[int, str]) -> None:
        """Keep what was there: somebody may make sense of it."""
        for place, content in sorted(raw.items()):
            text = f"Modem {self._name} removed a message that cannot be read from memory slot {place}: {content}"
            self._context.event(text, severity=Severity.WARNING, kind="modem_inbox", modem=self._name)
