"""One connection on which mails go out one after the other (RFC 5321). Opened by ``login``, kept by ``pool``.

Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one packet: a mail costs two round trips.
Its task is woken once, for the content leaves as soon as the server wants it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from addispatch.sdk import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Longest reply taken from a server, in bytes, all its lines together.
MAX_REPLY_BYTES = 64 * 1024
#: Longest text of a reply shown to people, in characters.
MAX_TEXT_CHARS = 300
HYPHEN = ord("-")
#: First digits of the replies to MAIL, RCPT and DATA that let the content follow.
_GOOD = (2, 2, 3)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered: the code, and its lines as they came."""

    code: int
    lines: bytes

    def __str__(self) -> str:
        """For people: ``550 no such user``, the lines of a long reply joined."""
        lines = self.lines.decode(errors="replace").splitlines()
        text = " ".join(line[4:].strip() for line in lines)
        return f"{self.code} {''.join(filter(str.isprintable, text))[:MAX_TEXT_CHARS]}".strip()


class Rejected(DeliveryError):
    """The server answered a command with something else than yes; the connection can be used on unless it is 421."""

    def __init__(self, command: str, reply: Reply) -> None:
        self.command, self.reply = command, reply
        super().__init__(f"{command} was answered {reply}")


class Dropped(DeliveryError):
    """The connection broke."""


class Conversation(asyncio.Protocol):
    """Takes over a connection that is greeted and logged in.

    ``content_sent`` tells whether the final dot of the last mail went out: from then on until the server's answer
    nobody knows whether the mail is taken.
    """

    def __init__(
        self, transport: asyncio.Transport, *, pipelining: bool, on_lost: Callable[[Conversation], None]
    ) -> None:
        self.content_sent = False
        self.kept = False
        """Whether it rested in the pool: the server may have closed it meanwhile."""
        self._transport = transport
        self._pipelining = pipelining
        self._on_lost = on_lost
        self._buffer = bytearray()
        self._replies: list[Reply] = []
        self._wanted = 0
        self._content = b""
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._busy = False
        transport.set_protocol(self)

    @property
    def ready(self) -> bool:
        """Whether the next mail can go out: the connection lives and is between two mails."""
        return not (self._busy or self._lost or self._transport.is_closing())

    async def deliver(self, sender: bytes, recipient: bytes, content: bytes) -> None:
        """Hand over one mail; raises ``Rejected`` or ``Dropped``. Cancelled in the middle it is not ``ready`` any more.

        ``content`` has CRLF line ends and ends with one.
        """
        self._busy, self.content_sent = True, False
        envelope = (b"MAIL FROM:<%b>\r\n" % sender, b"RCPT TO:<%b>\r\n" % recipient, b"DATA\r\n")
        stuffed = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        if self._pipelining:
            replies = await self._exchange(b"".join(envelope), 3, stuffed)
        else:
            replies = await self._step_by_step(envelope)
        for command, reply, good in zip(("MAIL", "RCPT", "DATA"), replies, _GOOD, strict=False):
            if reply.code // 100 != good:
                if reply.code != 421:  # RFC 5321 3.8: with 421 the server hangs up
                    await self._reset(data_open=len(replies) == 3 and replies[2].code == 354)
                raise Rejected(command, reply)
        if not self.content_sent:
            self._check_open()
            self.content_sent = True
            replies += await self._exchange(stuffed, 1)
        self._busy = False
        if replies[-1].code // 100 != 2:
            raise Rejected("the mail", replies[-1])

    def close(self) -> None:
        """Say goodbye if that is possible; do not wait for the answer."""
        if self.ready:
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        else:
            self._transport.abort()

    async def _step_by_step(self, commands: tuple[bytes, ...]) -> list[Reply]:
        replies: list[Reply] = []
        for command in commands:
            replies += await self._exchange(command, 1)
            if replies[-1].code >= 400:
                break
        return replies

    async def _reset(self, *, data_open: bool) -> None:
        """Bring the server back to the start after a rejection, so that the connection can be used on."""
        try:
            if data_open:
                # RFC 2920 3.1: DATA was accepted although nobody is left to get the mail; nothing is delivered.
                await self._exchange(b".\r\n", 1)
            await self._exchange(b"RSET\r\n", 1)
        except Dropped:
            return
        self._busy = False

    async def _exchange(self, data: bytes, count: int, content: bytes = b"") -> list[Reply]:
        """Send and return ``count`` replies; fewer if the server said no and hung up.

        ``content`` is sent if they are those of an envelope that is taken; then there is one reply more.
        """
        self._check_open()
        self._replies, self._wanted, self._content = [], count, content
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        try:
            await self._waiter
            return self._replies[: self._wanted]
        finally:
            self._waiter, self._wanted, self._content = None, 0, b""

    def _send_content(self) -> None:
        """Answer a 354 with the mail. It is a few kilobytes, far less than the transport's buffer: no flow control."""
        content, self._content = self._content, b""
        if tuple(reply.code // 100 for reply in self._replies) == _GOOD and not self._transport.is_closing():
            self.content_sent = True
            self._wanted += 1
            self._transport.write(content)

    def _check_open(self) -> None:
        if self._lost or self._transport.is_closing():
            raise Dropped("the connection is closed")

    # -- called by the transport -----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Collect replies.

        What comes unasked (421 before a restart) ends the connection: an answer too many would be taken for the answer
        to the next mail.
        """
        self._buffer += data
        while (reply := self._next_reply()) is not None:
            self._replies.append(reply)
        waiter = self._waiter if self._waiter is not None and not self._waiter.done() else None  # or it gave up
        if waiter is not None and self._content and len(self._replies) == self._wanted:
            self._send_content()
        if waiter is not None and len(self._replies) >= self._wanted:
            waiter.set_result(None)
        if len(self._replies) > self._wanted or self._wanted == 0 or len(self._buffer) > MAX_REPLY_BYTES:
            self._transport.abort()

    def _next_reply(self) -> Reply | None:
        """Take one whole reply off the buffer: lines ``250-…`` up to ``250 …`` (RFC 5321 4.2.1).

        What is no reply ends the connection.
        """
        buffer, start = self._buffer, 0
        while (end := buffer.find(b"\n", start)) >= 0:
            if end < start + 3 or buffer[start + 3] != HYPHEN:
                code = buffer[start : start + 3]
                reply = Reply(int(code) if code.isdigit() else 0, bytes(buffer[:end]))
                del buffer[: end + 1]
                if reply.code < 200:
                    self._transport.abort()
                    return None
                return reply
            start = end + 1
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake who waits: with the replies so far if one of them is a no, with ``Dropped`` otherwise."""
        self._lost = True
        if self._waiter is not None and not self._waiter.done():
            if any(reply.code >= 400 for reply in self._replies):
                self._waiter.set_result(None)
            else:
                self._waiter.set_exception(Dropped(f"the server dropped the connection{f' ({exc})' if exc else ''}"))
        self._on_lost(self)


def take_over(
    transport: asyncio.BaseTransport, *, pipelining: bool, on_lost: Callable[[Conversation], None]
) -> Conversation:
    """Make a conversation of a transport that another protocol has greeted and logged in."""
    return Conversation(cast("asyncio.Transport", transport), pipelining=pipelining, on_lost=on_lost)
