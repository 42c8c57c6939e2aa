"""Runs one node from a configuration: ``run`` is what ``addispatch run`` and the demo call.

The wiring is one straight function, so that the order of starting is the order of reading; stopping is the reverse.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import gc
import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from addispatch import __version__
from addispatch.config import load
from addispatch.domain.errors import StoreError
from addispatch.domain.events import SEVERE, WARNING, Said
from addispatch.engine.node import Node
from addispatch.http.sockets import bind_unix
from addispatch.runtime import sdnotify
from addispatch.runtime.clock import SystemClock
from addispatch.runtime.logs import configure as configure_logs
from addispatch.runtime.tasks import together
from addispatch.store.ballast import Ballast
from addispatch.store.restore import finish as finish_restore

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from addispatch.config.models import Config
    from addispatch.http.server import HttpServer

log = logging.getLogger(__name__)

#: The CLI's way in, in the data directory.
SOCKET_NAME = "addispatch.sock"
#: How long the node has the processor for its start before the API is made ready beside it, in seconds.
HEAD_START_S = 1.0
#: The same for its links to come up after that.
LINKS_S = 0.1


def run(config_path: Path | None) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP.

    Raises ``ConfigErrors``, ``ConfigError`` or ``StoreError`` when it cannot start.
    """
    loaded = load(config_path)
    configure_logs(loaded.config.log)
    asyncio.run(_run(loaded.config, loaded.files[0]))


async def _run(config: Config, file: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        log.info("stopping: %s", number.name)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Under nohup the end of the terminal is to be survived.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)
    async with started(config, file.parent / "directory.toml", file):
        sdnotify.ready("Server running")
        await stopping.wait()
        sdnotify.stopping()


@contextlib.asynccontextmanager
async def started(config: Config, directory_file: Path | None, config_file: Path | None = None) -> AsyncIterator[Node]:
    """Run a node as long as the block lasts; yields it. ``config_file`` is looked at by the doctor alone."""
    # Ledger writer and loop share the interpreter: hand over between them faster than the default 5 ms.
    sys.setswitchinterval(0.002)
    _prepare_folder(config.node.data_dir)
    _use_utc()
    node = Node(config, SystemClock())
    node.config_file = config_file
    node.ledger.on_broken = _end_at_once
    log.info(
        "addispatch %s, node %s, cluster %s, data in %s", __version__, node.name, node.cluster, config.node.data_dir
    )
    # Bound at once, to keep a second daemon off the data and to let requests wait until they can be answered.
    unix = bind_unix(config.node.data_dir / SOCKET_NAME)
    api, is_up = _Api(config, node, unix), asyncio.Event()
    if finish_restore(config.node.data_dir):
        log.warning("finished a restore that was interrupted")

    async def start_node() -> None:
        await node.start(directory_file)
        is_up.set()

    try:
        await together(start_node(), api.start(is_up))
        for warning in node.app_warnings:  # from before there was a ledger to write it to
            node.say(Said(warning, SEVERE, "HttpPort"))
        _settle_memory()
        yield node
    finally:
        await api.stop()
        await node.stop()


class _Api:
    """The HTTP server, made ready after the node: its imports take longer than all that an alarm needs."""

    def __init__(self, config: Config, node: Node, unix: socket.socket) -> None:
        self._config, self._node, self._unix = config, node, unix
        self._server: HttpServer | None = None
        self._problems: dict[str, str] = {}

    async def start(self, is_up: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(is_up.wait(), HEAD_START_S)
            await asyncio.sleep(LINKS_S)
        self._server = await asyncio.to_thread(self._make)
        await self._server.start(self._unix)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
        else:
            (self._config.node.data_dir / SOCKET_NAME).unlink(missing_ok=True)
            self._unix.close()

    def _make(self) -> HttpServer:
        from addispatch.http.app import create_app  # noqa: PLC0415 - a third of the start-up time
        from addispatch.http.link_app import LinkApp  # noqa: PLC0415
        from addispatch.http.server import HttpServer, Port  # noqa: PLC0415

        node, http = self._node, self._config.http
        links = LinkApp(
            node.operations,
            node=node.name,
            zone=ZoneInfo(self._config.node.timezone),
            is_started=lambda: node.is_started,
            on_guessing=lambda text: node.say(Said(text, WARNING, "LinkGuessing")),
        )
        app = create_app(
            node.operations,
            authenticate=node.tokens.actor,
            metrics=node.metrics,
            is_started=lambda: node.is_started,
            links=links,
            timezone=self._config.node.timezone,
        )
        on_port = partial(self._on_port, f"The API listens on {http.listen}", "the API is on the unix socket alone")
        ack_port = None
        if http.ack_address is not None:
            news = f"Acknowledge links are answered on {http.ack_listen}"
            on_ack_port = partial(self._on_port, news, "links are answered on the API's port alone")
            ack_port = Port(links, http.ack_address, on_ack_port, "http.ack_listen")
        return HttpServer(app, self._config.node.data_dir / SOCKET_NAME, http.address, on_port, ack_port)

    def _on_port(self, news: str, meanwhile: str, problem: str) -> None:
        """Note a problem of the start, and tell the good news of its end."""
        self._problems[news] = (
            f"{problem}. It is tried again every few seconds; until then {meanwhile}" if problem else ""
        )
        self._node.app_warnings = [one for one in self._problems.values() if one]
        if not problem and self._node.is_started:
            self._node.say(Said(news, kind="HttpPort"))


def _end_at_once(problem: str) -> None:
    """End the process without stopping anything: after an fsync that failed, not even "committed" is certain.

    The next start reads from the disk what is really there, as after a crash; the log line is out when this ends.
    """
    log.critical("%s. The disk is not to be trusted: ending at once, to start anew from what is on it", problem)
    os._exit(os.EX_IOERR)


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _touch_in(folder)
        except OSError as error:
            if error.errno != errno.ENOSPC or not Ballast(folder).release():
                raise
            _touch_in(folder)
    except OSError as error:
        raise StoreError(f"the data directory {folder} cannot be written: {error.strerror}") from None


def _touch_in(folder: Path) -> None:
    probe = folder / ".writable"
    probe.touch(mode=0o600)
    probe.unlink()


def _settle_memory() -> None:
    """Give back what starting left over, and let the cycle collector run less often from now on.

    An alarm on its way allocates about a hundred small objects, all freed by reference counting; looking for cycles
    among them every 700 allocations took a fifth of the time of a storm.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only; 6 MB of 80
    if trim is not None:
        trim(0)
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()  # off while the daemon starts


def _use_utc() -> None:
    """``schedule`` reckons in local time: with UTC there is no daylight saving to stumble over."""
    os.environ["TZ"] = "UTC"
    time.tzset()
