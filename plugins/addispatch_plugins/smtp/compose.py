"""From a delivery to the bytes of a mail. Used by ``server``.

Building an ``EmailMessage`` costs several times as much as sending the mail. So only headers that are not plain ASCII
go through its policy (RFC 2047), the rest is written down as it is, and what never changes is made once.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from addispatch_plugins.smtp.address import to_wire

if TYPE_CHECKING:
    from addispatch.sdk import Clock, Delivery

#: RFC 5322 2.1.1: lines should be at most 78 characters and must be at most 998.
MAX_PLAIN_SUBJECT_CHARS, MAX_LINE_CHARS = 78 - len("Subject: "), 998
#: Longest subject, in characters.
MAX_SUBJECT_CHARS = 200

_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
# C0 controls, DEL and C1 controls, but tab and line ends: a terminal showing the mail must not be steered by it.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# RFC 3834: so that no automatic reply comes back, and none of ours is taken for a human's. Exchange is asked for no
# out-of-office notes and receipts (MS-OXCMAIL 2.2.3.2.14), but for non-delivery reports: those somebody should see.
_MACHINE = (
    b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply\r\nMIME-Version: 1.0\r\n"
)
_PLAIN = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
_QUOTED = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready for the wire: ``content`` has CRLF line ends, no dot-stuffing, and ends with a CRLF."""

    message_id: str
    recipient: bytes
    content: bytes


class Composer:
    """Writes the mails of one sender."""

    def __init__(self, sender: str, display_name: str, node: str, clock: Clock, reply_to: str = "") -> None:
        self.sender = to_wire(sender)
        self._node = _word(node)
        self._domain = self.sender.rpartition(b"@")[2].decode().strip("[]")
        self._clock = clock
        self._date, self._date_s = b"", -1
        local, _, domain = self.sender.decode().rpartition("@")
        self._constant = _header("From", str(Address(_one_line(display_name), local, domain))) + _MACHINE
        if reply_to:
            self._constant += b"Reply-To: <%b>\r\n" % to_wire(reply_to)

    def compose(self, delivery: Delivery) -> Mail:
        """Build the mail; raises ``ValueError`` if the delivery's address is no mail address.

        The Message-ID depends on delivery and attempt alone, so a report can be matched after a crash, too. Deliveries
        are numbered from 1 in every ledger and mailboxes drop an ID they have seen, so case and node are part of it.
        With a token the attempt is not: a mailbox then shows a mail once that was sent again because it was in doubt.
        """
        recipient = to_wire(delivery.address)
        if delivery.token:
            # The token names the case. An answer brings it back in In-Reply-To and References (RFC 5322 3.6.4).
            name = f"ack.{_word(delivery.token)}.{_word(delivery.id)}.{self._node}"
        else:
            name = f"{_word(delivery.case_id)}.{_word(delivery.id)}.{delivery.attempt}.{self._node}"
        message_id = f"<{name}@{self._domain}>"
        content = b"".join(
            (
                self._constant,
                b"To: <%b>\r\n" % recipient,
                _subject(delivery.subject or delivery.text.strip().partition("\n")[0]),
                self._date_header(),
                b"Message-ID: %b\r\n" % message_id.encode("ascii"),
                _body(delivery.text),
            )
        )
        return Mail(message_id, recipient, content)

    def _date_header(self) -> bytes:
        """Formatted once a second."""
        now_s = self._clock.now_ms() // 1000
        if now_s != self._date_s:
            self._date_s = now_s
            self._date = b"Date: %b\r\n" % format_datetime(self._clock.now()).encode("ascii")
        return self._date


def _word(text: str) -> str:
    """Return what may stand in a Message-ID: the text itself if it is a plain word, else its hash."""
    return text if _WORD.fullmatch(text) else sha256(text.encode()).hexdigest()[:32]


def _one_line(text: str) -> str:
    return " ".join(_CONTROLS.sub("", text).split())


def _subject(text: str) -> bytes:
    if text.isascii() and text.isprintable() and "=?" not in text:
        if len(text) <= MAX_PLAIN_SUBJECT_CHARS:
            return b"Subject: %b\r\n" % text.encode("ascii")
        lines = _wrap(_one_line(text)[:MAX_SUBJECT_CHARS].rstrip(), MAX_PLAIN_SUBJECT_CHARS)
        if all(len(line) <= MAX_PLAIN_SUBJECT_CHARS for line in lines):
            return b"Subject: %b\r\n" % "\r\n ".join(lines).encode("ascii")
    return _header("Subject", _one_line(text)[:MAX_SUBJECT_CHARS])


def _wrap(text: str, width: int) -> list[str]:
    """Break at single spaces (RFC 5322 2.2.3: the space moves to the next line); a longer word stays whole."""
    lines: list[str] = []
    while len(text) > width:
        at = text.rfind(" ", 0, width + 1)
        if at <= 0:
            at = text.find(" ")
            if at < 0:
                break
        lines.append(text[:at])
        text = text[at + 1 :]
    return [*lines, text]


@lru_cache(maxsize=256)
def _header(name: str, value: str) -> bytes:
    """Encode and fold; the policy refuses a value with a line end."""
    folded: str = SMTP.fold(*SMTP.header_store_parse(name, value))
    return folded.encode("ascii")


def _body(text: str) -> bytes:
    """Encode the text as it is if it is ASCII in lines of legal length, as quoted-printable otherwise."""
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = text.split("\n")
    if text.isascii() and all(len(line) <= MAX_LINE_CHARS for line in lines):
        return _PLAIN + "\r\n".join(lines).encode("ascii") + b"\r\n"
    # It folds lines with the line end it finds first, so there must be one.
    return _QUOTED + binascii.b2a_qp(("\r\n".join(lines) + "\r\n").encode(), istext=True)
