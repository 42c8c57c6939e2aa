"""The pages behind acknowledge links, ``/a/<token>``, and the check page: an application of its own.

Made by ``addispatch.app``; served beside the API on its listeners, and alone on ``[http] ack_listen``. The token in
the path is the credential, so it appears in no log, metric or error. Showing changes nothing, whatever fetches the page
(mail scanners do): only a POST acknowledges, and it ends in a redirect, so that loading again repeats nothing.

The origin of a POST is not checked: with ``no-referrer`` browsers send ``Origin: null``, a proxy may change the host,
and no other site can know the token.
"""

from __future__ import annotations

import logging
import time
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from addispatch.domain.errors import AddispatchError, Refused
from addispatch.http.body import read_raw
from addispatch.http.link_limit import WINDOW_S, WrongTokens
from addispatch.http.link_page import MAX_COMMENT_CHARS, POLICY, case_page, plain_page
from addispatch.http.problem import Problem

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from starlette.types import ASGIApp, Receive, Scope, Send

    from addispatch.sdk.operations import Doc, Operations

log = logging.getLogger(__name__)

#: Where the pages are.
PREFIX, CHECK = "/a/", "/check"
#: Largest form taken, in bytes: 500 characters of four bytes, each byte written as %XX, fit.
MAX_FORM_BYTES = 8 * 1024
#: How often guessing is told at most, in seconds.
TELL_AGAIN_S = 3600.0
#: What may stand behind a link in a text, and be taken for a part of it by a phone.
_BEHIND = ".,;:!?)]}>'\""
_ACTIONS = ("ack", "decline", "comment")
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}


class LinkApp:
    """The ASGI application. ``operations`` verify the tokens, ``zone`` is for the times shown.

    Until ``is_started()`` links are answered with 503. ``on_guessing`` is told in a line that too many wrong ones come.
    """

    def __init__(
        self,
        operations: Operations,
        *,
        node: str,
        zone: ZoneInfo,
        is_started: Callable[[], bool],
        on_guessing: Callable[[str], None] = log.warning,
    ) -> None:
        self._operations, self._node, self._zone = operations, node, zone
        self._is_started, self._on_guessing = is_started, on_guessing
        self._wrong, self._told_s = WrongTokens(), float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong, with a page."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Problem as problem:
            response = _message(problem.status, "This does not work", problem.error)
        except AddispatchError as error:
            log.warning("an acknowledge link could not be answered: %s", error)
            text = "addispatch cannot look it up or store it now. Try again in a moment."
            response = _message(503, "One moment", text, {"retry-after": "5"})
        except Exception:  # the border of the application; the path is left out of the log on purpose
            log.exception("%s of an acknowledge link failed", request.method)
            response = _message(500, "Something went wrong", "The log of addispatch has the details.")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path, method = request.scope["path"], request.method
        token = path.removeprefix(PREFIX)
        is_link = path.startswith(PREFIX) and token != "" and "/" not in token
        if not is_link and path != CHECK:
            return _message(404, "Nothing here", "This address shows acknowledge links only.")
        allowed = {"allow": "GET, HEAD, OPTIONS, POST" if is_link else "GET, HEAD, OPTIONS"}
        if method == "OPTIONS":
            return Response(status_code=204, headers=_HEADERS | allowed)
        if method not in allowed["allow"].split(", "):
            return _message(405, "This does not work", f"{method} is not possible here.", allowed)
        if not is_link:
            return _message(200, "It works", f"This device reaches the acknowledge links of node {self._node}.")
        if not self._is_started():
            text = "addispatch is starting. Load this page again in a few seconds."
            return _message(503, "One moment", text, {"retry-after": "5"})
        token = token.rstrip(_BEHIND)
        try:
            return await (self._act if method == "POST" else self._show)(request, token)
        except Refused as refused:
            if refused.field != "token":
                raise
            return self._invalid(request)

    async def _show(self, request: Request, token: str) -> Response:
        link = await self._operations.link(token)
        return _page(200, case_page(link, self._zone, said=request.query_params.get("said", "")))

    async def _act(self, request: Request, token: str) -> Response:
        form = await _read_form(request)
        try:
            wanted = _checked(form)
            answer = await self._operations.link_answer(token, wanted)
        except Refused as refused:
            if refused.field == "token":
                raise
            return await self._refused(token, 422, f"{refused.field}: {refused.problem}", form)
        results = [case["result"] for case in answer["cases"] if case["result"] != "refused"]
        if not results:
            return await self._refused(token, 409, answer["answer"] or "This cannot be done.", form)
        # Relative, so that a proxy may put the pages elsewhere; the same token, whose page then shows what is.
        where = f"./{token}?said={results[0]}"
        return Response(status_code=303, headers=_HEADERS | {"location": where})

    async def _refused(self, token: str, status: int, problem: str, form: dict[str, str]) -> Response:
        link = await self._operations.link(token)
        return _page(status, case_page(link, self._zone, problem=problem, comment=form.get("comment", "")))

    def _invalid(self, request: Request) -> Response:
        """Answer every wrong token alike; too many of them are told."""
        address = request.client.host if request.client else ""
        status, more = 404, {}
        if self._wrong.add(address):
            status, more = 429, {"retry-after": f"{WINDOW_S:.0f}"}
            if time.monotonic() - self._told_s >= TELL_AGAIN_S:
                self._told_s = time.monotonic()
                self._on_guessing(f"Many wrong acknowledge links are opened, the last one from {address or 'here'}")
        text = "It is incomplete, altered or too old. You can still acknowledge by answering the message itself."
        return _message(status, "This link is not valid", text, more)


