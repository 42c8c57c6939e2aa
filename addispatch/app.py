"""Runs one node from a configuration: ``run`` is what ``addispatch run`` and the demo call.

The wiring is one straight function, so that the order of starting is the order of reading; stopping is the reverse.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
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
from addispatch.runtime import sdnotify
from addispatch.runtime.clock import SystemClock
from addispatch.runtime.logs import configure as configure_logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from addispatch.config.models import Config
    from addispatch.http.server import HttpServer

log = logging.getLogger(__name__)

#: The CLI's way in, in the data directory.
SOCKET_NAME = "addispatch.sock"


def run(config_path: Path | None) -> None:
    """Run until SIGTERM or SIGINT; raises ``ConfigErrors``, ``ConfigError`` or ``StoreError`` when it cannot start."""
    loaded = load(config_path)
    configure_logs(loaded.config.log)
    asyncio.run(_run(loaded.config, loaded.files[0].parent / "directory.toml"))


async def _run(config: Config, directory_file: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with started(config, directory_file):
        sdnotify.ready("Server running")
        await stopping.wait()
        sdnotify.stopping()
        log.info("stopping")


@contextlib.asynccontextmanager
async def started(config: Config, directory_file: Path | None) -> AsyncIterator[Node]:
    """Run a node as long as the block lasts; yields it."""
    # Ledger writer and loop share the interpreter: hand over between them faster than the default 5 ms.
    sys.setswitchinterval(0.002)
    _prepare_folder(config.node.data_dir)
    _use_utc()
    node = Node(config, SystemClock())
    log.info(
        "addispatch %s, node %s, cluster %s, data in %s", __version__, node.name, node.cluster, config.node.data_dir
    )
    server: HttpServer | None = None
    try:
        server = _server(config, node)
        await server.start()
        await node.start(directory_file)
        for warning in node.app_warnings:  # from before there was a ledger to write it to
            node.say(Said(warning, SEVERE, "HttpPort"))
        _settle_memory()
        yield node
    finally:
        if server is not None:
            await server.stop()
        await node.stop()


def _server(config: Config, node: Node) -> HttpServer:
    from addispatch.http.app import create_app  # noqa: PLC0415 - a third of the start-up time: only a daemon needs it
    from addispatch.http.link_app import LinkApp  # noqa: PLC0415
    from addispatch.http.server import HttpServer, Port  # noqa: PLC0415

    problems: dict[str, str] = {}

    def on_problem(what: str, meanwhile: str, listen: str, problem: str) -> None:
        # The problem comes while starting, its end when it may.
        problems[what] = f"{problem}. It is tried again every few seconds; {meanwhile}" if problem else ""
        node.app_warnings = [one for one in problems.values() if one]
        if node.is_started:
            node.say(Said(f"{what} on {listen}", kind="HttpPort"))

    on_port = partial(
        on_problem, "The API listens", "until then the API is on the unix socket alone", config.http.listen
    )
    links = LinkApp(
        node.operations,
        node=node.name,
        zone=ZoneInfo(config.node.timezone),
        is_started=lambda: node.is_started,
        on_guessing=lambda text: node.say(Said(text, WARNING, "LinkGuessing")),
    )
    app = create_app(
        node.operations,
        authenticate=node.tokens.actor,
        metrics=node.metrics,
        is_started=lambda: node.is_started,
        links=links,
    )
    ack_port = None
    if (address := config.http.ack_address) is not None:
        without = "until then links are answered by the API's port alone"
        on_ack_port = partial(on_problem, "Acknowledge links are answered", without, config.http.ack_listen)
        ack_port = Port(links, address, on_ack_port, "http.ack_listen")
    return HttpServer(app, config.node.data_dir / SOCKET_NAME, config.http.address, on_port, ack_port)


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise StoreError(f"the data directory {folder} cannot be written: {error.strerror}") from None


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
    gc.set_threshold(50_000, 20, 50)


def _use_utc() -> None:
    """``schedule`` reckons in local time: with UTC there is no daylight saving to stumble over."""
    os.environ["TZ"] = "UTC"
    time.tzset()
