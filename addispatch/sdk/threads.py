"""Work that blocks, in a thread of its own (law 7). Used by plugins whose library blocks and cannot be told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Begin ``work`` in a thread with this name; what it returns or raises is in the future when it has ended.

    Not ``asyncio.to_thread``: its pool is small, shared, and holds up the end of the process. Nothing ends the work:
    wait for it with ``asyncio.wait([future], timeout=…)``, which leaves the future as it is. ``future.done()`` then
    says whether the work still hangs; begin no more of it than may hang.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
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

    threading.Thread(target=run, name=name, daemon=True).start()
    return done