class LinkPaths:
    """ASGI middleware in front of the API: the paths of the link pages go to ``pages``, all others on to ``app``.

    Around the gate: a link carries its own credential.
    """

    def __init__(self, app: ASGIApp, pages: ASGIApp) -> None:
        self._app, self._pages = app, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to one of the two."""
        path = scope.get("path", "")
        is_page = scope["type"] == "http" and (path.startswith(PREFIX) or path == CHECK)
        await (self._pages if is_page else self._app)(scope, receive, send)


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form (WHATWG URL, 5.1); raises ``Problem``."""
    kind, _, parameter = request.headers.get("content-type", "").lower().partition(";")
    is_form = kind.strip() == "application/x-www-form-urlencoded"
    if not is_form or parameter.replace(" ", "") not in ("", "charset=utf-8"):
        raise Problem(415, "content-type: must be application/x-www-form-urlencoded, UTF-8")
    raw = await read_raw(request, MAX_FORM_BYTES)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=10
        )
    except ValueError:
        raise Problem(400, "body: is no form") from None
    form = dict(pairs)
    if len(form) < len(pairs) or not form.keys() <= {"action", "comment"}:
        raise Problem(400, "body: has fields that are not in this form, or twice")
    return form


def _checked(form: dict[str, str]) -> Doc:
    """Return the request for ``link_answer``; raises ``Refused`` naming the field."""
    action, comment = form.get("action", ""), one_line(form.get("comment", ""))
    if action not in _ACTIONS:
        raise Refused("action", f"must be one of {', '.join(_ACTIONS)}")
    if len(comment) > MAX_COMMENT_CHARS:
        raise Refused("comment", f"must have at most {MAX_COMMENT_CHARS} characters")
    if action == "comment" and not comment:
        raise Refused("comment", "is empty")
    return {"action": action, "comment": comment}


def one_line(text: str) -> str:
    """Return the text on one line and without control characters: it goes on as an SMS."""
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())


def _page(status: int, html: str, more: dict[str, str] | None = None) -> Response:
    return HTMLResponse(html, status_code=status, headers=_HEADERS | (more or {}))


def _message(status: int, title: str, text: str, more: dict[str, str] | None = None) -> Response:
    return _page(status, plain_page(title, text), more)
