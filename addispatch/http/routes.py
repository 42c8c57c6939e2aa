"""The resources under ``/api/v1``, except the directory. Every handler only calls ``Operations`` (law 9)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request

from addispatch.http.body import read_document
from addispatch.http.problem import Json
from addispatch.http.schema import ALARM_BODY, MONITOR_TEST_BODY, PROBLEMS
from addispatch.http.stream import EventStream, Streams
from addispatch.sdk.operations import Actor, Operations


async def _operations(request: Request) -> Any:
    return request.app.state.operations


async def _actor(request: Request) -> Any:
    return request.state.actor


Ops = Annotated[Operations, Depends(_operations)]
Who = Annotated[Actor, Depends(_actor)]
Document = Annotated[dict[str, Any], Depends(read_document)]
Limit = Annotated[int, Query(ge=1, le=500, description="Most entries to return.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The `next` of the list before.")]
Id = Annotated[str, Path(max_length=200)]
State = Annotated[str | None, Query(max_length=20, description="Only those in this state.")]
After = Annotated[int | None, Query(ge=0, lt=2**63, description="Only events behind this id.")]

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["addispatch"])


@router.post("/alarms", status_code=202, openapi_extra=ALARM_BODY)
async def raise_alarm(operations: Ops, actor: Who, alarm: Document) -> Json:
    """Raise or clear an alarm.

    Answers `{id, cases: [{id, code}], mirrored}` once the alarm is durable.
    """
    return Json(await operations.raise_alarm(actor, alarm), status_code=202)


@router.post("/why", openapi_extra=ALARM_BODY)
async def why(operations: Ops, actor: Who, alarm: Document) -> Json:
    """Who would be told, and why.

    Dry run of an alarm, at the time `at` (RFC 3339) if given: nothing is stored or sent.
    """
    return Json(await operations.why(actor, alarm))


@router.get("/status")
async def status(operations: Ops, actor: Who) -> Json:
    """Node, ledger, plugins, channels, queue, modems, warnings."""
    return Json(await operations.status(actor))


@router.get("/cases")
async def cases(operations: Ops, actor: Who, state: State = None, limit: Limit = 50, cursor: Cursor = None) -> Json:
    """Cases, newest first.

    `state` is open, acknowledged or closed.
    """
    return Json(await operations.cases(actor, state=state, limit=limit, cursor=cursor))


@router.get("/cases/{id}")
async def case(operations: Ops, actor: Who, id: Id) -> Json:  # noqa: A002 - the name in the path
    """One case with its deliveries."""
    return Json(await operations.case(actor, id))


@router.get("/deliveries")
async def deliveries(
    operations: Ops, actor: Who, state: State = None, limit: Limit = 50, cursor: Cursor = None
) -> Json:
    """Deliveries, newest first."""
    return Json(await operations.deliveries(actor, state=state, limit=limit, cursor=cursor))


@router.get("/received")
async def received(operations: Ops, actor: Who, limit: Limit = 50, cursor: Cursor = None) -> Json:
    """Messages that came in, newest first."""
    return Json(await operations.received(actor, limit=limit, cursor=cursor))


@router.get("/events")
async def events(operations: Ops, actor: Who, limit: Limit = 50, cursor: Cursor = None, after: After = None) -> Json:
    """Events, newest first; with `after` oldest first."""
    return Json(await operations.events(actor, limit=limit, cursor=cursor, after=after))


@router.get("/events/stream", responses={200: {"content": {"text/event-stream": {}}}})
async def stream(
    operations: Ops,
    actor: Who,
    request: Request,
    after: After = None,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
) -> EventStream:
    """Events as they happen.

    Server-sent events, resumable by `Last-Event-ID` or `after`; a comment every 15 s keeps the line open.
    """
    streams: Streams = request.app.state.streams
    return streams.open(operations.follow(actor, after if last_event_id is None else last_event_id))


@router.get("/monitors")
async def monitors(operations: Ops, actor: Who) -> Json:
    """How the monitors stand."""
    return Json(await operations.monitors(actor))


@router.post("/monitors/test", openapi_extra=MONITOR_TEST_BODY)
async def monitor_test(operations: Ops, actor: Who, request: Document) -> Json:
    """Read once what a monitor watches, or what a probe with its keys would see."""
    return Json(await operations.monitor_test(actor, request))


@router.post("/monitors/{name:path}/beat")
async def monitor_beat(operations: Ops, actor: Who, name: Id) -> Json:
    """Report to a monitor of the probe `heartbeat`: its source lives."""
    return Json(await operations.monitor_beat(actor, name))


@router.get("/monitors/{name:path}/beat")
async def monitor_beat_by_get(operations: Ops, actor: Who, name: Id) -> Json:
    """The same for devices that can only GET."""
    return Json(await operations.monitor_beat(actor, name))


@router.get("/modems")
async def modems(operations: Ops, actor: Who) -> Json:
    """Modems of all plugins."""
    return Json(await operations.modems(actor))


@router.get("/cluster")
async def cluster(operations: Ops, actor: Who) -> Json:
    """The place in a cluster: role, the other node, paths; empty without one."""
    return Json(await operations.cluster(actor))


@router.get("/cluster/difference")
async def cluster_difference(operations: Ops, actor: Who) -> Json:
    """The directory that was replaced last by the other node's, and how it differs."""
    return Json(await operations.cluster_difference(actor))


@router.post("/cluster/promote")
async def cluster_promote(operations: Ops, actor: Who) -> Json:
    """Make this node the master."""
    return Json(await operations.cluster_promote(actor))


@router.post("/cluster/start-empty")
async def cluster_start_empty(operations: Ops, actor: Who) -> Json:
    """Let an empty directory count as one."""
    return Json(await operations.cluster_start_empty(actor))


@router.get("/plugins")
async def plugins(operations: Ops, actor: Who) -> Json:
    """Plugins with their status."""
    return Json(await operations.plugins(actor))
