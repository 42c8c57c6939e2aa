"""One HTTP request over asyncio's own streams, redirects included, with limits on everything. Used by ``http``.

h11, which the node's own web server brings, reads the protocol. A thread per request (urllib) would be a thread per
monitor that hangs; httpx adds 20 MB for what is not needed here.
"""

from __future__ import annotations

import contextlib
import re
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from addispatch.sdk import PluginError
from addispatch_plugins.net.certificate import not_after
from addispatch_plugins.net.connect import connected

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from addispatch_plugins.net.names import Names

#: Most redirects, most of a body, most of a status line with its headers.
MAX_REDIRECTS, MAX_BODY_BYTES, MAX_HEAD_BYTES = 5, 256 * 1024, 64 * 1024
#: Longest address a redirect may name, in characters.
MAX_URL_CHARS = 2000
_CHUNK_BYTES = 32 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}


class FetchFailed(PluginError):
    """There is no answer to judge; one line says why."""


@dataclass(slots=True)
class Answer:
    """What came, as far as it came. ``ends_at`` is when the first of the certificates ends that were seen."""

    status: int = 0
    body: bytes = b""
    ends_at: datetime | None = None
    so_far: str = "no connection"
    asked: list[str] = field(default_factory=list)


async def fetch(
    names: Names,
    url: str,
    answer: Answer,
    *,
    method: str,
    agent: str,
    tls: ssl.SSLContext,
    wants_body: bool,
    is_wanted: Callable[[int], bool],
) -> None:
    """Fill in the answer; raises ``FetchFailed``, ``NameFailed``, ``ConnectFailed`` and ``OSError``.

    A redirect is followed unless its status ``is_wanted``, and never from https to http. The caller has the deadline.
    """
    while True:
        answer.asked.append(url)
        location = await _ask(names, url, answer, method=method, agent=agent, tls=tls, wants_body=wants_body)
        if answer.status not in _REDIRECTS or not location or is_wanted(answer.status):
            return
        if len(answer.asked) > MAX_REDIRECTS:
            raise FetchFailed(f"redirects more than {MAX_REDIRECTS} times, last to {_shown(location)}")
        url = _next(url, location)


def _next(url: str, location: str) -> str:
    try:
        found = urljoin(url, location)
        parts = urlsplit(found)
        port = parts.port
    except ValueError:
        raise FetchFailed(f"redirects to what is no address: {_shown(location)}") from None
    if (
        parts.scheme not in _PORTS or not parts.hostname or port == 0 or "@" in parts.netloc
        or len(found) > MAX_URL_CHARS or not (found.isascii() and found.isprintable()) or " " in found
    ):  # fmt: skip
        raise FetchFailed(f"redirects to where we do not go: {_shown(location)}")
    if url.startswith("https:") and parts.scheme != "https":
        raise FetchFailed(f"redirects from https to http: {_shown(location)}")
    return found


async def _ask(
    names: Names, url: str, answer: Answer, *, method: str, agent: str, tls: ssl.SSLContext, wants_body: bool
) -> str:
    """One request and its answer; returns where it sends us, or nothing."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or _PORTS[parts.scheme]
    async with connected(names, parts.hostname or "", port, tls if is_tls else None) as (reader, writer):
        answer.so_far = "connected, but no whole answer"
        if is_tls:
            _note_end(writer, answer)
        talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        try:
            request = h11.Request(method=method, target=_target(parts), headers=_headers(parts, agent))
            writer.write((talk.send(request) or b"") + (talk.send(h11.EndOfMessage()) or b""))
            await writer.drain()
            return await _read(talk, reader, answer, wants_body=wants_body)
        except h11.LocalProtocolError:
            raise FetchFailed("the address cannot be asked for") from None
        except h11.RemoteProtocolError as error:
            raise FetchFailed(_broken(str(error), answer)) from None


async def _read(talk: h11.Connection, reader: asyncio.StreamReader, answer: Answer, *, wants_body: bool) -> str:
    """Read the head, and of the body what is wanted and allowed."""
    location, answer.body = "", b""
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(await reader.read(_CHUNK_BYTES))  # nothing: the end, which h11 judges
        elif isinstance(event, h11.Response):
            answer.status = event.status_code
            location = next((value.decode("latin-1") for name, value in event.headers if name == b"location"), "")
            if not wants_body:
                return location
        elif isinstance(event, h11.Data):
            answer.body += bytes(event.data)[: MAX_BODY_BYTES - len(answer.body)]
            if len(answer.body) >= MAX_BODY_BYTES:
                return location
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            return location


def _broken(said: str, answer: Answer) -> str:
    """What h11 says of an answer, in words of an operator."""
    if "ConnectionClosed" in said:
        return "the connection ended without an answer"
    if "closed connection" in said:
        return f"answered {answer.status}, and the connection ended within the body"
    return f"the answer is no HTTP: {said.partition(': bytearray(')[0][:80]}"


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult, agent: str) -> list[tuple[str, str]]:
    return [
        ("Host", parts.netloc),
        ("User-Agent", agent),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]


def _note_end(writer: asyncio.StreamWriter, answer: Answer) -> None:
    channel = writer.get_extra_info("ssl_object")
    der = channel.getpeercert(binary_form=True) if channel is not None else None
    if not der:
        return
    with contextlib.suppress(ValueError):
        ends_at = not_after(der)
        answer.ends_at = min(answer.ends_at, ends_at) if answer.ends_at else ends_at


def days_left(answer: Answer, now: datetime) -> float | None:
    """How many days the certificate still holds; negative when it is over, None without one."""
    return (answer.ends_at - now.astimezone(UTC)).total_seconds() / 86_400 if answer.ends_at else None


def _shown(location: str) -> str:
    """An address without what may be secret in it: user, password, query."""
    plain = re.sub(r"//[^/@]*@", "//", re.split(r"[?#]", location, maxsplit=1)[0])
    return repr(plain[:100])
