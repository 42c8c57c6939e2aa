"""What comes as a file: the event log, a backup. Only calls ``Operations``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from addispatch.domain.event_line import event_line
from addispatch.http.routes import Ops, Who
from addispatch.http.schema import PROBLEMS
from addispatch.sdk.operations import Actor, Doc, Operations

#: Most lines of one download: about 10 MB.
MAX_LINES = 100_000
_PAGE = 500
#: So many events later than its time one may be stored.
_LATE_COUNT = 100

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["addispatch"])
Lines = Annotated[int, Query(ge=1, le=MAX_LINES, description="Most lines.")]


@router.get("/events.txt", responses={200: {"content": {"text/plain": {}}}})
async def event_log(operations: Ops, actor: Who, request: Request, limit: Lines = 1000) -> StreamingResponse:
    """The event log as a text file, newest first.

    Lines like `2026.11.23 13:55:04:123 [!!!] text`, in the node's time zone (header `addispatch-timezone`).
    """
    first = await operations.events(actor, limit=min(limit, _PAGE))  # a refusal comes before the file begins
    lines = _lines(operations, actor, first, limit, ZoneInfo(request.app.state.timezone))
    name = {"content-disposition": 'attachment; filename="addispatch-events.log"'}
    return StreamingResponse(lines, media_type="text/plain; charset=utf-8", headers=name)


@router.get("/backup", responses={200: {"content": {"application/gzip": {}}}})
async def backup(operations: Ops, actor: Who) -> StreamingResponse:
    """Make a backup.

    For `addispatch backup`, on the unix socket alone: it holds the directory, the ledger and the keys of links.
    """
    pieces = await operations.backup(actor)
    name = {"content-disposition": 'attachment; filename="addispatch-backup.tar.gz"'}
    return StreamingResponse(pieces, media_type="application/gzip", headers=name)


async def _lines(operations: Operations, actor: Actor, page: Doc, left: int, zone: ZoneInfo) -> AsyncIterator[bytes]:
    waiting: list[Doc] = []
    while True:
        left -= len(page["events"])
        is_last = page["next"] is None or left < 1
        # They are numbered as they were stored, which may be a moment after they happened.
        waiting = sorted((*waiting, *page["events"]), key=lambda one: (one["at"], one["id"]), reverse=True)
        ready = len(waiting) if is_last else max(0, len(waiting) - _LATE_COUNT)
        yield "".join(f"{event_line(event, zone)}\n" for event in waiting[:ready]).encode()
        waiting = waiting[ready:]
        if is_last:
            return
        page = await operations.events(actor, limit=min(left, _PAGE), cursor=page["next"])
