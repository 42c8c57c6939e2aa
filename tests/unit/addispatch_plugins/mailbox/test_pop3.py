"""Pop3Session with a real dovecot, and with servers that say what dovecot never would."""

from __future__ import annotations

import asyncio

import pytest
from mails import raw_mail
from scripted import Scripted, pop3

from addispatch_plugins.mailbox.config import MailboxConfig
from addispatch_plugins.mailbox.pop3 import Pop3Session
from addispatch_plugins.mailbox.session import MailboxTrouble, Unfetchable


@pytest.fixture
def session(config):
    return lambda **changes: Pop3Session(config("pop3", **changes), None, lambda: "s3cret pass")


@pytest.mark.debian
def test_a_mail_comes_as_it_is(server, session):
    raw = b"From: a@example.com\r\n\r\n.\r\n..dots\r\n" + b"long " * 20_000 + b"\r\nend\r\n"
    server.deliver(raw)
    opened = session()
    opened.open()
    [name] = opened.list()
    fetched = opened.fetch(name)
    assert fetched.content == raw
    assert fetched.is_whole
    opened.close()
    assert len(server.mails) == 1


@pytest.mark.debian
def test_names_last_and_removing_is_lasting(server, session):
    for name in ("mutt", "roundcube", "proton"):
        server.deliver(raw_mail(name))
    first = session()
    first.open()
    names = first.list()
    first.close()
    second = session()
    second.open()
    assert second.list() == names
    second.remove([names[1], "gone by another hand"])
    third = session()
    third.open()
    assert third.list() == [names[0], names[2]]
    third.close()


@pytest.mark.debian
def test_a_large_mail_comes_in_part(server, session):
    server.deliver(raw_mail("mutt") + b"line of text\r\n" * 50_000)
    server.deliver(raw_mail("mutt") + b"x" * 3_000_000)
    server.deliver(raw_mail("roundcube"))
    opened = session(max_size=100_000)
    opened.open()
    lines, one_line, small = opened.list()
    fetched = opened.fetch(lines)
    assert not fetched.is_whole
    assert fetched.content.startswith(raw_mail("mutt"))
    assert len(fetched.content) < 300_000
    fetched = opened.fetch(one_line)
    assert not fetched.is_whole
    assert len(fetched.content) < 400_000
    # The connection was left in the middle of that; what follows works all the same.
    assert opened.fetch(small).is_whole
    opened.remove([lines, one_line])
    again = session()
    again.open()
    assert again.list() == [small]
    again.close()


async def scripted(answers, work, **changes):
    async with Scripted(pop3(answers, [])) as server:
        table = {
            "kind": "pop3",
            "host": "127.0.0.1",
            "port": server.port,
            "security": "none",
            "user": "a",
            "password": "s3cret",
        }
        config = MailboxConfig(**{**table, "timeout_s": 2, **changes})
        session = Pop3Session(config, None, lambda: "s3cret")
        return await asyncio.to_thread(work, session)


def listing(session):
    session.open()
    return session.list()


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"PASS": "-ERR [AUTH] no"}, "login refused: -ERR"),
        ({"": "-ERR busy"}, "connecting: -ERR busy"),
        ({"UIDL": "-ERR unknown"}, r"asking for the list of mails \(UIDL\): -ERR unknown"),
    ],
)
async def test_refusals(answers, problem):
    with pytest.raises(MailboxTrouble, match=problem) as error:
        await scripted(answers, listing)
    assert error.value.is_login == ("login" in problem)


async def test_nonsense_in_lists_is_left_out():
    answers = {
        "UIDL": "+OK\r\n1 one\r\nnonsense\r\n2\r\n3 " + "x" * 500 + "\r\n-4 four\r\n5 five\r\n.",
        "LIST": "+OK\r\n1 100 more\r\nx y\r\n5\r\n.",
    }
    assert await scripted(answers, listing) == ["one", "five"]


async def test_a_server_that_lies_about_the_size_is_cut_short():
    answers = {"UIDL": "+OK\r\n1 one\r\n.", "LIST": "+OK\r\n1 10\r\n.", "RETR": "+OK\r\n" + "x" * 200_000 + "\r\n."}

    def work(session):
        return session.fetch(listing(session)[0])

    fetched = await scripted(answers, work, max_size=65_536)
    assert not fetched.is_whole
    assert len(fetched.content) <= 65_536 * 2


async def test_a_mail_that_is_refused():
    answers = {"UIDL": "+OK\r\n1 one\r\n.", "LIST": "+OK\r\n1 10\r\n.", "RETR": "-ERR damaged"}
    with pytest.raises(Unfetchable, match="damaged"):
        await scripted(answers, lambda session: session.fetch(listing(session)[0]))


async def test_the_sasl_of_google_and_microsoft():
    said = []
    oauth2 = {"provider": "custom", "client_id": "i", "refresh_token": "r", "token_url": "http://127.0.0.1:1/"}
    async with Scripted(pop3({"AUTH": "+ ", "UIDL": "+OK\r\n."}, said)) as server:
        table = {"kind": "pop3", "host": "127.0.0.1", "port": server.port, "security": "none"}
        session = Pop3Session(MailboxConfig(**table, user="a@e", oauth2=oauth2), None, lambda: "tok")
        await asyncio.to_thread(session.open)
    # base64 of user=a@e ^A auth=Bearer tok ^A ^A
    assert said[:2] == ["AUTH XOAUTH2", "dXNlcj1hQGUBYXV0aD1CZWFyZXIgdG9rAQE="]


def test_it_says_so_when_used_before_it_is_open(tmp_path):
    session = Pop3Session(MailboxConfig(kind="pop3", host="h", user="a", password="b"), None, lambda: "b")
    session.abort()
    session.close()
    with pytest.raises(MailboxTrouble):
        session.list()
