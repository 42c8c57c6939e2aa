"""Asking addispatch about itself: the doctor and the test alert. Only calls ``Operations``."""

from fastapi import APIRouter

from addispatch.http.problem import Json
from addispatch.http.routes import Ops, Who
from addispatch.http.schema import PROBLEMS

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["addispatch"])


@router.get("/doctor")
async def doctor(operations: Ops, actor: Who) -> Json:
    """Examine everything; takes up to 25 s.

    Answers `{node, running, ok, findings: [{subject, detail, problem, advice}]}`; a finding without problem is good.
    """
    return Json(await operations.doctor(actor))


@router.post("/test-alert")
async def test_alert(operations: Ops, actor: Who) -> Json:
    """Send a test to the system-alert recipients, by every channel each of them has.

    Answers `{text, told: [{recipient, channel, to, problem, waits}], problem}`.
    """
    return Json(await operations.test_alert(actor))
