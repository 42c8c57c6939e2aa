"""For monitors and load balancers: ``/healthz``, ``/readyz`` and ``/metrics``; no token needed."""

from fastapi import APIRouter, Request, Response

from addispatch.domain.errors import StoreError
from addispatch.http.problem import Json
from addispatch.http.routes import Ops

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
async def readyz(operations: Ops) -> Json:
    """Tell whether alarms can be taken.

    200, or 503 with the reason.
    """
    document = await operations.ready()
    return Json(document, status_code=200 if document.get("ready") is True else 503)


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus.

    Text format 0.0.4.
    """
    measured = request.app.state.metrics
    return Response(measured.render(), media_type=measured.content_type)
