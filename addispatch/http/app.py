"""Builds the HTTP application. Called by ``addispatch.app`` with the real ``Operations``, by tests with a stub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fastapi import FastAPI

from addispatch import __version__
from addispatch.http import (
    act,
    directory,
    download,
    health,
    link_keys,
    problem,
    routes,
    selfcheck,
    tokens,
    virtual_address,
)
from addispatch.http.gate import Gate
from addispatch.http.link_app import LinkPaths
from addispatch.http.stream import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from addispatch.sdk.operations import Actor, Operations


class MetricsPage(Protocol):
    """What ``/metrics`` shows: ``addispatch.runtime.metrics.Metrics``."""

    content_type: str

    def render(self) -> bytes:
        """Return the Prometheus text."""


def create_app(
    operations: Operations,
    *,
    authenticate: Callable[[str], Actor | None],
    metrics: MetricsPage,
    is_started: Callable[[], bool],
    links: ASGIApp | None = None,
    timezone: str = "UTC",
) -> FastAPI:
    """Return the application for :class:`addispatch.http.server.HttpServer`.

    ``authenticate(token)`` returns whose token it is, or None; it must compare in constant time and must not block.
    Until ``is_started()`` everything but health, readiness and metrics is answered with 503.
    ``links`` answers the pages of acknowledge links: ``link_app.LinkApp``. ``timezone`` is the node's.
    Setting ``app.state.streams.closing`` ends the event streams.
    """
    # The stock documentation pages load scripts from a CDN: a plant network has none.
    app = FastAPI(
        title="addispatch",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.operations, app.state.metrics = operations, metrics
    app.state.streams, app.state.is_started, app.state.timezone = Streams(), is_started, timezone
    app.add_middleware(Gate, authenticate=authenticate, is_started=is_started, timezone=timezone)
    if links is not None:
        app.add_middleware(LinkPaths, pages=links)  # added last, so outermost
    problem.install(app)
    for part in (routes, download, act, selfcheck, directory, tokens, link_keys, virtual_address, health):
        app.include_router(part.router)
    return app
