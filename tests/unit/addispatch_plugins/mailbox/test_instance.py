"""MailboxPlugin with a real dovecot: mails are handed over, and deleted only when the core has stored them."""

from __future__ import annotations

import asyncio
import base64

import pytest
from dovecot import Dovecot
from mails import EXPECTED, TOKEN, raw_mail

from addispatch.sdk import ConfigError, Severity, StoreError
from addispatch.sdk.testing import Intake
from addispatch_plugins.mailbox import plugin, poller
from addispatch_plugins.mailbox.config import MailboxConfig

pytestmark = pytest.mark.debian
BOTH = pytest.mark.parametrize("kind", ["pop3", "imap"])


@BOTH
async def test_a_mail_is_handed_over_and_deleted(kind, server, context, start, until):
    server.deliver(raw_mail("gmail_web"))
    await start(kind)
    message = await context.messages.wait_for()
    assert (message.channel, message.sender, message.text) == ("email", "adam@example.com", "A123 on my way")
    assert message.tokens == (TOKEN,)
    assert message.automatic == ""
    assert message.subject == "Re: [HIGH] Pump 3"
    assert message.by == "acks@example.com"
    assert len(message.reference) == 32
    await until(lambda: not server.mails)
    assert context.events == []


@BOTH
async def test_the_whole_corpus_goes_through(kind, server, context, start, until):
    for name in EXPECTED:
        server.deliver(raw_mail(name))
    instance = await start(kind)
    await until(lambda: not server.mails, timeout_s=60)
    assert len(context.messages) == len(EXPECTED)
    assert len({message.reference for message in context.messages}) == len(EXPECTED)
    wanted = sorted(outcome["text"] for outcome in EXPECTED.values() if "text" in outcome)
    assert sorted(message.text for message in context.messages if not message.automatic) == wanted
    assert f"{len(EXPECTED)} mails taken" in instance.status_line()


@BOTH
async def test_nothing_is_deleted_before_it_is_durable(kind, server, context, start, until, monkeypatch):
    monkeypatch.setattr(poller, "COMMIT_WAIT_S", 0.2)
    context.intake = Intake.HOLD
    server.deliver(raw_mail("mutt"))
    instance = await start(kind)
    await context.messages.wait_for()
    looked_at = instance.status_line()
    # Two more looks: it is neither deleted nor handed over again.
    await until(lambda: instance.status_line() != looked_at)
    looked_at = instance.status_line()
    await until(lambda: instance.status_line() != looked_at)
    assert len(server.mails) == 1
    assert len(context.messages) == 1
    context.release()
    await until(lambda: not server.mails)
    assert len(context.messages) == 1


@BOTH
async def test_what_the_core_cannot_store_stays_and_comes_again(kind, server, context, start, until):
    context.intake = Intake.FAIL
    server.deliver(raw_mail("mutt"))
    await start(kind)
    first = await context.messages.wait_for()
    again = await context.messages.wait_for()
    assert len(server.mails) == 1
    context.intake = Intake.ACCEPT
    await until(lambda: not server.mails)
    assert again.reference == first.reference


async def test_a_commit_that_fails_late_leaves_the_mail(server, context, start, until):
    context.intake = Intake.HOLD
    server.deliver(raw_mail("mutt"))
    await start()
    await context.messages.wait_for()
    context.release(StoreError("disk full"))
    await context.messages.wait_for()
    assert len(server.mails) == 1
    context.intake = Intake.ACCEPT
    context.release()
    await until(lambda: not server.mails)


@BOTH
async def test_the_reference_is_the_same_after_a_restart(kind, server, context, start, until):
    context.intake = Intake.FAIL
    server.deliver(raw_mail("mutt"))
    instance = await start(kind)
    first = await context.messages.wait_for()
    await instance.stop()
    context.intake = Intake.ACCEPT
    await start(kind)
    assert (await context.messages.wait_for()).reference == first.reference
    await until(lambda: not server.mails)


async def test_a_trial_looks_and_takes_nothing(server, context, start, until):
    context.is_trial = True
    server.deliver(raw_mail("mutt"))
    for kind in ("pop3", "imap"):
        instance = await start(kind)
        await context.messages.wait_for()
        await until(lambda instance=instance: "last looked at" in instance.status_line())
        await instance.stop()
    await context.stop()
    assert len(server.mails) == 1
    assert len(context.messages) == 2
    # Not even marked as seen.
    assert not any(path.name.endswith("S") for path in server.mails)


async def test_keep_marks_as_seen(server, context, start, until):
    server.deliver(raw_mail("mutt"))
    await start("imap", keep=True)
    await until(lambda: any(path.name.endswith(":2,S") for path in server.mails))
    server.deliver(raw_mail("roundcube"))
    await until(lambda: len(context.messages) == 2)


async def test_move_to_makes_the_folder_and_moves(server, context, start, until):
    server.deliver(raw_mail("mutt"))
    await start("imap", move_to="Done/Ämter")
    await until(lambda: not server.mails)
    assert len([path for path in server.maildir.glob(".Done*/*/*") if path.parent.name in {"cur", "new"}]) == 1
    assert len(context.messages) == 1


