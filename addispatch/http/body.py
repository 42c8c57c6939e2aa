"""Reads a request's body, within limits. Used by every route that takes a document, and by the link pages."""

import asyncio
from typing import Any

import orjson
from fastapi import Request
from starlette.requests import ClientDisconnect

from addispatch.http.problem import Problem

#: Largest body of an ordinary request, in bytes.
MAX_BODY_BYTES = 256 * 1024
#: Largest directory to import at once, in bytes: 1,000 recipients and 9,999 monitors fit; only admins get that far.
MAX_DIRECTORY_BYTES = 8 * 1024 * 1024
#: Deepest nesting of objects and lists in a document.
MAX_DEPTH = 32
#: How long a client may take to send its body, in seconds.
BODY_TIMEOUT_S = 20.0


async def read_document(request: Request) -> dict[str, Any]:
    """Return the body as a dict; raises ``Problem`` (400 no JSON object, 408 too slow, 413 too large)."""
    return await _read_object(request, MAX_BODY_BYTES)


async def read_if_any(request: Request) -> dict[str, Any]:
    """Return the body as a dict, like ``read_document``; an empty one if there is none."""
    return await _read_object(request, MAX_BODY_BYTES, nothing={})


async def read_directory(request: Request) -> dict[str, Any]:
    """Return the body as a dict, like ``read_document``, with room for a whole directory."""
    return await _read_object(request, MAX_DIRECTORY_BYTES)


async def read_raw(request: Request, most: int) -> bytes:
    """Return the body, at most ``most`` bytes; raises ``Problem`` (400 cut off, 408 too slow, 413 too large)."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _collect(request, most)
    except ClientDisconnect:
        raise Problem(400, "body: cut off", "body") from None
    except TimeoutError:
        raise Problem(408, f"the body did not arrive within {BODY_TIMEOUT_S:.0f} s", "body") from None


def only(document: dict[str, Any], *known: str) -> dict[str, Any]:
    """Return the document; raises ``Problem`` (422) naming a field that is not known here."""
    for name in document:
        if name not in known:
            listed = f"; there is {', '.join(known)}" if known else ""
            raise Problem(422, f"{name[:60]}: is not known here{listed}", name[:60])
    return document


async def _read_object(request: Request, most: int, nothing: dict[str, Any] | None = None) -> dict[str, Any]:
    raw = await read_raw(request, most)
    if not raw and nothing is not None:
        return nothing
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"body: not JSON: {error}" if raw else "body: a JSON object is needed", "body") from None
    if not isinstance(document, dict):
        raise Problem(400, "body: not a JSON object", "body")
    if _deeper_than(document, MAX_DEPTH):
        raise Problem(400, f"body: nested deeper than {MAX_DEPTH} levels", "body")
    return document


async def _collect(request: Request, most: int) -> bytes:
    """Collect the body; counts while reading, because a chunked body announces no length."""
    too_large = Problem(413, f"body: larger than {most // 1024} KiB", "body")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > most:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise too_large
    return bytes(body)


def _deeper_than(value: Any, levels: int) -> bool:
    """Whether containers nest deeper than ``levels``; walks level by level, so depth costs no stack."""
    layer = [value]
    for _ in range(levels + 1):
        containers = [item for item in layer if isinstance(item, (dict, list))]
        if not containers:
            return False
        layer = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    return True
