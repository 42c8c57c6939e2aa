"""One request: what is sent, what is read, and what bad servers do to it."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from peers import answers

from addispatch_plugins.net import fetch as module
from addispatch_plugins.net.fetch import MAX_BODY_BYTES, Answer, FetchFailed, days_left, fetch
from addispatch_plugins.net.names import Names

TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE


async def ask(url, method="GET", *, wants_body=True, is_wanted=lambda _status: False, timeout_s=5.0):
    answer = Answer()
    async with asyncio.timeout(timeout_s):
        await fetch(
            Names(), url, answer, method=method, agent="addispatch/node-a", tls=TRUSTING, wants_body=wants_body,
            is_wanted=is_wanted,
        )  # fmt: skip
    return answer


def page(body=b"hello", status="200 OK", *headers):
    lines = "".join(f"{header}\r\n" for header in (*headers, f"Content-Length: {len(body)}"))
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


async def test_a_page(peer):
    there = await peer(answers(page()))
    answer = await ask(f"{there.url}/a%20b?c=1")
    assert (answer.status, answer.body, answer.ends_at) == (200, b"hello", None)
    head = there.heard[0].lower()
    assert head.startswith("get /a%20b?c=1 http/1.1\r\n")
    assert f"host: 127.0.0.1:{there.port}\r\n" in head
    assert "user-agent: addispatch/node-a\r\n" in head
    assert "connection: close" in head


async def test_head_has_no_body(peer):
    there = await peer(answers(b"HTTP/1.1 204 No Content\r\nContent-Length: 99\r\n\r\n"))
    assert (await ask(there.url, "HEAD")).status == 204
    assert there.heard[0].startswith("HEAD / ")


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", b"lo\r\n0\r\n\r\n"],
        [b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", page()],
        [bytes([byte]) for byte in page()],
    ],
    ids=["chunked", "until the end", "after a 100", "byte by byte"],
)
async def test_bodies_of_every_kind(peer, parts):
    assert (await ask((await peer(answers(*parts))).url)).body == b"hello"


async def test_a_huge_body_is_read_as_far_as_allowed(peer):
    async def endless(peer, reader, writer):
        await peer.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    there = await peer(endless)
    assert len((await ask(there.url)).body) == MAX_BODY_BYTES
    assert (await ask(there.url, wants_body=False)).body == b""


async def test_what_is_no_answer(peer):
    for parts, problem in (
        ([b"220 ready\r\n\r\n"], "the answer is no HTTP: illegal status line$"),
        ([b"\x15\x03\x01\x00\x02\x02\x16"], "no HTTP"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000], "no HTTP"),
        (
            [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"],
            "answered 200, and the connection ended within the body",
        ),
        ([], "the connection ended without an answer"),
    ):
        there = await peer(answers(*parts))
        with pytest.raises(FetchFailed, match=problem) as error:
            await ask(there.url)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 120


async def test_headers_that_drip_are_ended_by_the_deadline(peer):
    there = await peer(answers(*[b"H"] * 100, pause_s=0.05))
    with pytest.raises(TimeoutError):
        await ask(there.url, timeout_s=0.2)


def moved(where, status="302 Found"):
    return page(b"", status, f"Location: {where}")


async def test_redirects_are_followed(peer):
    there = await peer(answers(page()))
    first = await peer(answers(moved(f"{there.url}/new")))
    answer = await ask(first.url)
    assert (answer.status, answer.body) == (200, b"hello")
    assert there.heard[0].startswith("GET /new ")


async def test_a_redirect_that_is_wanted_is_the_answer(peer):
    there = await peer(answers(moved("/login")))
    assert (await ask(there.url, is_wanted=lambda status: status == 302)).status == 302
    assert len(there.heard) == 1


async def test_going_round_ends_after_five(peer):
    there = await peer(answers(moved("/again", "307 Temporary Redirect")))
    with pytest.raises(FetchFailed, match="more than 5 times, last to '/again'"):
        await ask(there.url)
    assert len(there.heard) == 6


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("ftp://a/", "where we do not go"),
        ("http://user:pw@a/", "where we do not go"),
        ("http://a:99999/", "no address"),
        ("http://[a/", "no address"),
        ("http://a/" + "x" * 3000, "where we do not go"),
        ("file:///etc/passwd", "where we do not go"),
    ],
)
async def test_where_it_does_not_go(peer, where, problem):
    with pytest.raises(FetchFailed, match=problem) as error:
        await ask((await peer(answers(moved(where)))).url)
    assert len(str(error.value)) < 160


async def test_where_it_is_sent_is_told_without_secrets(peer):
    with pytest.raises(FetchFailed, match=r"'ftp://a/login'$"):
        await ask((await peer(answers(moved("ftp://user:pw@a/login?token=secret#x")))).url)


@pytest.mark.debian
async def test_not_from_https_to_http(peer, served_with):
    there = await peer(answers(moved("http://127.0.0.1/")), served_with())
    with pytest.raises(FetchFailed, match="from https to http"):
        await ask(there.url)


@pytest.mark.debian
async def test_the_certificate_that_ends_first_is_noted(peer, served_with):
    later = await peer(answers(page()), served_with(30))
    sooner = await peer(answers(moved(later.url)), served_with(2))
    answer = await ask(sooner.url)
    assert answer.status == 200
    now = datetime.now(UTC)
    assert 1.9 < days_left(answer, now) < 2.1
    assert days_left(answer, now + timedelta(days=3)) < 0
    assert days_left(Answer(), now) is None


async def test_an_address_that_cannot_be_said(peer):
    there = await peer(answers(page()))
    with pytest.raises(FetchFailed, match="cannot be asked for"):
        await module._ask(
            Names(), f"{there.url}/\x7f", Answer(), method="GET", agent="a", tls=TRUSTING, wants_body=False
        )
