"""The smtp plugin's life."""

from __future__ import annotations

import pytest

from addispatch.sdk import ConfigError, Sent
from addispatch.sdk.testing import make_delivery
from addispatch.simulator.mailsink import MailSink
from addispatch_plugins.smtp import plugin
from addispatch_plugins.smtp.config import SmtpConfig


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


async def test_examined_it_shows_the_banner_and_sends_nothing(start, table, server_tls, certificate):
    async with MailSink(tls=server_tls, starttls=True, users={"plant": "secret"}) as sink:
        how = {"security": "starttls", "ca_file": str(certificate[0])}
        instance = await start(primary=table(sink, **how, user="plant", password="secret"))
        (finding,) = await instance.examine()
        assert (finding.subject, finding.problem) == ("smtp 127.0.0.1", "")
        assert finding.detail == "primary: 220 mailsink.localdomain addispatch mail sink, STARTTLS, logged in as plant"
        assert sink.mails == []


async def test_examined_each_server_has_its_precise_error_and_what_to_do(sink, table, context, server_tls, certificate):
    async with MailSink(tls=server_tls, users={"plant": "secret"}) as tls:
        how = {"security": "tls", "ca_file": str(certificate[0]), "user": "plant", "password": "wrong-secret"}
        await sink.stop()
        config = SmtpConfig.model_validate({"primary": table(sink), "secondary": table(tls, **how)})
        instance = plugin.create(config, context)  # not started: before the daemon
        down, refused = await instance.examine()
    assert down.problem == f"primary: 127.0.0.1:{sink.port}: connecting: Connection refused"
    assert down.advice.endswith(f"nc -vz 127.0.0.1 {sink.port}")
    assert "login refused: 535" in refused.problem
    assert "password" in refused.advice
    assert "wrong-secret" not in str(refused)


async def test_examined_other_errors_have_other_advice(sink, table, context, server_tls):
    async with MailSink(tls=server_tls) as tls:
        servers = {"primary": table(sink, security="starttls"), "secondary": table(tls, security="tls")}
        instance = plugin.create(SmtpConfig.model_validate(servers), context)
        plain, untrusted = await instance.examine()
    assert "offers no STARTTLS" in plain.advice
    assert "ca_file" in untrusted.advice
