"""Errors as JSON: ``{"error": "one line", "field": "name"}``. Raised and returned everywhere in ``addispatch.http``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from addispatch.config.explain import in_words
from addispatch.domain.errors import AddispatchError, ConfigError, ConfigErrors, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

#: Longest error text sent, in characters: an error quotes what the client sent, which may be long.
MAX_ERROR_CHARS = 500
#: Most single errors listed beside the first one.
MAX_ERRORS_COUNT = 100


class Json(Response):
    """A JSON document as the body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the document as UTF-8 bytes."""
        return orjson.dumps(content)


class Problem(Exception):
    """A request that is answered with an error instead of a document."""

    def __init__(self, status: int, error: str, field: str = "") -> None:
        self.status, self.error, self.field = status, error, field
        super().__init__(error)


def answer(status: int, error: str, field: str = "", *, headers: Mapping[str, str] | None = None, **more: Any) -> Json:
    """Return the error response; ``error`` is made one line of bearable length."""
    return Json({"error": _one_line(error), "field": field, **more}, status_code=status, headers=headers)


def _one_line(text: str) -> str:
    line = " ".join(text.encode(errors="replace").decode().split())
    return line if len(line) <= MAX_ERROR_CHARS else line[: MAX_ERROR_CHARS - 1] + "…"


async def _on_addispatch_error(request: Request, error: Any) -> Response:
    """Answer the errors of ``Operations``: ours to explain, never a trace."""
    match error:
        case Refused():
            return answer(_refused_status(request, error.field), str(error), error.field)
        case ConfigErrors(errors=[first, *_]):
            listed = [{"error": _one_line(str(e)), "field": e.path} for e in error.errors[:MAX_ERRORS_COUNT]]
            return answer(422, str(error), first.path, errors=listed)
        case ConfigError():
            return answer(422, str(error), error.path)
        case _:
            return answer(503, str(error), headers={"retry-after": "5"})


def _refused_status(request: Request, field: str) -> int:
    """Return 403 for the role, 404 when the path itself names what is not there, 422 for any other bad value."""
    if field == "role":
        return 403
    in_path = field in request.path_params and not (request.method == "PUT" and field == "name")
    return 404 if in_path else 422


async def _on_invalid(_request: Request, error: Any) -> Response:
    """Answer a parameter of the wrong type or outside its limits."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return answer(422, f"{field}: {in_words(first)}", field)


async def _on_http_error(request: Request, error: Any) -> Response:
    """Answer what the framework refuses by itself: unknown paths and methods."""
    texts = {404: f"no such path: {request.url.path}", 405: f"{request.method} is not possible here"}
    return answer(error.status_code, texts.get(error.status_code, str(error.detail)), headers=error.headers)


async def _on_problem(_request: Request, error: Any) -> Response:
    return answer(error.status, error.error, error.field)


def install(app: FastAPI) -> None:
    """Answer every foreseen exception of the app as JSON."""
    app.add_exception_handler(AddispatchError, _on_addispatch_error)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
