"""ImapSession with a real dovecot."""

from __future__ import annotations

import asyncio

import pytest
from mails import raw_mail
from scripted import Scripted

from addispatch_plugins.mailbox.config import MailboxConfig
from addispatch_plugins.mailbox.imap import ImapSession
from addispatch_plugins.mailbox.session import MailboxTrouble, Unfetchable


@pytest.fixture
def session(config):
    def session(*, is_trial=False, **changes):
        return ImapSession(config("imap", **changes), None, lambda: "s3cret pass", is_trial=is_trial)

    return session


def opened(session):
    session.open()
    return session.list()


@pytest.mark.debian
def test_a_mail_comes_as_it_is_and_stays_unseen(server, session):
    server.deliver(raw_mail("mutt"))
    one = session()
    [name] = opened(one)
    fetched = one.fetch(name)
    assert fetched.content == raw_mail("mutt")
    assert fetched.is_whole
    one.close()
    two = session(keep=True)
    assert opened(two) == [name]
    two.close()


@pytest.mark.debian
def test_of_a_large_mail_comes_the_beginning(server, session):
    server.deliver(raw_mail("mutt") + b"x" * 3_000_000)
    one = session()
    [name] = opened(one)
    fetched = one.fetch(name)
    assert not fetched.is_whole
    assert len(fetched.content) == 262_144
    one.close()


@pytest.mark.debian
def test_remove_deletes_those_alone(server, session):
    for name in ("mutt", "roundcube", "proton"):
        server.deliver(raw_mail(name))
    one = session()
    names = opened(one)
    assert [int(name.partition(".")[2]) for name in names] == [1, 2, 3]
    one.remove(names[:2])
    two = session()
    assert opened(two) == names[2:]
    two.close()


@pytest.mark.debian
def test_a_mail_that_is_gone_is_unfetchable(server, session):
    server.deliver(raw_mail("mutt"))
    one = session()
    [name] = opened(one)
    with pytest.raises(Unfetchable, match="without the mail"):
        one.fetch(f"{name}7")
    one.close()


@pytest.mark.debian
def test_a_trial_changes_nothing(server, session):
    server.deliver(raw_mail("mutt"))
    one = session(is_trial=True, move_to="Done")
    [name] = opened(one)
    assert one.fetch(name).is_whole
    one.close()
    assert not list(server.maildir.glob(".Done"))
    # It is still new to whoever opens the folder next.
    assert [path.parent.name for path in server.mails] == ["new"]


@pytest.mark.debian
def test_a_missing_folder_is_told(server, session):
    with pytest.raises(MailboxTrouble, match=r"choosing the folder Nowhere: .*doesn't exist"):
        session(folder="Nowhere").open()


@pytest.mark.debian
def test_a_refused_login(server, config):
    one = ImapSession(config("imap"), None, lambda: "wrong", is_trial=False)
    with pytest.raises(MailboxTrouble, match=r"login refused: .*Authentication failed") as error:
        one.open()
    assert error.value.is_login


@pytest.mark.debian
def test_a_password_that_is_not_ascii(server, config):
    one = ImapSession(config("imap"), None, lambda: "gehéim", is_trial=False)
    with pytest.raises(MailboxTrouble, match="login refused"):
        one.open()


async def test_a_server_that_goes_during_the_login_refused_nothing():
    async def script(reader, writer):
        writer.write(b"* OK ready\r\n")
        tag = (await reader.readline()).split()[0]
        writer.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
        await reader.readline()

    async with Scripted(script) as server:
        table = {
            "kind": "imap",
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "user": "a",
            "password": "b",
        }
        session = ImapSession(MailboxConfig(**table, timeout_s=2), None, lambda: "s3cret", is_trial=False)
        with pytest.raises(MailboxTrouble, match="login: ") as error:
            await asyncio.to_thread(session.open)
    assert not error.value.is_login
