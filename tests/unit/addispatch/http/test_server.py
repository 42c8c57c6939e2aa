from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat

import pytest
from fastapi import FastAPI

from addispatch.domain.errors import ConfigError
from addispatch.http import server
from addispatch.http.server import HttpServer
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
    again = HttpServer(app(), running.unix_path, ("127.0.0.1", port))
    await again.start()
    await again.stop()


async def test_what_a_killed_daemon_left_is_replaced(tmp_path):
    path = tmp_path / "addispatch.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    fresh = HttpServer(app(), path, None)
    await fresh.start()
    assert fresh.tcp_port is None
    await fresh.stop()


async def test_a_second_daemon_on_the_same_data_is_refused(running):
    second = HttpServer(app(), running.unix_path, None)
    with pytest.raises(ConfigError, match="another addispatch is running"):
        await second.start()
    await second.stop()
    assert running.unix_path.exists()


async def test_a_port_in_use_is_a_clear_error_and_leaves_nothing(running, tmp_path):
    path = tmp_path / "second.sock"
    with pytest.raises(ConfigError, match=r"http.listen: cannot listen on 127.0.0.1:\d+: Address already in use"):
        await HttpServer(app(), path, ("127.0.0.1", running.port)).start()
    assert not path.exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_impossible_address_is_a_clear_error(host):
    with pytest.raises(ConfigError, match=f"cannot listen on {host}"):
        server.bind_tcp(host, 0)


def test_a_socket_path_that_cannot_be_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match="too long for a unix socket"):
        server.bind_unix(tmp_path / ("x" * 120))
    with pytest.raises(ConfigError, match="No such file"):
        server.bind_unix(tmp_path / "no" / "a.sock")
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(ConfigError, match="it is no socket"):
        server.bind_unix(file)
    assert file.read_text() == "precious"


async def test_the_daemon_keeps_its_own_signal_handlers(running):
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_binding_leaves_the_umask_alone(tmp_path):
    before = os.umask(0o022)
    try:
        server.bind_unix(tmp_path / "a.sock").close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


async def test_a_silent_connection_is_closed(running, monkeypatch):
    monkeypatch.setattr(server, "FIRST_REQUEST_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(b"GET /healthz HTT")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_connections_are_bounded_but_the_command_line_gets_in(running, local, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    late_reader, late_writer = await asyncio.open_connection("127.0.0.1", running.port)
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            assert await late_reader.read() == b""
    assert (await local.get("/healthz")).status_code == 200
    writer.close()
    late_writer.close()


async def test_garbage_is_answered_and_survived(running, local):
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(b"\x16\x03\x01\x02\x00 this is TLS, not HTTP\r\n\r\n")
    async with asyncio.timeout(5):
        assert b"400" in await reader.read()
    writer.close()
    assert (await local.get("/healthz")).status_code == 200
