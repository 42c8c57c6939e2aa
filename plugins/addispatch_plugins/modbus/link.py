"""One connection over which one request at a time is asked. Opened and closed by ``line``."""

from __future__ import annotations

import asyncio
import errno
import socket
from concurrent.futures import Executor
from typing import TYPE_CHECKING, cast

from addispatch_plugins.modbus import frames
from addispatch_plugins.modbus.deadline import Deadline
from addispatch_plugins.modbus.problems import (
    Asked,
    ClosedError,
    LateError,
    LinkError,
    ModbusError,
    unreachable,
)

if TYPE_CHECKING:
    from addispatch_plugins.modbus.keys import LineKey

#: More than this is never an answer.
_MAX_BUFFER_BYTES = 4 * frames.MAX_FRAME_BYTES
#: So many addresses of one host name are tried.
_MAX_HOSTS = 4


class Link(asyncio.Protocol):
    """The protocol of one connection. After a ``LinkError`` it must be closed: late bytes would pass for answers."""

    def __init__(self, *, is_rtu: bool) -> None:
        self._is_rtu = is_rtu
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._asked: Asked | None = None
        self._transaction = 0
        self._buffer = b""
        self._received_count = 0
        self._note = ""
        self._deadline = Deadline(0, 0)
        self._timer: asyncio.TimerHandle | None = None
        self.is_open = False
        self.answered_count = 0

    # -- called by asyncio ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for an answer."""
        self.is_open = False
        self._stop_timer()
        why = f" ({unreachable(exc)})" if isinstance(exc, OSError) else ""
        where = "in the middle of an answer" if self._received_count else "without an answer"
        self._fail(ClosedError(f"the connection was closed {where}{why}", is_fresh=not self._received_count))

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole. What nobody waits for is dropped."""
        if self._answer is None or self._answer.done() or self._asked is None:
            return
        self._received_count += len(data)
        self._buffer += data
        try:
            if self._is_rtu:
                answer = frames.rtu_answer(self._buffer, self._asked)
            else:
                answer = frames.tcp_answer(self._buffer, self._asked, self._transaction)
            if answer.data is None and self._received_count > _MAX_BUFFER_BYTES:
                raise LinkError(f"{self._received_count} bytes came, and none of them is an answer")
        except ModbusError as error:
            self._fail(error)
            return
        self._note = answer.note or self._note
        if answer.data is not None:
            self.answered_count += 1
            self._answer.set_result(answer.data)
        elif answer.used_count:
            self._buffer = self._buffer[answer.used_count :]

    # -- called by the line ---------------------------------------------------------------------------------------

    async def ask(self, asked: Asked, deadline: Deadline) -> bytes:
        """Ask and return the data of the answer; raises ``ModbusError``."""
        if not self.is_open or self._transport is None:
            raise ClosedError("the connection was closed without an answer", is_fresh=True)
        loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._transaction = (self._transaction + 1) & 0xFFFF
        self._asked, self._buffer, self._received_count, self._note = asked, b"", 0, ""
        self._answer = loop.create_future()
        # One for all requests of a connection, set anew when it goes off: most are answered long before.
        if self._timer is None or self._timer.when() > deadline.at_s:
            self._stop_timer()
            self._timer = loop.call_at(deadline.at_s, self._look_at_deadline)
        try:
            self._transport.write(
                frames.rtu_request(asked) if self._is_rtu else frames.tcp_request(asked, self._transaction)
            )
            return await self._answer
        finally:
            self._answer = None

    def close(self) -> None:
        """End the connection at once, without waiting for the other side; may be called twice."""
        self.is_open = False
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_deadline(self) -> None:
        timer, self._timer = self._timer, None
        if self._answer is None or self._answer.done():
            return  # nobody waits; who asks next sets it
        if timer is not None and self._deadline.at_s > timer.when():
            self._timer = asyncio.get_running_loop().call_at(self._deadline.at_s, self._look_at_deadline)
        else:
            self._too_late()

    def _too_late(self) -> None:
        seen = self._note or (f" (only {self._received_count} bytes came)" if self._received_count else "")
        what = "no answer" if self._note or not seen else "no whole answer"
        self._fail(LateError(f"{what} within {self._deadline}{seen}"))

    def _fail(self, error: ModbusError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


async def open_link(key: LineKey, deadline: Deadline, executor: Executor) -> Link:
    """Connect; raises ``LinkError``. Host names are looked up in the executor: that may hang."""
    try:
        async with asyncio.timeout_at(deadline.at_s):
            if key.serial:
                from addispatch_plugins.modbus.serialport import open_serial  # noqa: PLC0415 - few sites need pyserial

                return await open_serial(key, executor)
            return await _connect(key, executor)
    except TimeoutError:
        raise LateError(f"no connection within {deadline}") from None
    except OSError as error:
        raise LinkError(unreachable(error)) from None
    except UnicodeError:
        raise LinkError("unknown host name (not a valid one)") from None


async def _connect(key: LineKey, executor: Executor) -> Link:
    loop = asyncio.get_running_loop()
    hosts = [key.host]
    if not _is_literal(key.host):
        hosts = await loop.run_in_executor(executor, _look_up, key.host, key.port)
    for host in hosts:
        try:
            _, link = await loop.create_connection(lambda: Link(is_rtu=key.is_rtu), host, key.port)
        except OSError:
            if host == hosts[-1]:
                raise
        else:
            return link
    raise OSError(errno.EADDRNOTAVAIL, "the name has no address")


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MAX_HOSTS]
