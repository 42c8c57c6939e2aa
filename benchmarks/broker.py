"""A fresh mosquitto for one run, pinned to the core of the load. Used by ``pipeline``."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages {inflight}
log_dest none
set_tcp_nodelay {nodelay}
"""


def free_port() -> int:
    """A TCP port of the loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, timeout_s: float = 10.0) -> None:
    """Return once something listens there."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


@contextmanager
def mosquitto(folder: Path, core: int, inflight: int, *, nodelay: bool = False) -> Iterator[int]:
    """Run a broker that keeps everything in memory without bound; gives its port."""
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(CONFIG.format(port=port, inflight=inflight, nodelay=str(nodelay).lower()))
    process = subprocess.Popen(["taskset", "-c", str(core), "mosquitto", "-c", str(config)])
    try:
        wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)
