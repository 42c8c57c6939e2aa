"""Serves the application on the unix socket (for the CLI) and on TCP, in the daemon's own loop.

Called by ``addispatch.app``. We bind both sockets ourselves: uvicorn would make the unix socket world-writable and
end the whole process when a port is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from addispatch.domain.errors import ConfigError
from addispatch.runtime.tasks import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

#: Most connections at once; more are closed at once, so that they cannot use up the daemon's file descriptors.
MAX_CONNECTIONS = 256
#: A connection that has not brought a whole request by then is closed, in seconds.
FIRST_REQUEST_S = 10.0
#: How long an idle connection is kept for the client's next request, in seconds.
KEEP_ALIVE_S = 20
#: How long requests under way may take at shutdown, in seconds.
GRACE_S = 2
#: Unsent or unacknowledged data older than this ends a TCP connection (RFC 5482), in milliseconds.
TCP_STALLED_MS = 60_000
#: Longest path of a unix socket, in bytes (unix(7)).
MAX_UNIX_PATH_BYTES = 107
BACKLOG = 128


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
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        self.loop.call_later(FIRST_REQUEST_S, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.cycle is None:
            self.timeout_keep_alive_handler()  # type: ignore[unreachable]  # uvicorn's annotation leaves the None out


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (the daemon has its own), telling when it listens."""

    def __init__(self, config: uvicorn.Config, listening: asyncio.Event, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._listening, self._stopping = listening, stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()

    async def main_loop(self) -> None:
        # uvicorn's own loop wakes ten times a second; the Date header needs one.
        while not self._stopping.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._stopping.wait()


class HttpServer:
    """``start`` binds and serves, ``stop`` ends event streams and requests and removes the socket file.

    ``listen`` is ``config.http.address``; None means no TCP. Port 0 takes a free one, see ``tcp_port``.
    """

    def __init__(self, app: FastAPI, unix_path: Path, listen: tuple[str, int] | None) -> None:
        self._app, self._unix_path, self._listen = app, unix_path, listen
        self._sockets: list[socket.socket] = []
        self._inode: int | None = None
        self._tasks = Supervisor()
        self._listening, self._stopping, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.tcp_port: int | None = None

    async def start(self) -> None:
        """Bind both sockets and serve; raises ``ConfigError`` when one of them is taken or impossible."""
        self._sockets = [bind_unix(self._unix_path)]
        self._inode = self._unix_path.stat().st_ino
        try:
            if self._listen is not None:
                self._sockets.append(bind_tcp(*self._listen))
                self.tcp_port = self._sockets[-1].getsockname()[1]
        except ConfigError:
            self._release()
            raise
        self._tasks.run("http", self._serve)
        await self._listening.wait()

    async def _serve(self) -> None:
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
        server = _Server(uvicorn.Config(self._app, **config), self._listening, self._stopping)
        # uvicorn closes what it is given; ours stay open, so that a restart of this task needs no new binding.
        await server.serve([sock.dup() for sock in self._sockets])
        self._ended.set()

    async def stop(self) -> None:
        """Take no more requests, end the event streams, let requests under way finish for ``GRACE_S``."""
        self._app.state.streams.closing.set()
        self._release()
        if self._listening.is_set():
            self._stopping.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S + 1):
                    await self._ended.wait()
        await self._tasks.stop()

    def _release(self) -> None:
        for sock in self._sockets:
            sock.close()
        self._sockets = []
        with contextlib.suppress(OSError):
            if self._unix_path.stat().st_ino == self._inode:
                self._unix_path.unlink()


def bind_tcp(host: str, port: int) -> socket.socket:
    """Return a bound socket; raises ``ConfigError`` saying why it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        hints = {
            errno.EADDRINUSE: f"another program has it; 'ss -ltnp sport = :{port}' shows which",
            errno.EACCES: "ports below 1024 need the right CAP_NET_BIND_SERVICE",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }
        reason = os.strerror(error.errno) if error.errno in hints else str(error.strerror)
        problem = f"cannot listen on {host}:{port}: {reason}"
        raise ConfigError("http.listen", problem, hints.get(error.errno or 0, "")) from None
    sock.setblocking(False)  # noqa: FBT003
    return sock


def bind_unix(path: Path) -> socket.socket:
    """Return a bound socket with mode 0600, replacing what a dead process left; raises ``ConfigError``."""
    if len(os.fsencode(path)) > MAX_UNIX_PATH_BYTES:
        hint = f"at most {MAX_UNIX_PATH_BYTES} bytes: use a shorter data_dir"
        raise ConfigError("node.data_dir", f"{path} is too long for a unix socket", hint)
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(os.fspath(path))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigError("node.data_dir", f"cannot make {path}: {error.strerror}") from None
    finally:
        os.umask(mask)
    sock.setblocking(False)  # noqa: FBT003
    return sock


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError("node.data_dir", f"{path} is in the way: it is no socket", "move it elsewhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError("node.data_dir", f"cannot use {path}: {error.strerror or error}") from None
        else:
            hint = "stop it first, or give this one a data_dir of its own"
            raise ConfigError("node.data_dir", f"another addispatch is running on {path.parent}", hint)
