"""What a plugin did, in order, and a way to wait for it. Used by ``RecordingContext`` and the simulators."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
#: What is awaited comes at once on most machines; a busy one may need so long, in seconds.
PATIENCE_S = 20.0


class Recording(list[T]):
    """A list one can wait on. Each item satisfies one wait, so two waits need two items."""

    def __init__(self, what: str) -> None:
        """``what`` names the items in the message of a time-out."""
        super().__init__()
        self._what = what
        self._taken: set[int] = set()
        self._changed = asyncio.Event()

    def add(self, item: T) -> None:
        """Append an item and wake who waits."""
        self.append(item)
        self._changed.set()

    async def wait_for(self, match: Callable[[T], bool] = lambda _item: True, *, timeout_s: float = PATIENCE_S) -> T:
        """Return the first item, past or future, that matches and satisfied no wait before, else ``TimeoutError``."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    self._changed.clear()
                    for index, item in enumerate(self):
                        if index not in self._taken and match(item):
                            self._taken.add(index)
                            return item
                    await self._changed.wait()
        except TimeoutError:
            seen = "; ".join(str(item) for item in self[-10:]) or "nothing"
            raise TimeoutError(f"no such {self._what} within {timeout_s} s; seen: {seen}") from None
