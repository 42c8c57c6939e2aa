"""One connection on which mails go out one after the other (RFC 5321). Opened by ``login``, kept by ``pool``.

Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one packet, and behind the content of a mail
if the next one waits already. So a mail costs two round trips, and one when mails follow one another. All is done as
the server's answers come in; the task that sends a mail is woken once, at its end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from addispatch_plugins.smtp.errand import Dropped, Errand, Rejected
from addispatch_plugins.smtp.reply import Replies, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_COMMANDS = ("MAIL", "RCPT", "DATA")
#: First digits of the replies to them that let the content follow.
_GOOD = (2, 2, 3)


class Keeper(Protocol):
    """Who owns conversations and has mails for them."""

    def next_mail(self) -> Errand | None:
        """Hand out a mail that waits for a connection: it follows the one whose content leaves now."""

    def rests(self, conversation: Conversation) -> None:
        """The conversation is ready for another mail."""

    def lost(self, conversation: Conversation, orphan: Errand | None) -> None:
        """The conversation is over; ``orphan`` was surely not handed over and must go by another one."""


class Conversation(asyncio.Protocol):
    """Takes over a connection that is greeted and logged in."""

    def __init__(self, transport: asyncio.Transport, keeper: Keeper, *, pipelining: bool) -> None:
        self.kept = False
        """Whether it rested or carried a mail before: the server may have closed it meanwhile."""
        self.following: Errand | None = None
        """The mail whose envelope left behind the content that waits for its answer."""
        self.content_sent_at = 0.0
        """When the content behind which ``following`` waits left, by the loop's clock."""
        self._errand: Errand | None = None
        self._transport = transport
        self._keeper = keeper
        self._pipelining = pipelining
        self._loop = asyncio.get_running_loop()
        self._incoming = Replies()
        self._replies: tuple[Reply, ...] = ()
        self._wanted = 0
        self._then: Callable[[Sequence[Reply]], None] = self._on_envelope
        self._refusal: Rejected | None = None
        self._is_last = self._is_over = False
        transport.set_protocol(self)

    @property
    def ready(self) -> bool:
        """Whether the next mail can go out: the connection lives and is between two mails."""
        return self._errand is None and not (self._is_over or self._transport.is_closing())

    def begin(self, errand: Errand) -> None:
        """Hand over one mail; ``errand`` is told how it ends, or given back as an orphan."""
        self._errand = errand
        if self._pipelining:
            self._ask(errand.envelope, 3, self._on_envelope)
        else:
            self._step_by_step(errand.commands)

    def carries(self, errand: Errand) -> bool:
        """Whether the mail goes by this connection now."""
        return errand is self._errand or errand is self.following

    def give_up(self, errand: Errand) -> None:
        """Nobody waits for this mail any more: it is not sent if it can be helped.

        Its connection cannot be used on: the server is in the middle of a mail. The end of the one before is awaited.
        """
        if errand is self.following:
            self.release()
        else:
            self._hang_up(Dropped("the mail was given up"))

    def release(self) -> Errand | None:
        """Return the mail that waits behind another one, to send it elsewhere.

        The server will want its content (RFC 2920 allows no taking back, and a lone dot would be an empty mail), so the
        connection ends with the mail before.
        """
        following, self.following = self.following, None
        self._is_last = True
        return following

    def close(self) -> None:
        """Say goodbye if that is possible; do not wait for the answer."""
        if self.ready:
            self._is_over = True
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        else:
            self._hang_up(Dropped("the connection is closed"))

    # -- one mail ----------------------------------------------------------------------------------------------------

    def _ask(self, data: bytes, wanted: int, then: Callable[[Sequence[Reply]], None]) -> None:
        """Send, and go on with ``then`` when there are as many replies as ``wanted``."""
        if self._transport.is_closing():
            self._hang_up(Dropped("the connection is closed"))
        elif self._replies:  # a reply too many would be taken for the one to what is asked now
            self._hang_up(Dropped("the server answered more than it was asked"))
        else:
            self._wanted, self._then = wanted, then
            self._transport.write(data)

    def _step_by_step(self, commands: list[bytes], so_far: tuple[Reply, ...] = ()) -> None:
        """Without PIPELINING: one command at a time, up to the first no."""

        def answered(replies: Sequence[Reply]) -> None:
            answers = (*so_far, *replies)
            if len(answers) == len(commands) or answers[-1].code >= 400:
                self._on_envelope(answers)
            else:
                self._step_by_step(commands, answers)

        self._ask(commands[len(so_far)], 1, answered)

    def _on_envelope(self, replies: Sequence[Reply]) -> None:
        self._refusal = _first_no(replies)
        if self._refusal is None:
            self._send_content()
        elif self._refusal.reply.code == 421:  # RFC 5321 3.8: with 421 the server hangs up
            self._hang_up(self._refusal)
        elif len(replies) == 3 and replies[2].code == 354:
            # RFC 2920 3.1: DATA was accepted although nobody is left to get the mail; nothing is delivered.
            self._ask(b".\r\n", 1, self._reset)
        else:
            self._reset()

    def _reset(self, _replies: Sequence[Reply] = ()) -> None:
        """Bring the server back to the start after a rejection, so that the connection can be used on."""
        self._ask(b"RSET\r\n", 1, self._on_reset)

    def _on_reset(self, _replies: Sequence[Reply]) -> None:
        self._ended(self._refusal)

    def _send_content(self) -> None:
        """Send the mail. It is a few kilobytes, far less than the transport's buffer: no flow control."""
        errand = self._errand
        assert errand is not None
        if errand.is_over or self._replies:
            self._hang_up(Dropped("the server answered more than it was asked"))
            return
        errand.content_sent = True
        self.following = self._keeper.next_mail() if self._pipelining else None
        if self.following is None:
            self._ask(errand.content, 1, self._on_content)
        else:
            self.content_sent_at = self._loop.time()
            self._ask(errand.content + self.following.envelope, 1, self._on_content)

    def _on_content(self, replies: Sequence[Reply]) -> None:
        [reply] = replies
        self._ended(None if reply.code // 100 == 2 else Rejected("the mail", reply))

    def _ended(self, refusal: Rejected | None) -> None:
        """Tell how the mail ended, and go on with the next one."""
        errand, self._errand, self.following = self._errand, self.following, None
        assert errand is not None
        errand.end(refusal)
        self.kept, self._refusal = True, None
        if self._is_last or (refusal is not None and refusal.reply.code == 421):
            self._hang_up(Dropped("the connection is closed"))
        elif self._errand is not None:
            self._wanted, self._then = 3, self._on_envelope
        elif self._replies:
            self._hang_up(Dropped("the server answered more than it was asked"))
        else:
            self._wanted = 0
            self._keeper.rests(self)

    # -- the end of the connection -----------------------------------------------------------------------------------

    def _hang_up(self, error: Dropped | Rejected) -> None:
        self._replies = ()
        self._end(error)
        self._transport.abort()

    def _end(self, error: Dropped | Rejected) -> None:
        """Part with what is under way: each mail is told of the error, or given back as an orphan.

        A connection that carried a mail before may have been closed by the server in the meantime, or it has enough of
        it: then nothing was handed over, and a new one will do.
        """
        if self._is_over:
            return
        self._is_over, self._wanted = True, 0
        errand, orphan = self._errand, self.following
        self._errand = self.following = None
        if errand is not None and not errand.is_over:
            refusal = self._refusal or _first_no(self._replies)
            is_refused = refusal is not None and refusal.reply.code != 421
            if self.kept and not errand.content_sent and not is_refused:
                orphan = errand
            else:
                errand.end(refusal or error)
        self._keeper.lost(self, None if orphan is None or orphan.is_over else orphan)

    # -- called by the transport -------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Go on when all replies are there.

        What comes unasked (421 before a restart) ends the connection: an answer too many would be taken for the answer
        to the next mail.
        """
        self._replies += self._incoming.feed(data)
        if self._wanted == 0:
            self._hang_up(Dropped("the server spoke unasked"))
        while 0 < self._wanted <= len(self._replies):
            replies, self._replies = self._replies[: self._wanted], self._replies[self._wanted :]
            self._then(replies)
        if self._incoming.nonsense:
            self._hang_up(Dropped(self._incoming.nonsense))

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is under way: with the no among the replies if there is one, with ``Dropped`` otherwise."""
        self._end(Dropped(f"the server dropped the connection{f' ({exc})' if exc else ''}"))


def _first_no(replies: Sequence[Reply]) -> Rejected | None:
    """Look through the replies to MAIL, RCPT and DATA, as many as came."""
    for command, reply, good in zip(_COMMANDS, replies, _GOOD, strict=False):
        if reply.code // 100 != good:
            return Rejected(command, reply)
    return None


def take_over(transport: asyncio.BaseTransport, keeper: Keeper, *, pipelining: bool) -> Conversation:
    """Make a conversation of a transport that another protocol has greeted and logged in."""
    return Conversation(cast("asyncio.Transport", transport), keeper, pipelining=pipelining)
