"""Connecting, TLS and login; the precise error when one of them fails."""

from __future__ import annotations

import asyncio
import socket

import pytest

from addispatch.simulator.mailsink import Fault, MailSink, Stage
from addispatch_plugins.smtp import login
from addispatch_plugins.smtp.config import ServerConfig
from addispatch_plugins.smtp.login import ServerTrouble, check_server


@pytest.fixture
def check(table):
    async def check(sink, **changes):
        return await check_server(ServerConfig.model_validate(table(sink, **changes)))

    return check


async def test_shows_the_banner(check, sink):
    assert await check(sink) == "220 mailsink.localdomain addispatch mail sink"


@pytest.mark.parametrize("starttls", [True, False])
async def test_tls_with_login(check, server_tls, certificate, starttls):
    async with MailSink(tls=server_tls, starttls=starttls, users={"plant": "secret"}) as sink:
        how = {"security": "starttls" if starttls else "tls", "ca_file": str(certificate[0])}
        assert (await check(sink, **how, user="plant", password="secret")).startswith("220 ")
        with pytest.raises(ServerTrouble, match=r"127.0.0.1:\d+: login refused: 535 .*invalid"):
            await check(sink, **how, user="plant", password="wrong")


@pytest.mark.parametrize("starttls", [True, False])
async def test_a_certificate_nobody_signed_is_not_trusted(check, server_tls, starttls):
    async with MailSink(tls=server_tls, starttls=starttls) as sink:
        with pytest.raises(ServerTrouble, match="certificate not trusted: self-signed certificate"):
            await check(sink, security="starttls" if starttls else "tls")


async def test_starttls_is_never_skipped(check, sink):
    with pytest.raises(ServerTrouble, match="STARTTLS"):
        await check(sink, security="starttls")


async def test_nobody_listens(check, sink):
    await sink.stop()
    with pytest.raises(ServerTrouble, match=r"^127.0.0.1:\d+: connecting: Connection refused$"):
        await check(sink)


async def test_no_such_host(check, sink):
    with pytest.raises(ServerTrouble, match=r"nowhere\.invalid:\d+: connecting: \w+"):
        await check(sink, host="nowhere.invalid")


async def test_greets_with_a_no(check, sink):
    sink.faults[Stage.CONNECT] = "554 go away"
    with pytest.raises(ServerTrouble, match="greets with 554 go away instead of 220"):
        await check(sink)


async def test_hangs_up_instead_of_a_greeting(check, sink):
    sink.faults[Stage.CONNECT] = Fault.DROP
    with pytest.raises(ServerTrouble, match="connecting"):
        await check(sink)


async def test_never_greets(check, sink, monkeypatch):
    monkeypatch.setattr(login, "CONNECT_TIMEOUT_S", 0.1)
    sink.faults[Stage.CONNECT] = Fault.SILENT
    with pytest.raises(ServerTrouble, match="connecting: no answer within"):
        await check(sink)


async def test_speaks_another_protocol(check, table):
    async def answer(_reader, writer):
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    config = ServerConfig.model_validate({"host": "127.0.0.1", "port": port, "security": "none", "sender": "a@b.c"})
    with pytest.raises(ServerTrouble, match="SSH"):
        await check_server(config)
    server.close()


async def test_a_file_that_holds_no_certificate(check, sink, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ServerTrouble, match=r"ca_file: .*ca.pem holds no usable certificates"):
        await check(sink, security="tls", ca_file=str(tmp_path / "ca.pem"))


def test_own_name_asks_no_dns(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "plant-pc")
    assert login._own_name() == "[127.0.0.1]"
    monkeypatch.setattr(socket, "gethostname", lambda: "pc.plant.example")
    assert login._own_name() == "pc.plant.example"
