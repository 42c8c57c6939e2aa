"""One ping: an HTTP GET that cannot take longer than its deadline (law 7). Used by ``instance``."""

from __future__ import annotations

import asyncio
import http.client
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from addispatch.sdk import PluginError, in_thread

T = TypeVar("T")

#: How much of an answer is read: it says nothing we need.
MAX_ANSWER_BYTES = 16_384
_PORTS = {"http": 80, "https": 443}


class PingFailed(PluginError):
    """The ping did not get through; one line says why, without the address's path, which is a secret."""


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Goes on only to the same scheme, host and port: nobody else shall learn the secret path, or answer for them."""

    max_redirections = 3

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if origin(urlsplit(newurl)) != origin(urlsplit(req.full_url)):
            raise PingFailed(f"answered {code}: sends us to another place, where we do not go")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def origin(parts: SplitResult) -> tuple[str, str, int]:
    """Return scheme, host and port of an address."""
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


class Pinger:
    """Pings one address. A ping that hangs is left behind; no other is begun until it has ended."""

    def __init__(self, url: str, timeout_s: float, agent: str) -> None:
        self._url, self._timeout_s, self._agent = url, timeout_s, agent
        self._work: asyncio.Future[Any] | None = None

    async def ping(self) -> int:
        """Return the status of the answer; raises ``PingFailed``."""
        return await self.call(self._get)

    async def call(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread of its own, for at most the time-out; raises ``PingFailed``."""
        if self._work is not None and not self._work.done():
            raise PingFailed("the ping before still hangs")
        self._work = done = in_thread(work, "deadman")
        await asyncio.wait([done], timeout=self._timeout_s)
        late = f"no answer within {self._timeout_s:g} s"
        if not done.done():
            raise PingFailed(late)
        try:
            return done.result()
        except PingFailed:
            raise
        except TimeoutError:
            raise PingFailed(late) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PingFailed(explain(error)) from None

    def _get(self) -> int:
        opener = urllib.request.build_opener(_SameOrigin)
        request = urllib.request.Request(self._url, headers={"user-agent": self._agent})  # noqa: S310 - checked: http(s)
        with opener.open(request, timeout=self._timeout_s) as answer:
            answer.read(MAX_ANSWER_BYTES)
            return int(answer.status)


def explain(error: Exception) -> str:
    """Say in one line what went wrong, without the address."""
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {cause.verify_message}"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, OSError) and cause.errno:
        return str(os.strerror(cause.errno) if cause.errno > 0 else cause.strerror)
    return "the answer is no HTTP" if isinstance(cause, http.client.HTTPException) else type(cause).__name__
