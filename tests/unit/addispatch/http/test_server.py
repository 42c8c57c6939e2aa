from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import stat

import httpx
import pytest
from fastapi import FastAPI

from addispatch.domain.errors import StoreError
from addispatch.http import server
from addispatch.http.server import HttpServer, Port
from addispatch.http.stream import Streams


def app() -> FastAPI:
    application = FastAPI()
    application.state.streams = Streams()
    return application


def test_the_socket_is_for_its_owner_only(running):
    assert stat.S_IMODE(running.unix_path.stat().st_mode) == 0o600


async def test_stop_removes_the_socket_and_a_new_server_can_start(running, tmp_path):
    port = running.port
    await running.server.stop()
    assert not running.unix_path.exists()
    again = HttpServer(app(), running.unix_path, ("127.0.0.1", port), pytest.fail)
    await again.start()
    async with asyncio.timeout(1.5):  # at once: its tasks have hardly begun
        await again.stop()


async def test_what_a_killed_daemon_left_is_replaced(tmp_path):
    path = tmp_path / "addispatch.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    fresh = HttpServer(app(), path, None, pytest.fail)
    await fresh.start()
    assert fresh.tcp_port is None
    await fresh.stop()


async def test_a_second_daemon_on_the_same_data_is_refused(running):
    second = HttpServer(app(), running.unix_path, None, pytest.fail)
    with pytest.raises(StoreError, match="another addispatch is running"):
        await second.start()
    await second.stop()
    assert running.unix_path.exists()


async def test_a_port_in_use_is_told_and_taken_when_it_is_free(monkeypatch, tmp_path):
    monkeypatch.setattr(server, "BIND_AGAIN_S", 0.01)
    told: asyncio.Queue[str] = asyncio.Queue()
    other = socket.create_server(("127.0.0.1", 0))
    host, port = other.getsockname()
    late = HttpServer(app(), tmp_path / "a.sock", (host, port), told.put_nowait)
    await late.start()
    assert told.get_nowait().startswith(f"http.listen: cannot listen on {host}:{port}: Address already in use")
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(tmp_path / "a.sock"))) as local:
        assert (await local.get("http://local/")).status_code == 404, "the unix socket is served meanwhile"
    other.close()
    async with asyncio.timeout(20), httpx.AsyncClient() as remote:
        assert await told.get() == ""
        assert (await remote.get(f"http://{host}:{port}/")).status_code == 404
    await late.stop()


async def test_another_port_has_another_app_and_its_problem_is_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(server, "BIND_AGAIN_S", 0.01)
    told: asyncio.Queue[str] = asyncio.Queue()
    other = socket.create_server(("127.0.0.1", 0))
    host, port = other.getsockname()
    links = Port(FastAPI(title="links"), (host, port), told.put_nowait, "http.ack_listen")
    both = HttpServer(app(), tmp_path / "a.sock", ("127.0.0.1", 0), pytest.fail, links)
    await both.start()
    assert told.get_nowait().startswith(f"http.ack_listen: cannot listen on {host}:{port}: Address already in use")
    assert links.bound is None
    other.close()
    async with asyncio.timeout(20), httpx.AsyncClient() as remote:
        assert await told.get() == ""
        titles = [
            (await remote.get(f"http://127.0.0.1:{number}/openapi.json")).json()["info"]["title"]
            for number in (both.tcp_port, links.bound)
        ]
    assert titles == ["FastAPI", "links"]
    await both.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, port)


async def test_each_port_has_its_own_most_connections(running, monkeypatch, tmp_path):
    """Whoever floods the port for links keeps nobody from the API."""
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    links = Port(FastAPI(), ("127.0.0.1", 0), pytest.fail, "http.ack_listen")
    both = HttpServer(app(), tmp_path / "a.sock", ("127.0.0.1", 0), pytest.fail, links)
    await both.start()
    first = await Idle.open(both.tcp_port)
    many = [await Idle.open(links.bound) for _ in range(3)]
    await many[0].ends()
    await many[1].ends()
    first.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"404" in await first.reader.readuntil(b"\r\n\r\n")
    for one in (first, *many):
        one.writer.close()
    await both.stop()


async def test_stop_does_not_wait_for_a_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        late = HttpServer(app(), tmp_path / "a.sock", other.getsockname(), lambda _problem: None)
        await late.start()
        async with asyncio.timeout(1.5):
            await late.stop()
    assert not (tmp_path / "a.sock").exists()


async def test_the_daemon_keeps_its_own_signal_handlers(running):
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_a_silent_connection_is_closed(running, monkeypatch):
    monkeypatch.setattr(server, "FIRST_REQUEST_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(b"GET /healthz HTT")
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()


class Idle:
    """A connection that is just open."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port, *, asks=b""):
        idle = cls(*await asyncio.open_connection("127.0.0.1", port))
        if asks:
            idle.writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer looking-only\r\n\r\n" % asks)
            assert b"200" in await idle.reader.readuntil(b"\r\n\r\n")
        return idle

    async def ends(self):
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionResetError):
                await self.reader.read()


async def test_the_oldest_connection_without_a_request_makes_room(running, remote, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    asked = await Idle.open(running.port, asks=b"/healthz")
    silent = [await Idle.open(running.port) for _ in range(2)]
    assert (await remote.get("/healthz")).status_code == 200
    await silent[0].ends()
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    late = await Idle.open(running.port)
    await silent[1].ends()
    assert not asked.reader.at_eof(), "silent ones go first"
    latest = await Idle.open(running.port)
    await late.ends()
    last = await Idle.open(running.port, asks=b"/healthz")
    await latest.ends()
    for one in (asked, *silent, late, latest, last):
        one.writer.close()


async def test_with_none_silent_the_oldest_between_two_requests_makes_room(running, remote, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    asked = await Idle.open(running.port, asks=b"/healthz")
    assert (await remote.get("/healthz")).status_code == 200
    await asked.ends()
    asked.writer.close()


async def test_connections_at_work_are_left_alone_and_the_command_line_gets_in(running, local, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    busy = await Idle.open(running.port, asks=b"/api/v1/events/stream")
    late = await Idle.open(running.port)
    await late.ends()
    assert (await local.get("/healthz")).status_code == 200
    running.operations.add_event("still there")
    async with asyncio.timeout(20):
        await busy.reader.readuntil(b"still there")
    for one in (busy, late):
        one.writer.close()


async def test_garbage_is_answered_and_survived(running, local):
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(b"\x16\x03\x01\x02\x00 this is TLS, not HTTP\r\n\r\n")
    async with asyncio.timeout(20):
        assert b"400" in await reader.read()
    writer.close()
    assert (await local.get("/healthz")).status_code == 200
