"""Where the contestants deliver: a file that is watched line by line, or a mail server. Used by ``pipeline``."""

from __future__ import annotations

import ctypes
import os
import re
import select
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.broker import free_port, wait_for_port

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The first mark of a line (a line with subject and text has it twice), and the stamp of the mail server behind it.
MARK = re.compile(rb"^.*?#(\d+)@(\d+)(?: (\d+)$)?", re.MULTILINE)
LIBC = ctypes.CDLL(None, use_errno=True)
IN_MODIFY = 2
#: Alarms numbered from here on only ask whether the contestant is up; they are not counted.
PROBES = 10_000_000


@dataclass
class Outlet:
    """The file in which deliveries appear, and what was seen: number -> latencies in ms, one per delivery."""

    path: Path
    smtp_port: int = 0
    connections: int = 1
    seen: dict[int, list[float]] = field(default_factory=dict)
    total: int = 0
    probes: int = 0
    last_ns: int = 0
    offset: int = 0

    def __post_init__(self) -> None:
        self.path.touch()
        self.inotify = LIBC.inotify_init1(os.O_NONBLOCK)
        LIBC.inotify_add_watch(self.inotify, str(self.path).encode(), IN_MODIFY)

    def wait(self, timeout_s: float) -> int:
        """Sleep until the file grows or the time is over; note what came; return how many deliveries came."""
        if not select.select([self.inotify], [], [], timeout_s)[0]:
            return 0
        os.read(self.inotify, struct.calcsize("iIII") * 4096)
        now_ns = time.monotonic_ns()
        with self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        marks = MARK.findall(whole)
        for number, published_ns, arrived_ns in marks:
            if int(number) >= PROBES:
                self.probes += 1
                continue
            # Mails are stamped by their server; lines when we see them.
            self.last_ns = int(arrived_ns or now_ns)
            self.seen.setdefault(int(number), []).append((self.last_ns - int(published_ns)) / 1e6)
            self.total += 1
        return len(marks)

    def wait_for(self, count: int, quiet_s: float, pause_s: float = 0.002) -> None:
        """Return once ``count`` different deliveries are there, or nothing came for ``quiet_s``.

        Looks every ``pause_s``, so that the looking takes little from the broker; 0 where latencies matter.
        """
        until = time.monotonic() + quiet_s
        while len(self.seen) < count and time.monotonic() < until:
            if self.wait(0.2):
                until = time.monotonic() + quiet_s
            if pause_s:
                time.sleep(pause_s)


@contextmanager
def file_outlet(folder: Path) -> Iterator[Outlet]:
    """A plain file to which the contestant appends a line per delivery."""
    outlet = Outlet(folder / "sink.txt")
    try:
        yield outlet
    finally:
        os.close(outlet.inotify)


@contextmanager
def mail_outlet(folder: Path, core: int, connections: int) -> Iterator[Outlet]:
    """A mail server on the core of the load; it writes the file."""
    port = free_port()
    outlet = Outlet(folder / "mails.txt", smtp_port=port, connections=connections)
    command = ["taskset", "-c", str(core), sys.executable, str(Path(__file__).with_name("smtpsink.py"))]
    server = subprocess.Popen([*command, str(port), str(outlet.path)])
    try:
        wait_for_port(port)
        yield outlet
    finally:
        server.terminate()
        server.wait(10)
        os.close(outlet.inotify)
