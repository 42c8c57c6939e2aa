"""For monitors and load balancers: ``/healthz``, ``/readyz`` and ``/metrics``; no token needed."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from addispatch.domain.errors import StoreError
from addispatch.http.problem import Json, Problem
from addispatch.http.routes import Ops

#: Most channels that can be asked for at once.
MAX_NEEDS_COUNT = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

Needs = Annotated[
    tuple[str, ...], Query(max_length=MAX_NEEDS_COUNT, description="Channels that must be up: sms,email.")
]

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(request: Request, operations: Ops) -> Json:
    """Tell whether the daemon is alive.

    200 while loop and ledger writer move, or while it starts, else 503.
    """
    if not request.app.state.is_started():  # there may be no writer to ask yet
        return Json({"status": "starting"})
    try:
        document = await operations.health()
    except (StoreError, TimeoutError) as error:
        return Json({"status": str(error) or "the ledger does not answer"}, status_code=503)
    return Json(document, status_code=200 if document.get("status") == "ok" else 503)


@router.get("/readyz")
async def readyz(operations: Ops, needs: Needs = ()) -> Json:
    """Tell whether alarms are to come here.

    200, or 503 with the reason: it cannot take them, a channel it needs is down, or its peer is the one that works.
    """
    names = tuple(name.strip() for text in needs for name in text.split(","))
    if len(names) > MAX_NEEDS_COUNT or not all(map(_NAME.fullmatch, names)):
        raise Problem(422, f"needs: write at most {MAX_NEEDS_COUNT} channels as sms,email", "needs")
    document = await operations.ready(names)
    return Json(document, status_code=200 if document.get("ready") is True else 503)


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus.

    Text format 0.0.4.
    """
    measured = request.app.state.metrics
    return Response(measured.render(), media_type=measured.content_type)
