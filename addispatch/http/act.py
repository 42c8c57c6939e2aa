"""Acting on cases and on what is sent: acknowledge, pause, resume, cancel, unlock. Only calls ``Operations``."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from addispatch.http.body import only, read_if_any
from addispatch.http.problem import Json, Problem
from addispatch.http.routes import Cursor, Document, Id, Limit, Ops, Who
from addispatch.http.schema import (
    ACK_BODY,
    ADDRESS_BODY,
    CANCEL_BODY,
    CASE_ACK_BODY,
    CLOSE_BODY,
    PROBLEMS,
    RESTORED_BODY,
    RESUME_BODY,
)

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["acting"])

#: A body that may be left out.
Options = Annotated[dict[str, Any], Depends(read_if_any)]
#: What the path of a case says already.
_IN_PATH = ("codes", "case", "text")


@router.post("/ack", openapi_extra=ACK_BODY)
async def acknowledge(operations: Ops, actor: Who, request: Document) -> Json:
    """Acknowledge, decline or comment on the cases of some codes.

    Answers `{cases: [{id, code, result}], answer}`; `result` is acknowledged, declined, commented, already or refused.
    """
    return Json(await operations.acknowledge(actor, request))


@router.post("/cases/{id}/ack", openapi_extra=CASE_ACK_BODY)
async def acknowledge_case(operations: Ops, actor: Who, id: Id, request: Document) -> Json:  # noqa: A002
    """Acknowledge, decline or comment on one case."""
    for name in _IN_PATH:
        if name in request:
            raise Problem(422, f"{name}: does not go here, the path names the case; codes and text: POST /ack", name)
    return Json(await operations.acknowledge(actor, {**request, "case": id}))


@router.get("/roll-call/{code}")
async def roll_call(operations: Ops, actor: Who, code: Id) -> Json:
    """Who has answered a recall.

    Answers `{recalls: [{code, audience, counts, people: [{recipient, answer, at, comment}]}]}`.
    """
    return Json(await operations.roll_call(actor, code))


@router.post("/pause")
async def pause(operations: Ops, actor: Who, request: Options) -> Json:
    """Emergency pause: nothing is sent; alarms and acknowledgements are taken."""
    only(request)
    return Json(await operations.pause(actor))


@router.post("/resume", openapi_extra=RESUME_BODY)
async def resume(operations: Ops, actor: Who, request: Options) -> Json:
    """End the pause; with `discard` what waited is cancelled."""
    return Json(await operations.resume(actor, discard=_switch(request, "discard")))


@router.post("/cancel-pending", openapi_extra=CANCEL_BODY)
async def cancel_pending(operations: Ops, actor: Who, request: Options) -> Json:
    """Cancel every message that is not sent and not under way; with `close_cases` close the open cases, too."""
    return Json(await operations.cancel_pending(actor, close_cases=_switch(request, "close_cases")))


@router.post("/close", openapi_extra=CLOSE_BODY)
async def close(operations: Ops, actor: Who, request: Document) -> Json:
    """Close cases: nobody is asked about them any more.

    Answers `{cases: [{id, code, result}]}`; `result` is closed or already.
    """
    return Json(await operations.close(actor, request))


@router.get("/restored")
async def restored(operations: Ops, actor: Who, limit: Limit = 50, cursor: Cursor = None) -> Json:
    """What is held since a backup was restored, the oldest first.

    Answers `{restored_at, backup_at, case_count, delivery_count, cases, next}`.
    """
    return Json(await operations.restored(actor, limit=limit, cursor=cursor))


@router.post("/restored", openapi_extra=RESTORED_BODY)
async def decide_restored(operations: Ops, actor: Who, request: Document) -> Json:
    """Decide about what is held: `send` it, marked as repeats, or `drop` it.

    Answers `{action, cases, deliveries}`.
    """
    action = only(request, "action").get("action")
    if not isinstance(action, str):
        raise Problem(422, "action: must be send or drop", "action")
    return Json(await operations.decide_restored(actor, action))


@router.post("/unlock", openapi_extra=ADDRESS_BODY)
async def unlock(operations: Ops, actor: Who, request: Document) -> Json:
    """Listen again to the codes of an address that sent too many wrong ones."""
    address = only(request, "address").get("address")
    if not isinstance(address, str):
        raise Problem(422, "address: must be text", "address")
    return Json(await operations.unlock(actor, address))


def _switch(request: dict[str, Any], name: str) -> bool:
    """The one option there is: true or false, nothing that looks like it."""
    value = only(request, name).get(name, False)
    if not isinstance(value, bool):
        raise Problem(422, f"{name}: must be true or false", name)
    return value
