"""``/api/v1/virtual-address``: keepalived tells where a virtual address is (``addispatch.cluster.keepalived``)."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from addispatch.http.problem import Json
from addispatch.http.routes import Ops, Who
from addispatch.http.schema import PROBLEMS

router = APIRouter(prefix="/api/v1/virtual-address", responses=PROBLEMS, tags=["addispatch"])

Address = Annotated[str, Path(max_length=60)]
Here = Annotated[bool, Query(description="Whether it came or left.")]


@router.post("/{address}")
async def note(operations: Ops, actor: Who, address: Address, is_here: Here) -> Json:
    """Note that a virtual address has come to this machine or left it.

    Answers `{address, is_here, changed}`; what changed is an event.
    """
    return Json(await operations.virtual_address(actor, address, is_here=is_here))
