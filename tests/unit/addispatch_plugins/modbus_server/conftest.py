"""A started server on a free port of the loopback, the operations behind it, and a client that sends what it likes."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from pipelines import until

from addispatch.sdk import Refused
from addispatch.sdk.testing import EmptyOperations, RecordingContext
from addispatch_plugins.modbus_server import plugin, watcher


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def case(code="A123", *, priority="high", opened_at="2026-01-01T12:00:00Z"):
    return {"id": f"id of {code}", "code": code, "priority": priority, "opened_at": opened_at}


class Operations(EmptyOperations):
    """A node with two cases, of which one waits; ``problem`` is raised by everything."""

    def __init__(self):
        self.open = [case("B042", priority="critical"), case(None), case("A007")]
        self.acknowledged, self.actors = [], []
        self.problem = None
        self.state = {
            "warnings": [],
            "cases": {"open": 3, "acknowledged": 1, "unacknowledged": 2},
            "queue": {"queued": 5, "sending": 1, "in_doubt": 0},
            "channels": [{"name": "sms", "up": True}, {"name": "email", "up": False}],
            "modems": [{"name": "sim2", "state": "online", "signal": "13(Poor)"}],
            "paused": False,
        }

    async def status(self, actor):
        if self.problem:
            raise self.problem
        return self.state

    async def cases(self, actor, *, state=None, limit=50, cursor=None):
        if self.problem:
            raise self.problem
        return {"cases": self.open[:limit], "next": None}

    async def acknowledge(self, actor, request):
        if self.problem:
            raise self.problem
        known = {one["code"] for one in self.open}
        if not known & set(request["codes"]):
            raise Refused("codes", "there is no such code")
        self.actors.append(actor)
        again = set(request["codes"]) & set(self.acknowledged)
        self.acknowledged += request["codes"]
        result = "already" if again else "acknowledged"
        return {"cases": [{"id": "", "code": code, "result": result} for code in request["codes"]], "answer": ""}


class Client:
    """Sends PDUs or raw bytes."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.number = 0

    async def ask(self, pdu, *, unit=1, timeout_s=3):
        """Send a PDU in hex and return that of the answer in hex."""
        body = bytes.fromhex(pdu)
        self.number += 1
        head = self.number.to_bytes(2, "big") + b"\0\0" + (len(body) + 1).to_bytes(2, "big")
        self.writer.write(head + bytes([unit]) + body)
        return await self.answer(timeout_s=timeout_s, number=self.number, unit=unit)

    async def answer(self, *, timeout_s=3, number=None, unit=1):
        async with asyncio.timeout(timeout_s):
            head = await self.reader.readexactly(7)
            body = await self.reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
        assert head[2:4] == b"\0\0"
        assert head[6] == unit
        assert number is None or int.from_bytes(head[:2], "big") == number
        return body.hex(" ")

    async def is_closed(self, timeout_s=3):
        async with asyncio.timeout(timeout_s):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


class Running:
    """The plugin as it runs."""

    def __init__(self, instance, context, port):
        self.instance, self.context, self.port = instance, context, port
        self.operations = context.operations
        self._writers = []

    async def client(self, *, receive_bytes=None):
        """``receive_bytes``: how much the kernel takes for a client that does not read."""
        sock = socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=sock)
        self._writers.append(writer)
        return Client(reader, writer)

    async def listens(self):
        """Wait until it does, and has looked at the state once."""
        await until(lambda: self.instance._server.is_listening and self.heartbeat)

    @property
    def heartbeat(self):
        return self.instance._device.watcher.picture.inputs[1]

    async def beats(self):
        """Wait for the next look at the state."""
        before = self.heartbeat
        await until(lambda: self.heartbeat != before)

    def leave(self):
        for writer in self._writers:
            writer.transport.abort()


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="modbus_server", operations=Operations()) as context:
        yield context


@pytest.fixture
def serve(context, monkeypatch):
    """``async with serve(unit=7, …) as running``."""
    monkeypatch.setattr(watcher, "EVERY_S", 0.05)

    @contextlib.asynccontextmanager
    async def started(**options):
        port = options.pop("port", None) or free_port()
        config = plugin.config.model_validate({"listen": f"127.0.0.1:{port}"} | options)
        instance = plugin.create(config, context)
        await instance.start()
        running = Running(instance, context, port)
        await running.listens()
        try:
            yield running
        finally:
            running.leave()
            await instance.stop()
            await context.stop()

    return started
