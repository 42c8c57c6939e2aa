"""Server-sent events: the event log as it happens. Used by ``/api/v1/events/stream``.

Format: WHATWG HTML 9.2. Each event has its id, so that a client resumes with ``Last-Event-ID`` and misses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.responses import Response

from addispatch.http.problem import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

#: Pause between comments that keep proxies from closing an idle stream, in seconds.
HEARTBEAT_S = 15.0
#: A client that takes nothing for so long is dropped; it can resume by its last id.
STALLED_S = 30.0
#: Most streams at once: each holds a connection.
MAX_STREAMS = 50
#: How soon a client should come back, in milliseconds.
RETRY_MS = 2000


class Streams:
    """The open streams of one application: how many there are, and that they end with the server."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()
        self.open_count = 0

    def open(self, events: AsyncIterator[dict[str, Any]]) -> EventStream:
        """Return the response that sends ``events``; raises ``Problem`` (503) when there are too many streams."""
        if self.open_count >= MAX_STREAMS:
            raise Problem(503, f"{MAX_STREAMS} event streams are open already")
        return EventStream(events, self)


class EventStream(Response):
    """Sends events until the client leaves, stalls, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[dict[str, Any]], streams: Streams) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events, self._streams = events, streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Run the stream; whichever of its four parts ends first ends it."""
        self._streams.open_count += 1
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await _push(send, b"retry: %d\n\n" % RETRY_MS)
            async with asyncio.TaskGroup() as group:
                parts = [
                    group.create_task(part)
                    for part in (self._pump(send), self._beat(send), _until_gone(receive), self._until_closing())
                ]
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
                for part in parts:
                    part.cancel()
        except* TimeoutError:
            log.warning("an event stream was dropped: its client took nothing for %.0f s", STALLED_S)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._streams.open_count -= 1

    async def _pump(self, send: Send) -> None:
        try:
            async for event in self._events:
                await _push(send, b"id: %d\ndata: %b\n\n" % (event["id"], orjson.dumps(event)))
        finally:
            close = getattr(self._events, "aclose", None)
            if close is not None:
                await close()

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await _push(send, b": still here\n\n")

    async def _until_closing(self) -> None:
        await self._streams.closing.wait()


async def _push(send: Send, frame: bytes) -> None:
    async with asyncio.timeout(STALLED_S):
        await send({"type": "http.response.body", "body": frame, "more_body": True})
    # A backlog is sent without ever waiting: the loop needs a turn to notice that the client has left.
    await asyncio.sleep(0)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
