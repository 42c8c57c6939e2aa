"""Serves the application on the unix socket (for the CLI) and on TCP, and the link pages on a port of their own.

All in the daemon's own loop. Called by ``addispatch.app``. We bind the sockets ourselves: uvicorn would make the unix
socket world-writable and end the whole process when a port is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from addispatch.domain.errors import ConfigError
from addispatch.http.sockets import BACKLOG, bind_tcp, bind_unix
from addispatch.runtime.tasks import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from starlette.types import ASGIApp

#: Most TCP connections at once; for one more, the one that waits longest for a request is closed.
MAX_CONNECTIONS = 256
#: A connection that has not brought a whole request by then is closed, in seconds.
FIRST_REQUEST_S = 10.0
#: How long an idle connection is kept for the client's next request, in seconds.
KEEP_ALIVE_S = 20
#: How long requests under way may take at shutdown, in seconds.
GRACE_S = 2
#: Unsent or unacknowledged data older than this ends a TCP connection (RFC 5482), in milliseconds.
TCP_STALLED_MS = 60_000
#: How often a port that could not be had is tried again, in seconds.
BIND_AGAIN_S = 10.0


class _Connection(H11Protocol):
    """One connection. Tells the application by which socket it came: local connections need no token."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sock: socket.socket = transport.get_extra_info("socket")
        # By the listening socket's family and not by the missing peer address: a TCP client that resets its
        # connection at once has no peer address either.
        local = sock.family == socket.AF_UNIX
        self.app_state = {**self.app_state, "local": local}
        if local:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_STALLED_MS)
        self.made_s = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()
        self.loop.call_later(FIRST_REQUEST_S, self._close_if_silent)

    def _make_room(self) -> None:
        """Close a connection nobody works for: the oldest without any request, else the oldest between two.

        Refusing the new one instead would let a few hundred silent connections keep everybody out.
        """
        others = cast("set[_Connection]", self.connections) - {self}
        # uvicorn's annotation of the cycle leaves the None out
        idle = [one for one in others if one.cycle is None or one.cycle.response_complete]  # type: ignore[redundant-expr]
        victim = min(idle, key=lambda one: (one.cycle is not None, one.made_s), default=self)
        self.connections.discard(victim)  # now: more connections may be made before the loop tells that it is lost
        victim.transport.abort()

    def _close_if_silent(self) -> None:
        if self.cycle is None:
            self.timeout_keep_alive_handler()  # type: ignore[unreachable]  # uvicorn's annotation leaves the None out


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the daemon has its own, and says when to stop."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        # uvicorn's own loop wakes ten times a second; the Date header needs one.
        while not self._stopping.is_set():
            await self.on_tick(0)
            await _within(1.0, self._stopping)


@dataclass
class Port:
    """A TCP port to serve an application on. ``key`` is where it was configured; port 0 takes a free one: ``bound``.

    A port that cannot be had is not worth staying down for: ``on_problem`` is told why, and "" once it can be had.
    """

    app: ASGIApp
    address: tuple[str, int]
    on_problem: Callable[[str], None]
    key: str = "http.listen"
    sock: socket.socket | None = None

    async def bind(self) -> str:
        """Return why the port cannot be had, or "" when it is bound."""
        try:
            self.sock = await asyncio.to_thread(bind_tcp, *self.address, self.key)
        except ConfigError as error:
            return str(error)
        return ""

    @property
    def bound(self) -> int | None:
        """The port that was bound, or None."""
        return self.sock.getsockname()[1] if self.sock is not None else None


class HttpServer:
    """``start`` binds and serves, ``stop`` ends event streams and requests and removes the socket file.

    ``listen`` is ``config.http.address``; None means no TCP. ``on_port`` is its ``Port.on_problem``. ``links`` is
    another port, with an application of its own.
    """

    def __init__(
        self,
        app: FastAPI,
        unix_path: Path,
        listen: tuple[str, int] | None,
        on_port: Callable[[str], None],
        links: Port | None = None,
    ) -> None:
        self._app, self._unix_path = app, unix_path
        self._api = Port(app, listen, on_port) if listen is not None else None
        self._ports = [port for port in (self._api, links) if port is not None]
        self._unix: socket.socket | None = None
        self._inode: int | None = None
        self._tasks = Supervisor()
        self._stopping = asyncio.Event()

    @property
    def tcp_port(self) -> int | None:
        """The API's port, once it is bound."""
        return self._api.bound if self._api is not None else None

    async def start(self, unix: socket.socket | None = None) -> None:
        """Serve on the unix socket, and on TCP if it can be had; raises what ``bind_unix`` raises.

        ``unix`` is the socket if it is bound already; it is the server's from now on.
        """
        self._unix = unix or bind_unix(self._unix_path)
        self._inode = self._unix_path.stat().st_ino
        self._tasks.run("http on the unix socket", partial(self._serve, self._app, self._unix))
        for port in self._ports:
            problem = await port.bind()
            if problem:
                port.on_problem(problem)
            self._tasks.run(f"{port.key} on TCP", partial(self._serve_tcp, port))

    async def _serve_tcp(self, port: Port) -> None:
        while port.sock is None:
            await _within(BIND_AGAIN_S, self._stopping)
            if self._stopping.is_set():
                return
            if not await port.bind():
                port.on_problem("")
        await self._serve(port.app, port.sock)

    async def _serve(self, app: ASGIApp, sock: socket.socket) -> None:
        if self._stopping.is_set():  # stopped before this task ever ran: the socket is closed already
            return
        config: dict[str, Any] = {
            "http": _Connection,
            "ws": "none",
            "loop": "none",
            "lifespan": "off",
            "log_config": None,
            "log_level": "warning",
            "access_log": False,
            "proxy_headers": False,
            "server_header": False,
            "backlog": BACKLOG,
            "timeout_keep_alive": KEEP_ALIVE_S,
            "timeout_graceful_shutdown": GRACE_S,
        }
        server = _Server(uvicorn.Config(app, **config), self._stopping)
        # uvicorn closes what it is given; ours stays open, so that a restart of this task needs no new binding.
        await server.serve([sock.dup()])

    async def stop(self) -> None:
        """Take no more requests, end the event streams, let requests under way finish for ``GRACE_S``."""
        self._app.state.streams.closing.set()
        self._stopping.set()
        self._release()
        await self._tasks.drain(GRACE_S + 1)
        await self._tasks.stop()

    def _release(self) -> None:
        for sock in (self._unix, *(port.sock for port in self._ports)):
            if sock is not None:
                sock.close()
        with contextlib.suppress(OSError):
            if self._unix_path.stat().st_ino == self._inode:
                self._unix_path.unlink()


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for the event, but not longer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
