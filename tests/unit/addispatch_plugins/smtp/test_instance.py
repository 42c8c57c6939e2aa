"""The smtp plugin's life."""

from __future__ import annotations

import pytest

from addispatch.sdk import ConfigError, Sent
from addispatch.sdk.testing import make_delivery
from addispatch.simulator.mailsink import MailSink


async def test_status_shows_the_banner(start, sink, table, context):
    instance = await start(primary=table(sink))
    assert instance.status_line() == f"primary 127.0.0.1:{sink.port}"
    await instance.channels[0].send(make_delivery("email", "adam@example.com"))
    assert instance.status_line() == f"primary 127.0.0.1:{sink.port} 220 mailsink.localdomain addispatch mail sink"


async def test_a_useless_ca_file_is_a_configuration_error(start, sink, table, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"^primary.ca_file: "):
        await start(primary=table(sink, security="tls", ca_file=str(tmp_path / "ca.pem")))


async def test_an_absent_server_is_no_reason_to_be_off(start, sink, table, context):
    await sink.stop()
    instance = await start(primary=table(sink))
    await context.wait_for_event("mail server primary in trouble")
    assert "connecting" in instance.status_line()
    await sink.start()
    await context.wait_for_event("works again")


async def test_a_password_in_clear_over_the_network_is_warned_of(start, table, context):
    async with MailSink(users={"plant": "secret"}) as sink:
        await start(primary=table(sink, user="plant", password="secret"))
        assert context.events == []
        await start(primary=table(sink, host="mail.invalid", user="plant", password="secret"))
        assert (await context.wait_for_event("unencrypted")).severity == "warning"


@pytest.mark.parametrize("starttls", [True, False])
async def test_mails_go_over_tls_with_login(start, table, server_tls, certificate, starttls):
    async with MailSink(tls=server_tls, starttls=starttls, users={"plant": "secret"}) as sink:
        how = {"security": "starttls" if starttls else "tls", "ca_file": str(certificate[0])}
        [channel] = (await start(primary=table(sink, **how, user="plant", password="secret"))).channels
        for _ in range(3):
            assert isinstance(await channel.send(make_delivery("email", "adam@example.com")), Sent)
        assert sink.connection_count <= 4
