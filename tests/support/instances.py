"""Starts instances of plugins as the host does, and stops them at the end of the test."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any


@contextlib.asynccontextmanager
async def starting(make: Callable[..., Any]) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """A function with the arguments of ``make``: an instance that was made by it, checked and started."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*arguments: Any, **options: Any) -> Any:
            instance = make(*arguments, **options)
            await instance.self_check()
            await instance.start()
            stack.push_async_callback(instance.stop)
            return instance

        yield start
