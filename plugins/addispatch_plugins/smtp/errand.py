"""One mail under way, and how that can end. Made by ``server``, carried by ``pool`` and ``conversation``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch.sdk import DeliveryError

if TYPE_CHECKING:
    from addispatch_plugins.smtp.reply import Reply


class Rejected(DeliveryError):
    """The server answered a command with something else than yes; the connection can be used on unless it is 421."""

    def __init__(self, command: str, reply: Reply) -> None:
        self.command, self.reply = command, reply
        super().__init__(f"{command} was answered {reply}")


class Dropped(DeliveryError):
    """The connection broke."""


class Errand:
    """One mail under way.

    ``content_sent`` tells whether its final dot went out: from then on until the server's answer nobody knows whether
    the mail is taken. Before, it surely is not, and the mail may go by another connection.
    """

    __slots__ = ("content", "content_sent", "deadline_at", "done", "envelope")

    def __init__(self, sender: bytes, recipient: bytes, content: bytes, deadline_at: float) -> None:
        """``content`` has CRLF line ends and ends with one; ``deadline_at`` is in seconds of the loop's clock."""
        self.envelope = b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\nDATA\r\n" % (sender, recipient)
        self.content = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        self.content_sent = False
        self.deadline_at = deadline_at
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """True: the mail is taken; False: its turn has come to open a connection; or ``Rejected``, ``Dropped`` …."""

    @property
    def commands(self) -> list[bytes]:
        """MAIL, RCPT and DATA one by one."""
        return self.envelope.splitlines(keepends=True)

    @property
    def is_over(self) -> bool:
        """Whether it ended, or who sent it gave up."""
        return self.done.done()

    def end(self, error: DeliveryError | TimeoutError | None = None) -> None:
        """The mail is taken, or will not be; nothing happens if it is over already."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(True)
        else:
            self.done.set_exception(error)
