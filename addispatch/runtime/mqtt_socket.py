"""The socket below an MQTT connection: reads and writes in large pieces. Used by ``addispatch.runtime.mqtt``.

paho-mqtt asks the kernel five times per message (command, length, body …) and once per acknowledgement. Behind this
socket it reads from memory, and everything written in one turn of the event loop leaves in one ``send``: half the CPU.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: How much is asked of the kernel at once, in bytes.
READ_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to speak TLS: whom to trust (``ca_file``; the system's list without it) and our own certificate.

    ``insecure`` checks neither the name nor the signature: for trying things only.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """Build the context; raises ``OSError`` (``ssl.SSLError``) for files that are missing or no certificates."""
        made = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.cert_file:
            made.load_cert_chain(self.cert_file, self.key_file)
        if self.insecure:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        return made


def open_socket(host: str, port: int, tls: Tls | None, timeout_s: float) -> BufferedSocket:
    """Connect (and shake hands); blocks up to ``timeout_s`` for each, so call it in an executor. Raises ``OSError``."""
    sock = socket.create_connection((host, port), timeout=timeout_s)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.context().wrap_socket(sock, server_hostname=host)
        sock.settimeout(0)
    except BaseException:
        sock.close()
        raise
    return BufferedSocket(sock)


class BufferedSocket:
    """What paho takes for a socket. Not blocking; all methods are called in the event loop's thread.

    ``paused`` makes ``recv`` report "nothing there": paho stops at the next packet border, what was read stays here.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""
        self._start = 0
        self._out = bytearray()
        self.paused = False

    def recv(self, size: int) -> bytes:
        """Return at most ``size`` bytes, ``b""`` at the end; raises ``BlockingIOError`` when there are none now."""
        if self.paused:
            raise BlockingIOError
        start = self._start
        if start >= len(self._data):
            self._data = self._sock.recv(READ_BYTES)
            start = 0
        self._start = start + size
        return self._data[start : start + size]

    def pending(self) -> int:
        """How many bytes can be read without asking the kernel."""
        ours = max(len(self._data) - self._start, 0)
        return ours or (self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0)

    def send(self, data: bytes | bytearray) -> int:
        """Take all of ``data``; it leaves with the next ``flush``. So packets are never mixed or cut."""
        self._out += data
        return len(data)

    @property
    def unsent(self) -> int:
        """How many bytes wait for ``flush``."""
        return len(self._out)

    def flush(self) -> bool:
        """Hand what waits to the kernel; false when it takes no more now. Raises ``OSError`` when the line is dead."""
        try:
            while self._out:
                del self._out[: self._sock.send(self._out)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        return True

    def abort(self) -> None:
        """End the line now: the next ``recv`` reports it."""
        self.paused = False
        self._data, self._start = b"", 0
        self._out.clear()
        with contextlib.suppress(OSError):  # it may be dead already, which is what we want
            self._sock.shutdown(socket.SHUT_RDWR)

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - the socket interface
        """Part of the socket interface; this one never blocks."""

    def close(self) -> None:
        """Send what the kernel still takes (a DISCONNECT), then close."""
        with contextlib.suppress(OSError):  # the other side may be gone
            self.flush()
        self._sock.close()