@BOTH
async def test_an_outage_is_told_once_and_its_end_too(kind, server, context, start, until, monkeypatch):
    monkeypatch.setattr("addispatch_plugins.mailbox.outage.FIRST_PAUSE_S", 0.2)
    instance = await start(kind, grace_s=1)
    await until(lambda: "last looked at" in instance.status_line())
    server.kill()
    event = await context.wait_for_event("not available.")
    name = kind.upper()
    wanted = f"Escalation Ack {name} server 127.0.0.1 not available. Error:127.0.0.1:{server.ports[kind]}: "
    assert event.text.startswith(wanted)
    assert event.severity is Severity.WARNING
    assert context.conditions["mailbox 127.0.0.1"].startswith(wanted)
    assert instance.status_line().startswith("not available for")
    server.start()
    server.deliver(raw_mail("mutt"))
    over = await context.wait_for_event("available again", timeout_s=15)
    assert over.severity is Severity.INFO
    await until(lambda: not server.mails)
    assert context.conditions["mailbox 127.0.0.1"] == ""
    assert len(context.events) == 2


@BOTH
async def test_a_refused_login_is_told_apart(kind, context, start):
    instance = await start(kind, password="wrong-secret")
    event = await context.wait_for_event("login refused", timeout_s=15)
    assert event.data["login_refused"] is True
    assert "wrong-secret" not in event.text + instance.status_line()


async def test_tls(folder, certificate, context, until):
    with Dovecot(folder, certificate=certificate) as server:
        ways = [("pop3", "tls"), ("imap", "tls"), ("pop3", "starttls"), ("imap", "starttls")]
        for number, (kind, security) in enumerate(ways, 1):
            server.deliver(raw_mail("mutt"))
            port = server.ports[f"{kind}s" if security == "tls" else kind]
            table = {"kind": kind, "host": "127.0.0.1", "port": port, "security": security, "ca_file": certificate[0]}
            config = MailboxConfig(**table, user=server.user, password=server.password, poll_s=1)
            instance = plugin.create(config, context)
            await instance.self_check()
            await instance.start()
            await until(lambda number=number: len(context.messages) == number)
            await until(lambda: not server.mails)
            await instance.stop()
        config = MailboxConfig(**{**table, "ca_file": None}, user=server.user, password=server.password)
        instance = plugin.create(config, context)
        await instance.start()
        assert "certificate not trusted" in (await context.wait_for_event("not available")).text
        await instance.stop()


async def test_a_file_without_certificates_is_a_mistake(tmp_path, context):
    (tmp_path / "ca.pem").write_text("none")
    table = {"kind": "imap", "host": "127.0.0.1", "user": "a", "password": "b", "ca_file": tmp_path / "ca.pem"}
    with pytest.raises(ConfigError, match=r"ca_file: .*holds no usable certificates"):
        await plugin.create(MailboxConfig(**table), context).self_check()


async def test_an_unprotected_password_is_told(context, tmp_path):
    table = {"kind": "pop3", "host": "mail.invalid", "security": "none", "user": "a", "password": "b"}
    instance = plugin.create(MailboxConfig(**table), context)
    await instance.start()
    assert (await context.wait_for_event("unencrypted")).severity is Severity.WARNING
    await instance.stop()


def photo(size, text=b"A123 on my way"):
    body = base64.encodebytes(bytes(size // 4 * 3))
    head = raw_mail("mutt").partition(b"Content-Type")[0]
    return (
        head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n' + text
        + b"\r\n--b\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + b"\r\n--b--\r\n"
    )  # fmt: skip


@BOTH
async def test_of_a_large_mail_only_the_beginning_is_fetched(kind, server, context, start, until):
    server.deliver(photo(10_000_000))
    server.deliver(photo(10_000_000, text=b"A123 " + b"word " * 100_000))
    await start(kind)
    await until(lambda: not server.mails, timeout_s=30)
    whole, cut = sorted(context.messages, key=lambda message: message.automatic)
    assert (whole.text, whole.automatic) == ("A123 on my way", "")
    assert cut.automatic == "too large to be read whole"
    assert cut.tokens == (TOKEN,)


@BOTH
async def test_the_loop_goes_on_while_mails_are_read(kind, server, context, start, until):
    parts = b"".join(b"--b\r\nContent-Type: application/x-%d\r\n\r\nx\r\n" % number for number in range(1000))
    head = raw_mail("mutt").partition(b"Content-Type")[0]
    server.deliver(head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + parts + b"--b--\r\n")
    server.deliver(photo(900_000))
    longest_s = 0.0

    async def watch():
        nonlocal longest_s
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await asyncio.sleep(0.005)
            longest_s = max(longest_s, loop.time() - began_s)

    context.supervise("watch", watch)
    await start(kind)
    await until(lambda: not server.mails)
    assert len(context.messages) == 2
    assert longest_s < 0.5
