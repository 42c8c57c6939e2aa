"""One ping against a real server that answers, refuses, sends elsewhere, drips and hangs."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.error
from urllib.parse import urlsplit

import pytest

from addispatch_plugins.deadman.ping import Pinger, PingFailed, explain, origin


def pinger(service, timeout_s=2.0, url=None):
    return Pinger(url or service.url, timeout_s, "addispatch/node-a")


async def test_it_arrives(service):
    assert await pinger(service).ping() == 200
    assert (service.paths, service.agents) == (["/secret-id"], ["addispatch/node-a"])


async def test_a_no_is_a_failure(service):
    service.answer = lambda handler: handler.reply(404)
    with pytest.raises(PingFailed, match=r"^answered 404$"):
        await pinger(service).ping()


async def test_it_follows_within_the_same_place(service):
    def answer(handler):
        handler.reply(200) if handler.path == "/moved" else handler.reply(302, location="/moved")

    service.answer = answer
    assert await pinger(service).ping() == 200
    assert service.paths == ["/secret-id", "/moved"]


async def test_it_is_not_sent_elsewhere(service, other):
    service.answer = lambda handler: handler.reply(307, location=other.url)
    with pytest.raises(PingFailed, match="another place"):
        await pinger(service).ping()
    assert other.paths == []


async def test_it_does_not_go_round_for_ever(service):
    service.answer = lambda handler: handler.reply(302, location=f"/{len(service.paths)}")
    with pytest.raises(PingFailed, match="answered 302"):
        await pinger(service).ping()
    assert len(service.paths) == 4


async def test_a_server_that_drips_cannot_hold_it(service):
    service.answer = lambda handler: handler.drip()
    one, began_s = pinger(service, timeout_s=0.3), time.monotonic()
    with pytest.raises(PingFailed, match=r"^no answer within 0.3 s$"):
        await one.ping()
    assert time.monotonic() - began_s < 2
    with pytest.raises(PingFailed, match="still hangs"):
        await one.ping()
    assert len(service.paths) == 1


async def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(PingFailed, match=r"^Connection refused$"):
        await pinger(None, url=f"http://127.0.0.1:{port}/secret-id").ping()


async def test_what_is_no_http():
    async def rubbish(_reader, writer):
        writer.write(b"220 ready\r\n")
        writer.close()

    server = await asyncio.start_server(rubbish, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PingFailed) as error:
            await pinger(None, url=f"http://127.0.0.1:{port}/secret-id").ping()
    assert "secret" not in str(error.value)


def test_no_error_shows_the_address():
    error = urllib.error.HTTPError("https://h/secret-id", 500, "secret-id", None, None)
    assert explain(error) == "answered 500"
    assert explain(ValueError("https://h/secret-id")) == "ValueError"


def test_an_origin_has_scheme_host_and_port():
    assert origin(urlsplit("https://H.example/x")) == origin(urlsplit("https://h.example:443/y"))
    assert origin(urlsplit("http://h.example/")) != origin(urlsplit("https://h.example/"))
