"""API tokens under ``/api/v1/tokens``: for programs that reach the daemon over TCP."""

from typing import Annotated

from fastapi import APIRouter, Path

from addispatch.http.problem import Json, Problem
from addispatch.http.routes import Document, Ops, Who
from addispatch.http.schema import PROBLEMS, TOKEN_BODY
from addispatch.sdk.operations import Role

router = APIRouter(prefix="/api/v1/tokens", responses=PROBLEMS, tags=["tokens"])

Name = Annotated[str, Path(max_length=200)]


@router.get("")
async def tokens(operations: Ops, actor: Who) -> Json:
    """The tokens, without their secrets."""
    return Json(await operations.tokens(actor))


@router.post("", status_code=201, openapi_extra=TOKEN_BODY)
async def token_add(operations: Ops, actor: Who, wanted: Document) -> Json:
    """Make a token; this answer is the only time it is shown."""
    name, role = wanted.get("name"), wanted.get("role", str(Role.VIEWER))
    if not isinstance(name, str):
        raise Problem(422, "name: must be text", "name")
    if role not in tuple(Role):
        raise Problem(422, f"role: must be one of {', '.join(Role)}", "role")
    return Json(await operations.token_add(actor, name, role), status_code=201)


@router.delete("/{name:path}")
async def token_remove(operations: Ops, actor: Who, name: Name) -> Json:
    """Remove a token; it stops working at once."""
    return Json(await operations.token_remove(actor, name))
