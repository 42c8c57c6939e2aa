"""Header: who wrote, and which of our mails it answers, however it was folded and encoded."""

import pytest
from mails import OLDER_TOKEN, TOKEN

from addispatch_plugins.mailbox.headers import MAX_FIELDS, MAX_TOKENS, decode_words, split_header


def header(text):
    return split_header(text.encode("utf-8", "surrogateescape") + b"\r\n\r\nbody")[0]


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        ("Adam@Example.COM", "adam@example.com"),
        ("Adam <adam@example.com>", "adam@example.com"),
        ('"Lim, Adam" <adam@example.com>', "adam@example.com"),
        ('"eve@example.net" <adam@example.com>', "adam@example.com"),
        ('"<eve@example.net>" <adam@example.com>', "adam@example.com"),
        ("adam@example.com (eve@example.net)", "adam@example.com"),
        ("=?utf-8?q?=3Ceve=40example.net=3E?= <adam@example.com>", "adam@example.com"),
        ("adam@example.com, eve@example.net", ""),
        ("<adam@example.com> <eve@example.net>", ""),
        ("adam@example.com)eve@example.net", ""),
        ("Adam", ""),
        ("<>", ""),
        ("", ""),
        ("a b@example.com", ""),
    ],
)
def test_sender(value, sender):
    assert header(f"From: {value}").sender == sender


def test_two_senders_are_none():
    assert header("From: a@example.com\r\nFrom: b@example.com").sender == ""


@pytest.mark.parametrize(
    "fields",
    [
        f"In-Reply-To: <ack.{TOKEN}@example.com>",
        f"In-Reply-To: <ack.{TOKEN}.17.node-a@example.com>",
        f"References: <x@y> <ack.{TOKEN}@example.com>",
        f"References: <x@y>\r\n\t<ack.{TOKEN}@example.com>",
        f"In-Reply-To: <ack.{TOKEN[:30]}\r\n {TOKEN[30:]}@example.com>",
        f"In-Reply-To: ack.{TOKEN}@example.com",
        f"IN-REPLY-TO:<ack.{TOKEN}@example.com>",
        f"In-Reply-To: Message of Monday <ack.{TOKEN}@example.com>",
        f"In-Reply-To: =?utf-8?q?=3Cack=2E{TOKEN[:20].replace('_', '=5F')}?=\r\n =?utf-8?q?{TOKEN[20:].replace('_', '=5F')}=40e=3E?=",
    ],
)
def test_a_token_is_found(fields):
    assert header(fields).tokens == (TOKEN,)


@pytest.mark.parametrize(
    "value", [f"<ack.{TOKEN[:-1]}@e>", f"<ack.{TOKEN}x@e>", f"<pack.{TOKEN}@e>", f"<x.ack.{TOKEN}@e>"]
)
def test_what_is_no_token(value):
    assert header(f"In-Reply-To: {value}").tokens == ()


def test_the_nearest_is_first():
    fields = f"References: <ack.{OLDER_TOKEN}@e> <ack.{TOKEN}@e>\r\nIn-Reply-To: <ack.{TOKEN}@e>"
    assert header(fields).tokens == (TOKEN, OLDER_TOKEN)
    assert header(f"References: <ack.{OLDER_TOKEN}@e> <ack.{TOKEN}@e>").tokens == (TOKEN, OLDER_TOKEN)
    many = " ".join(f"<ack.{number:056}@e>" for number in range(50))
    assert len(header(f"References: {many}").tokens) == MAX_TOKENS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?B?R3LDvMOfZQ==?= =?iso-8859-1?Q?_=FC?=", "Grüße ü"),
        ("=?utf-8*en?q?a?= b", "a b"),
        ("=?x-none?q?a?=", "a"),
        ("=?utf-8?b?!!!?=", "=?utf-8?b?!!!?="),
        ("=?utf-8?q?", "=?utf-8?q?"),
        ("plain", "plain"),
    ],
)
def test_encoded_words(value, text):
    assert decode_words(value) in {text, ""}


def test_parameters():
    fields = header('Content-Type: Text/HTML; charset="utf\\-8" ; format=flowed; a')
    assert fields.content_type == "text/html"
    assert fields.parameter("charset") == "utf-8"
    assert fields.parameter("format") == "flowed"
    assert fields.parameter("a") == ""
    assert header("Content-Type: nonsense").content_type == "text/plain"


def test_limits():
    assert header("a: b").is_whole
    assert not split_header(b"a: b")[0].is_whole
    assert not header("a: b\r\n" * (MAX_FIELDS + 1)).is_whole
    assert not split_header(b"a: " + b"b" * 200_000 + b"\r\n\r\n")[0].is_whole
    assert header("From: a@e\r\nno field\r\n: x\r\nTo: b").all("to") == ["b"]


def test_ours():
    assert header(f"Message-ID: <ack.{TOKEN}.1.node@e>").is_ours
    assert not header(f"Message-ID: <x@e>\r\nIn-Reply-To: <ack.{TOKEN}@e>").is_ours
