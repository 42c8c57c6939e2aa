"""Blocking work in a thread of its own, with a deadline (law 7). Used by ``poller``.

Not ``asyncio.to_thread``: its pool is small, and ends with the process only when its threads do.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from addispatch_plugins.mailbox.session import MailboxTrouble

T = TypeVar("T")

#: How long a thread may take to end after it was told to, in seconds.
ABORT_WAIT_S = 2.0
#: Most threads that did not; with more nothing new is begun until one ends.
MAX_LEFT_BEHIND = 2


class Border:
    """Runs one piece of work at a time."""

    def __init__(self) -> None:
        self._left_behind: set[threading.Thread] = set()

    @property
    def left_behind_count(self) -> int:
        """How many threads still hang."""
        self._left_behind = {thread for thread in self._left_behind if thread.is_alive()}
        return len(self._left_behind)

    async def call(self, work: Callable[[], T], *, deadline_s: float, abort: Callable[[], None]) -> T:
        """Run ``work`` and return its result. After ``deadline_s``, or when cancelled, ``abort()`` must end its waits.

        Raises what the work raises, and ``MailboxTrouble`` when it is late.
        """
        if self.left_behind_count >= MAX_LEFT_BEHIND:
            raise MailboxTrouble(f"{self.left_behind_count} connections hang and do not end")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(result)  # type: ignore[arg-type]
            else:
                done.set_exception(error)
                done.exception()  # whoever waits sees it; nobody may be left to

        def run() -> None:
            result, failure = None, None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settle, result, failure)

        thread = threading.Thread(target=run, name="mailbox", daemon=True)
        thread.start()
        try:
            await asyncio.wait([done], timeout=deadline_s)
            if done.done():
                return done.result()
            abort()
            await asyncio.wait([done], timeout=ABORT_WAIT_S)
            raise MailboxTrouble(f"not done within {deadline_s:g} s")
        except asyncio.CancelledError:
            abort()
            raise
        finally:
            if not done.done():
                done.cancel()
                self._left_behind.add(thread)
