"""Connections: to somebody, to nobody, and to those who do not speak TLS."""

import asyncio
import errno
import socket
import ssl

import pytest

from addispatch_plugins.net.connect import ConnectFailed, connected, explain
from addispatch_plugins.net.names import Address, NameFailed, Names


async def greets(_peer, reader, writer):
    writer.write(b"hello")
    await reader.read()


async def test_it_connects_and_hangs_up_without_waiting(peer):
    there = await peer(greets)
    async with connected(Names(), "127.0.0.1", there.port) as (reader, writer):
        assert await reader.readexactly(5) == b"hello"
    assert writer.transport.is_closing()


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


async def test_nobody_listens():
    with pytest.raises(ConnectFailed, match=r"^connection refused$"):
        async with connected(Names(), "127.0.0.1", unused_port()):
            pass


async def test_the_next_address_is_tried(peer, monkeypatch):
    there, names = await peer(greets), Names()

    async def two(_host):
        return (Address(socket.AF_INET, "127.0.0.2"), Address(socket.AF_INET, "127.0.0.1"))

    monkeypatch.setattr(names, "addresses", two)
    async with connected(names, "two", there.port) as (reader, _writer):
        assert await reader.readexactly(5) == b"hello"


async def test_a_name_that_is_not_known():
    with pytest.raises(NameFailed):
        async with connected(Names(), "no-such-host.invalid", 1):
            pass


async def test_who_does_not_speak_tls(peer):
    there = await peer(greets)
    with pytest.raises(ConnectFailed, match=r"^no TLS: "):
        async with connected(Names(), "127.0.0.1", there.port, ssl.create_default_context()):
            pass


def test_what_goes_wrong_is_a_line():
    assert explain(ConnectionResetError(errno.ECONNRESET, "x")) == "connection reset by peer"
    assert explain(ConnectionResetError()) == "the other side hung up"
    assert explain(asyncio.IncompleteReadError(b"", 1)) == "the other side hung up"
    assert explain(ssl.SSLError()) == "no TLS: the other side does not speak it"
    assert explain(ValueError("x")) == "no connection: ValueError"
