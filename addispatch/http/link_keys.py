"""The keys of acknowledge links under ``/api/v1/link-key``: nobody sees them, an admin can have a new one made."""

from fastapi import APIRouter

from addispatch.http.problem import Json
from addispatch.http.routes import Ops, Who
from addispatch.http.schema import PROBLEMS

router = APIRouter(prefix="/api/v1/link-key", responses=PROBLEMS, tags=["tokens"])


@router.post("/rotate")
async def rotate(operations: Ops, actor: Who) -> Json:
    """Sign acknowledge links with a new key.

    Links signed by the key before stay valid until the next rotation.
    """
    return Json(await operations.link_key_rotate(actor))
