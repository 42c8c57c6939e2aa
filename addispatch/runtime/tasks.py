"""Supervised tasks: each has an owner that sees its failure, restarts it with back-off and says so.

The only place that creates tasks (lint-enforced). Used by the app, the engine, the plugin host and, through
``Context.supervise``, plugins.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, TypeVar

from addispatch.domain.errors import AddispatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: First and longest pause before a failed task is started again, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
#: A task that did not end within this time after its cancellation is cancelled again, in seconds.
CANCEL_AGAIN_S = 0.2
#: How long cancelled work of others may take to end before it is left behind, in seconds.
GRACE_S = 1.0

#: Work that ignored its cancellation: kept here, or the loop would forget it in mid-flight.
_abandoned: set[asyncio.Task[Any]] = set()


class Supervisor:
    """Owns tasks; ``stop`` ends them in reverse order of starting."""

    def __init__(self, on_failure: Callable[[str, BaseException, float], None] | None = None) -> None:
        """``on_failure(name, error, pause_s)`` is called each time a task failed and will be restarted."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._on_failure = on_failure

    def run(self, name: str, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``start()`` until it returns; restart it when it raises."""
        task = asyncio.get_running_loop().create_task(self._keep(name, start), name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._tasks.pop(name, None) if self._tasks.get(name) is done else None)

    async def _keep(self, name: str, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            began_s = asyncio.get_running_loop().time()
            try:
                await start()
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:  # a supervision border
                if asyncio.get_running_loop().time() - began_s > LONGEST_PAUSE_S:
                    pause_s = FIRST_PAUSE_S
                # What is raised on purpose says it in a line; a traceback of it each time would fill the log.
                trace = error if not isinstance(error, AddispatchError) else None
                log.error("%s failed: %s; starting it again in %.1f s", name, error, pause_s, exc_info=trace)  # noqa: TRY400
                if self._on_failure is not None:
                    self._on_failure(name, error, pause_s)
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def runs(self, name: str) -> bool:
        """Whether a task of that name is there."""
        return name in self._tasks

    async def end(self, names: Iterable[str]) -> None:
        """Cancel these tasks together and wait for them."""
        waiting = {self._tasks[name] for name in names if name in self._tasks}
        while waiting:
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=CANCEL_AGAIN_S)  # again: see ``stop``

    async def drain(self, patience_s: float) -> None:
        """Wait until the tasks have ended by themselves, but not longer than ``patience_s``."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=patience_s)

    async def stop(self) -> None:
        """Cancel all tasks, the newest first, and wait for them."""
        for task in reversed(list(self._tasks.values())):
            # Once is not always enough: on Python 3.11 asyncio.wait_for loses a cancellation that meets its result.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=CANCEL_AGAIN_S)
        self._tasks.clear()


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Await all; when one fails the others are cancelled, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def bounded(
    work: Coroutine[Any, Any, T],
    *,
    give_up_s: float,
    warn_s: float | None = None,
    on_slow: Callable[[], None] | None = None,
) -> T:
    """Await foreign work for at most ``give_up_s``, then cancel it and raise ``TimeoutError``.

    Unlike ``asyncio.wait_for`` it returns even if the work ignores its cancellation. ``on_slow`` is called once after
    ``warn_s``.
    """
    loop = asyncio.get_running_loop()
    warning = loop.call_later(warn_s, on_slow) if warn_s is not None and on_slow is not None else None
    task = loop.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=give_up_s)
        if done:
            return task.result()
    finally:
        if warning is not None:
            warning.cancel()
        if not task.done():
            await _abandon(task)
    raise TimeoutError(f"took longer than {give_up_s:g} s")


async def _abandon(task: asyncio.Task[Any]) -> None:
    task.cancel()
    _abandoned.add(task)
    task.add_done_callback(_abandoned.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, or the loop would complain
    await asyncio.wait({task}, timeout=GRACE_S)
    if not task.done():
        log.error("%s ignores its cancellation and is left behind", task.get_coro())
