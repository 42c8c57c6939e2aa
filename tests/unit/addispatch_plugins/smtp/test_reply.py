"""Replies: what comes in pieces is put together, and the usual answers mean what the slow way reads in them."""

from __future__ import annotations

import pytest

from addispatch_plugins.smtp.reply import MAX_REPLY_BYTES, MAX_TEXT_CHARS, Replies, Reply

ENVELOPE = b"250 ok\r\n250 2.1.5 ok\r\n354 go\r\n"


def codes(*pieces):
    replies = Replies()
    return [reply.code for piece in pieces for reply in replies.feed(piece)]


@pytest.mark.parametrize(
    "usual", [b"250 taken\r\n", ENVELOPE, b"250 taken\n" + ENVELOPE, b"250 \r\n", b"250 ok\r\n250 ok\r\n"]
)
def test_the_usual_answers_mean_the_same_at_once_and_in_pieces(usual):
    for at in range(1, len(usual)):
        assert codes(usual[:at], usual[at:]) == codes(usual)
    assert codes(usual) == [int(line[:3]) for line in usual.splitlines()]


def test_what_follows_a_piece_is_put_behind_it():
    replies = Replies()
    assert replies.feed(b"250-first\r\n") == ()
    assert replies.feed(b"250 second\r\n") == (Reply(250, b"250-first\r\n250 second\r"),)
    assert codes(b"250-first\r\n", b"250 ok\r\n") == [250]
    assert codes(b"25", b"0 ok\r\n250 ok\r\n") == [250, 250]
    assert codes(b"550-first\r\n", b"550 ok\r\n") == [550]


@pytest.mark.parametrize(
    "unusual",
    [b"251 forwarded\r\n", b"250-ok\r\n250 ok\r\n", b"550 no\r\n", b"250 ok\r\n550 no\r\n354 go\r\n", b"250\r\n"],
)
def test_other_answers(unusual):
    last_of_each = [line for line in unusual.splitlines() if line[3:4] != b"-"]
    assert codes(unusual) == [int(line[:3]) for line in last_of_each]


@pytest.mark.parametrize("nonsense", [b"hello\r\n", b"\r\n", b"2\r\n", b"99 \r\n", b"x" * (MAX_REPLY_BYTES + 1)])
def test_nonsense(nonsense):
    replies = Replies()
    assert [reply.code for reply in replies.feed(b"250 ok\r\n" + nonsense)] == [250]
    assert replies.nonsense
    assert replies.feed(b"220 ok\r\n") == ()


def test_for_people():
    reply = Reply(550, b"550-no such\r\n550 user\x1b\r")
    assert str(reply) == "550 no such user"
    assert len(str(Reply(550, b"550 " + b"x" * 1000))) == len("550 ") + MAX_TEXT_CHARS
