"""Modbus/TCP connections: who may come in, how many, how long, how fast. Run under supervision by ``instance``.

pymodbus has a server, too, and its clients are what the tests use. But (3.16) it answers a request that waits for the
ledger under the number of the one that came after it, holds a connection full of garbage open, and knows no limits.
So this one reads its few requests itself (``frames``).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from addispatch.sdk import PluginError, Severity
from addispatch_plugins.modbus_server.frames import HEADER, MAX_LENGTH, Code, ModbusError, frame, read_request, refusal

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modbus_server.config import ModbusServerConfig
    from addispatch_plugins.modbus_server.device import Device

#: How long a request may take from its first byte to its last, and a client to take its answer, in seconds.
FRAME_S, TAKE_S = 5.0, 5.0
#: Requests a second of one connection; a faster client waits for its answers.
RATE_PER_S, BURST = 100, 200
#: What a stranger or a full house is told by an event, at most so often, in seconds.
TELL_EVERY_S = 600.0
#: How long a port that cannot be had is waited for, in seconds.
AGAIN_S = 10.0
#: How much is kept of answers that a client does not take, here and once more in the kernel.
SEND_BYTES = 16_384
#: The name of the condition people are told of.
CONDITION = "modbus server"


@dataclass(eq=False, slots=True)
class Connection:
    """One client."""

    writer: asyncio.StreamWriter
    client: str
    used_s: float = field(default_factory=time.monotonic)
    request_count: int = 0
    allowance: float = field(default_factory=lambda: float(BURST))

    async def pace(self) -> None:
        """Spend one request of the rate; waits when it is used up."""
        now_s = time.monotonic()
        self.allowance = min(BURST, self.allowance + (now_s - self.used_s) * RATE_PER_S) - 1
        self.used_s = now_s
        if self.allowance < 0:
            await asyncio.sleep(-self.allowance / RATE_PER_S)


class Server:
    """Listens for ever."""

    def __init__(self, config: ModbusServerConfig, context: Context, device: Device) -> None:
        self._config, self._context, self._device = config, context, device
        self._allow = [ip_network(network) for network in config.allow]
        self._units = {config.unit, 0, 255}
        self._connections: set[Connection] = set()
        self._told_s: dict[str, float] = {}
        self.problem = ""
        self._listening: asyncio.Server | None = None
        self._closed = asyncio.Event()

    @property
    def is_listening(self) -> bool:
        """Whether clients can come."""
        return self._listening is not None

    @property
    def connection_count(self) -> int:
        """Clients connected now."""
        return len(self._connections)

    async def run(self) -> None:
        """Listen until ``close``; wait for the port if somebody else has it."""
        while not self._closed.is_set():
            try:
                server = await self._listen()
            except OSError as error:
                # What asyncio says repeats the address; a name that does not resolve has a text of its own.
                is_plain = error.errno is not None and error.errno in errno.errorcode
                reason = os.strerror(error.errno or 0) if is_plain else str(error.strerror or error)
                self.problem = f"cannot listen on {self._config.listen}: {reason}"
                self._context.condition(CONDITION, self.problem)
                await asyncio.sleep(AGAIN_S)
                continue
            self.problem, self._listening = "", server
            self._context.condition(CONDITION, "")
            try:
                await server.serve_forever()
            except asyncio.CancelledError:
                # A server that is closed ends its own wait like this; whoever stops this task is to see it.
                if not self._closed.is_set() or (task := asyncio.current_task()) is None or task.cancelling():
                    raise
            finally:
                self._let_go()

    def close(self) -> None:
        """Listen no more, and let go of all clients."""
        self._closed.set()
        self._let_go()

    def _let_go(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for connection in tuple(self._connections):
            connection.writer.transport.abort()

    async def _listen(self) -> asyncio.Server:
        host, port = self._config.place
        return await asyncio.start_server(self._serve, host, port, limit=2 * MAX_LENGTH)

    async def _serve(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its begin to its end."""
        peer = writer.get_extra_info("peername")
        connection = Connection(writer, str(peer[0]) if peer else "")
        try:
            if self._lets_in(connection):
                self._connections.add(connection)
                await self._talk(_reader, connection)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # it went away, or said nothing for too long
        except Exception:
            # A supervision border: a client must not be able to end more than its own connection.
            self._context.log.exception("a Modbus connection from %s failed", connection.client)
        finally:
            self._connections.discard(connection)
            writer.transport.abort()

    # -- who may come in ---------------------------------------------------------------------------------------------

    def _lets_in(self, connection: Connection) -> bool:
        try:
            address = _plain(connection.client)
        except ValueError:
            return False
        if not any(address in network for network in self._allow if network.version == address.version):
            self._tell("stranger", f"a Modbus client from {address} was turned away: it is not in allow")
            return False
        connection.client = str(address)
        _bound(connection.writer)
        if len(self._connections) >= self._config.max_connections:
            # As the guide has it (4.2.2): the one that was unused for longest goes. One that never asked goes first.
            oldest = min(self._connections, key=lambda one: (one.request_count > 0, one.used_s))
            self._tell(
                "full",
                f"more than {self._config.max_connections} Modbus connections: the one from {oldest.client} was closed",
            )
            self._connections.discard(oldest)
            oldest.writer.transport.abort()
        return True

    def _tell(self, kind: str, text: str) -> None:
        now_s = self._context.clock.monotonic_s()
        if now_s - self._told_s.get(kind, float("-inf")) >= TELL_EVERY_S:
            self._told_s[kind] = now_s
            self._context.event(text, severity=Severity.WARNING, kind=f"modbus_{kind}")

    # -- what it says ------------------------------------------------------------------------------------------------

    async def _talk(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        """Answer one request after the other, until there is something that is none."""
        while True:
            async with asyncio.timeout(self._config.idle_s):
                begin = await reader.readexactly(1)
            async with asyncio.timeout(FRAME_S):
                header = begin + await reader.readexactly(HEADER.size - 1)
                transaction, protocol, length, unit = HEADER.unpack(header)
                if protocol != 0 or not 2 <= length <= MAX_LENGTH:
                    return  # no Modbus: where the next request begins nobody knows
                pdu = await reader.readexactly(length - 1)
            await connection.pace()
            reply = await self._reply(unit, pdu, connection.client)
            connection.request_count += 1
            connection.writer.write(frame(transaction, unit, reply))
            async with asyncio.timeout(TAKE_S):
                await connection.writer.drain()

    async def _reply(self, unit: int, pdu: bytes, client: str) -> bytes:
        if unit not in self._units:
            return refusal(pdu[0], Code.GATEWAY_NO_RESPONSE)
        try:
            return await self._device.answer(read_request(pdu), client)
        except ModbusError as error:
            return refusal(pdu[0], error.code)
        except PluginError as error:  # it is being stopped
            self._context.log.info("a Modbus request from %s is not done: %s", client, error)
            return refusal(pdu[0], Code.DEVICE_FAILURE)


def _plain(text: str) -> IPv4Address | IPv6Address:
    """Return an address; one of IPv4 that comes by an IPv6 socket as what it is."""
    address = ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _bound(writer: asyncio.StreamWriter) -> None:
    """Let the kernel find out that a client is gone, and keep few answers for one that takes none."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    writer.transport.set_write_buffer_limits(high=SEND_BYTES)
