"""Sends ICMP echoes and matches the answers: one socket per family for all hosts, read by the loop. Used by ``ping``.

The kernel gives anybody a datagram socket for ICMP within ``net.ipv4.ping_group_range``; else a raw one needs
CAP_NET_RAW. On a datagram socket the kernel sets the identifier and passes on only our own answers; on a raw one we see
those of every program and take our own. Either way an answer counts only with the secret its request carried.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from addispatch.sdk import PluginError
from addispatch_plugins.net.packet import read_reply, request

if TYPE_CHECKING:
    from addispatch_plugins.net.names import Address

#: Answers read in one turn of the loop before others get theirs.
TURN_COUNT = 200
#: How long to wait before a full socket is tried again, in seconds.
FULL_PAUSE_S = 0.01
_BUFFER_BYTES = 1024 * 1024
_SECRET_BYTES = 8
_ANSWER_BYTES = 2048
#: After so many are sent in one turn of the loop it is looked for answers: the kernel keeps few hundred of them.
SENT_COUNT = 32
#: Of linux/icmp.h and linux/icmpv6.h: a set bit keeps that type out; here all but echo replies (0 and 129).
_SOL_RAW, _ICMP_FILTER, _ONLY_REPLIES_V4 = 255, 1, struct.pack("=I", 0xFFFFFFFE)
_ICMP6_FILTER, _ONLY_REPLIES = 1, struct.pack("=8I", *(0xFFFFFFFD if word == 4 else 0xFFFFFFFF for word in range(8)))

NOT_ALLOWED = (
    "this process may not ping: set the sysctl net.ipv4.ping_group_range to a range with its group "
    '("0 2147483647": everybody), or give it CAP_NET_RAW'
)


class PingFailed(PluginError):
    """An echo could not be sent; one line says why."""


@dataclass(slots=True, eq=False)
class _Waiting:
    secret: bytes
    sent_s: float
    answered: asyncio.Future[float]


class Echoes:
    """All echoes of one family (IPv4 or IPv6). ``close`` when done."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._is_v6 = family is socket.AF_INET6
        self._family = family
        self._socket: socket.socket | None = None
        self._is_raw = False
        self._ident = 0
        self._sequence = secrets.randbelow(0x10000)
        self._waiting: dict[int, _Waiting] = {}
        self._unread_count = 0

    @property
    def waiting_count(self) -> int:
        """How many echoes are out."""
        return len(self._waiting)

    def close(self) -> None:
        """Let go of the socket; who waits still waits until his deadline."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    async def send(self, address: Address) -> tuple[int, asyncio.Future[float]]:
        """Send one; returns its number for ``forget``, and a future of the seconds it took. Raises ``PingFailed``."""
        sock = self._socket or self._open()
        loop = asyncio.get_running_loop()
        sequence = self._next()
        one = _Waiting(secrets.token_bytes(_SECRET_BYTES), loop.time(), loop.create_future())
        data = request(is_v6=self._is_v6, ident=self._ident, sequence=sequence, payload=one.secret)
        self._waiting[sequence] = one
        try:
            while True:
                one.sent_s = loop.time()
                with contextlib.suppress(BlockingIOError):
                    sock.sendto(data, address.at(0))
                    self._unread_count += 1
                    if self._unread_count >= SENT_COUNT:
                        self._readable()
                    return sequence, one.answered
                await asyncio.sleep(FULL_PAUSE_S)
        except OSError as error:
            self.forget(sequence)
            raise PingFailed(os.strerror(error.errno or 0).lower()) from None
        except asyncio.CancelledError:
            self.forget(sequence)
            raise

    def forget(self, sequence: int) -> None:
        """Wait for that one no more."""
        self._waiting.pop(sequence, None)

    def _next(self) -> int:
        """The next sequence number that is not out; there are 65,536."""
        if len(self._waiting) > 0xFFFF:
            raise PingFailed("too many pings are under way")
        while True:
            self._sequence = (self._sequence + 1) & 0xFFFF
            if self._sequence not in self._waiting:
                return self._sequence

    def _open(self) -> socket.socket:
        self._socket, self._is_raw = open_socket(self._family)
        self._ident = secrets.randbelow(0x10000)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)
        return self._socket

    def _readable(self) -> None:
        sock = self._socket
        if sock is None:
            return
        now_s, self._unread_count = asyncio.get_running_loop().time(), 0
        for _ in range(TURN_COUNT):
            try:
                data = sock.recv(_ANSWER_BYTES)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of one host comes this way: that host is missing its answer
                continue
            self._take(data, now_s)

    def _take(self, data: bytes, now_s: float) -> None:
        answer = read_reply(data, is_v6=self._is_v6, has_header=self._is_raw)
        if answer is None or (self._is_raw and answer.ident != self._ident):
            return
        one = self._waiting.get(answer.sequence)
        if one is None or answer.payload[:_SECRET_BYTES] != one.secret:
            return
        del self._waiting[answer.sequence]
        if not one.answered.done():
            one.answered.set_result(now_s - one.sent_s)


def open_socket(family: socket.AddressFamily) -> tuple[socket.socket, bool]:
    """Return a socket for echoes, and whether it is a raw one; raises ``PingFailed``."""
    is_v6 = family is socket.AF_INET6
    protocol = socket.IPPROTO_ICMPV6 if is_v6 else socket.IPPROTO_ICMP
    refused = 0
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:
            refused = error.errno or 0
            continue
        is_raw = kind is socket.SOCK_RAW
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        if is_raw:
            # Neighbours, routers and other programs that ping talk all the time. Where there is no filter, we sort.
            with contextlib.suppress(OSError):
                if is_v6:
                    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _ONLY_REPLIES)
                else:
                    sock.setsockopt(_SOL_RAW, _ICMP_FILTER, _ONLY_REPLIES_V4)
        return sock, is_raw
    if refused in (errno.EPERM, errno.EACCES):
        raise PingFailed(NOT_ALLOWED)
    raise PingFailed(f"no socket for pings: {os.strerror(refused).lower()}")
