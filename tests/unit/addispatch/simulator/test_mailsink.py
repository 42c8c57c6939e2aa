"""MailSink, driven by swaks and smtplib: clients that are not ours."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import subprocess

import pytest

from addispatch.simulator.mailsink import Fault, MailSink, Stage


@pytest.fixture
def certificate(tmp_path):
    """Return (certificate, key) of a server called localhost."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def send(port, *, subject="hello", sender="a@example.com", to="adam@example.com"):
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        client.sendmail(sender, [to], f"Subject: {subject}\r\n\r\nsome text\r\n")


async def swaks(port, *options):
    process = await asyncio.create_subprocess_exec(
        "swaks", "--server", "127.0.0.1", "--port", str(port), "--helo", "client.example.com",
        "--from", "a@example.com", "--to", "adam@example.com",
        *options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_keeps_what_it_gets():
    async with MailSink() as sink:
        await asyncio.to_thread(send, sink.port)
        mail = await sink.expect("hello")
        assert (mail.sender, mail.recipients, mail.subject) == ("a@example.com", ("adam@example.com",), "hello")
        assert mail.text.strip() == "some text"


async def test_expect_waits_and_says_what_came_instead():
    async with MailSink() as sink:
        expected = asyncio.gather(sink.expect("later"), asyncio.to_thread(send, sink.port, subject="later"))
        await expected
        await asyncio.to_thread(send, sink.port, subject="other")
        with pytest.raises(TimeoutError, match=r"to adam@example\.com: other"):
            await sink.expect("missing", timeout_s=0.01)


@pytest.mark.debian
async def test_a_password_is_asked_for_when_there_are_users():
    async with MailSink(users={"adam": "secret"}) as sink:
        login = ("--auth", "PLAIN", "--auth-user", "adam", "--auth-password")
        assert (await swaks(sink.port))[0] != 0
        assert "535" in (await swaks(sink.port, *login, "wrong"))[1]
        code, output = await swaks(sink.port, *login, "secret")
        assert code == 0, output
        assert len(sink.mails) == 1


async def test_starttls_is_required_when_on(tls, certificate):
    def send_with_starttls(port):
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            client.starttls(context=ssl.create_default_context(cafile=certificate[0]))
            client.sendmail("a@example.com", ["adam@example.com"], "Subject: hello\r\n\r\n")

    async with MailSink(tls=tls, starttls=True) as sink:
        with pytest.raises(smtplib.SMTPException, match="STARTTLS"):
            await asyncio.to_thread(send, sink.port)
        await asyncio.to_thread(send_with_starttls, sink.port)
        assert len(sink.mails) == 1
        assert sink.connection_count == 2


async def test_tls_from_the_first_byte(tls, certificate):
    def send_by_tls(port):
        context = ssl.create_default_context(cafile=certificate[0])
        with smtplib.SMTP_SSL("127.0.0.1", port, timeout=5, context=context) as client:
            client.sendmail("a@example.com", ["adam@example.com"], "Subject: hello\r\n\r\n")

    async with MailSink(tls=tls) as sink:
        await asyncio.to_thread(send_by_tls, sink.port)
        await sink.expect("hello")


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA])
async def test_replies_with_a_fault_and_recovers(stage):
    async with MailSink() as sink:
        sink.faults[stage] = "451 4.3.0 later"
        with pytest.raises(smtplib.SMTPException, match="later"):
            await asyncio.to_thread(send, sink.port)
        assert sink.mails == []
        sink.faults.clear()
        await asyncio.to_thread(send, sink.port)
        assert len(sink.mails) == 1


async def test_greets_with_a_fault():
    async with MailSink() as sink:
        sink.faults[Stage.CONNECT] = "554 go away"
        with pytest.raises(smtplib.SMTPConnectError, match="go away"):
            await asyncio.to_thread(send, sink.port)


async def test_drops_after_data_but_has_the_mail():
    async with MailSink() as sink:
        sink.faults[Stage.DATA] = Fault.DROP
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            await asyncio.to_thread(send, sink.port)
        await sink.expect("hello")


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.RCPT, Stage.DATA])
async def test_silence_ends_with_the_sink(stage):
    async with MailSink() as sink:
        sink.faults[stage] = Fault.SILENT
        sending = asyncio.gather(asyncio.to_thread(send, sink.port), return_exceptions=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(sending), 0.2)
        await sink.stop()
        assert isinstance((await sending)[0], (smtplib.SMTPException, OSError))


async def test_listens_on_the_same_port_after_a_restart():
    async with MailSink() as sink:
        port = sink.port
        await sink.stop()
        await sink.start()
        assert sink.port == port
        await asyncio.to_thread(send, port)
        assert sink.connection_count == 1
