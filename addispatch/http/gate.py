"""What every request passes first: who is it, may it come from there, and nothing leaves without security headers.

Installed by ``addispatch.http.app`` around the whole application, pages of plugins included; only the pages behind
acknowledge links stand outside, which have their own credential and their own rules (``link_app``).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi.datastructures import Headers
from starlette.datastructures import MutableHeaders

from addispatch.http.problem import Json, answer
from addispatch.sdk.operations import Actor, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

#: Whoever can open the unix socket (mode 0600) is this user or root.
LOCAL = Actor("local", Role.ADMIN, "unix")
#: Paths that need no token, and answer even while the daemon starts: monitors and integrators read them; they tell
#: nothing about people.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/api/openapi.json"})
#: Longest accepted token, in characters.
MAX_TOKEN_CHARS = 512
WRONG_TOKEN = "the token is not valid, or not any more"  # noqa: S105 - the answer to one

_SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Gate:
    """ASGI middleware; puts the :class:`Actor` into ``request.state.actor``."""

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Callable[[str], Actor | None],
        is_started: Callable[[], bool],
        timezone: str = "UTC",
    ) -> None:
        self._app, self._authenticate, self._is_started = app, authenticate, is_started
        self._headers = {**_SECURITY_HEADERS, "addispatch-timezone": timezone}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on and answer for whatever goes wrong behind."""
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        try:
            await self._app(scope, receive, guarded)
        except Exception:
            if started:
                raise  # the server logs it and closes the connection: the client sees a broken answer, not a short one
            log.exception("%s %s failed", scope["method"], scope["path"])
            await answer(500, "internal error; the log has the details")(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Json | None:
        """Return the error to answer with, or let the request in by setting its actor."""
        headers = Headers(scope=scope)
        # Browsers tell where a request comes from; a page of another site has no business here.
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return answer(403, "requests from other web sites are refused", "origin")
        is_open = scope["path"] in OPEN_PATHS
        if not is_open and not self._is_started():  # the tokens are not loaded yet either
            return answer(503, "addispatch is starting: try again in a moment", headers={"retry-after": "1"})
        state = scope.setdefault("state", {})
        actor = LOCAL if state.get("local") is True else self._bearer(headers.get("authorization", ""))
        if actor is None and not is_open:
            is_given = headers.get("authorization", "").lower().startswith("bearer ")
            hint = WRONG_TOKEN if is_given else "a token is needed: send the header 'Authorization: Bearer <token>'"
            return answer(401, hint, "authorization", headers={"www-authenticate": "Bearer"})
        state["actor"] = actor
        return None

    def _bearer(self, header: str) -> Actor | None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN_CHARS:
            return None
        return self._authenticate(token.strip())
