"""The socket below an MQTT connection: reads and writes in large pieces. Used by ``addispatch.runtime.mqtt``.

paho-mqtt asks the kernel five times per message (command, length, body …) and once per acknowledgement. Behind this
socket it reads from memory, and everything written in one turn of the event loop leaves in one ``send``: half the CPU.
PUBLISH packets, nearly all there is, need not go through paho at all: ``take_publish`` reads them where they lie. That
halves the rest, and makes MQTT 5 as cheap as 3.1.1.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

#: How much is asked of the kernel at once, in bytes.
READ_BYTES = 65_536
#: What comes in pieces this small is no burst: its acknowledgement must not wait for company.
SMALL_BYTES = 4_096


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


class Published(NamedTuple):
    """A PUBLISH packet (MQTT 3.1.1, 3.3; properties of MQTT 5 are left out)."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    mid: int


class BufferedSocket:
    """What paho takes for a socket. Not blocking; all methods are called in the event loop's thread.

    ``paused`` makes ``recv`` report "nothing there": paho stops at the next packet border, what was read stays here.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""
        self._start = 0
        self._owed = 0  # bytes of a packet that paho began to read
        self._out = bytearray()
        self._is_tcp = sock.family in (socket.AF_INET, socket.AF_INET6)
        self._dead = False
        self.paused = False

    def recv(self, size: int) -> bytes:
        """Return at most ``size`` bytes, ``b""`` at the end; raises ``BlockingIOError`` when there are none now.

        Never returns bytes of two packets, so that the border between them is known.
        """
        if self._dead:
            return b""
        if self.paused:
            raise BlockingIOError
        if not self._owed:
            header = self._header()
            if header is None:
                if self._fill():
                    header = self._header()
                    if header is None:
                        raise BlockingIOError
                else:
                    return b""
            self._owed = header[0] + header[1]
        if self._start >= len(self._data) and not self._fill():
            return b""
        start = self._start
        end = min(start + min(size, self._owed), len(self._data))
        self._start = end
        self._owed -= end - start
        return self._data[start:end]

    def take_publish(self, version: int) -> Published | None:
        """Take a whole PUBLISH of QoS 0 or 1 from the front; None if it is something else, which is paho's then.

        Raises ``BlockingIOError`` when not all of it is there yet.
        """
        if self._owed or self.paused or self._dead:
            return None
        header = self._header()
        while header is None or len(self._data) - self._start < header[0] + header[1]:
            # Large ones are better put together by paho, which need not copy what it has at each step.
            if (header is not None and header[1] > READ_BYTES) or not self._fill():
                return None
            header = self._header()
        data, start = self._data, self._start
        first = data[start]
        qos = first >> 1 & 3
        if first & 0xF0 != 0x30 or qos > 1:
            return None
        at = start + header[0]
        end = at + header[1]
        topic_at = at + 2
        at = topic_at + (data[at] << 8 | data[at + 1]) if header[1] >= 2 else end + 1
        topic = data[topic_at:at]
        mid = 0
        if qos:
            mid = data[at] << 8 | data[at + 1] if at + 2 <= end else 0
            at += 2
        if version == 5:
            size, length = _varint(data, at, end)
            at += size + length
        if at > end:
            return None  # malformed: paho ends the connection
        self._start = end
        return Published(topic, data[at:end], qos, bool(first & 1), mid)

    def _header(self) -> tuple[int, int] | None:
        """Return the sizes of header and body of the packet at the front; None if the header is not all there."""
        start, end = self._start, len(self._data)
        if end - start < 2:
            return None
        length = self._data[start + 1]
        if length < 128:
            return 2, length
        size, length = _varint(self._data, start + 1, end)
        return (size + 1, length) if size else None

    def _fill(self) -> bool:
        """Read what the kernel has, behind what is left; false at the end of the stream."""
        try:
            more = self._sock.recv(READ_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        if self._is_tcp and len(more) < SMALL_BYTES:
            # Brokers hold a small packet back until the one before is acknowledged (Nagle), and Linux takes 40 ms to
            # acknowledge when we have nothing to send: an alarm behind the PUBACK of a status would wait for that.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._data = self._data[self._start :] + more
        self._start = 0
        return bool(more)

    def pending(self) -> int:
        """How many bytes can be read without asking the kernel."""
        ours = len(self._data) - self._start
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
        """End the line now: ``recv`` reports it, whatever still comes."""
        self._dead = True
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


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a variable byte integer (MQTT 3.1.1, 2.2.3); returns its own size, 0 if it is cut off, and its value.

    A fifth byte is not allowed; then the size is 4 and whoever reads the packet finds it malformed.
    """
    value = 0
    for size in range(1, 5):
        if at >= end:
            return 0, 0
        byte = data[at]
        at += 1
        value |= (byte & 127) << 7 * (size - 1)
        if byte < 128:
            break
    return size, value
