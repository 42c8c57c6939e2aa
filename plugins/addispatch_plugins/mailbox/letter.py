"""A mail as the core wants it: who wrote, what is new in it, which of our mails it answers, whether a machine wrote it.

Called by ``collect`` in its thread, for each mail. ``read_letter`` never raises on bad input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from addispatch_plugins.mailbox.automatic import automatic
from addispatch_plugins.mailbox.htmltext import html_to_text
from addispatch_plugins.mailbox.parts import Part, parse
from addispatch_plugins.mailbox.quote import Writing, new_text

#: Most of a text and of a subject that is handed over, in characters.
MAX_TEXT_CHARS, MAX_SUBJECT_CHARS = 4000, 250
#: Why a mail without a legible header or sender cannot acknowledge; the core shows it.
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Letter:
    """What was read. ``automatic``: why it cannot acknowledge; empty if a person may have written it."""

    sender: str = ""
    subject: str = ""
    text: str = ""
    tokens: tuple[str, ...] = ()
    automatic: str = ""
    identity: str = ""
    """Message-ID and date, to tell mails apart where the server gives no lasting names."""


@dataclass(frozen=True, slots=True)
class _Body:
    plain: Part | None = None
    html: Part | None = None

    @property
    def is_readable(self) -> bool:
        return all(part.is_readable for part in (self.plain or self.html,) if part is not None)


def read_letter(raw: bytes, *, is_whole: bool = True) -> Letter:
    """Read a mail. ``is_whole`` is false if only its beginning was fetched because it is too large."""
    mail = parse(raw, is_whole=is_whole)
    header = mail.header
    body = _find_body(mail) or _Body()
    return Letter(
        sender=header.sender,
        subject=header.subject[:MAX_SUBJECT_CHARS],
        text=_new_text(body)[:MAX_TEXT_CHARS],
        tokens=header.tokens,
        automatic=_legible(mail) or automatic(mail) or _complete(mail, body),
        identity=f"{header.message_id[:500]}\0{header.first('date')[:100]}",
    )


def _legible(mail: Part) -> str:
    header = mail.header
    if not header.is_whole or not header.fields:
        return UNREADABLE
    return "" if header.sender else f"{UNREADABLE}: no single sender in From"


def _complete(mail: Part, body: _Body) -> str:
    """Of a text that is cut off nobody knows how it goes on."""
    if body.is_readable and (body != _Body() or mail.is_whole):
        return ""
    return "too large to be read whole"


def _find_body(part: Part) -> _Body | None:
    """Return the first part with a text to read, in both forms if both are there."""
    if part.parts:
        found = [body for inner in part.parts if (body := _find_body(inner))]
        if part.kind != "multipart/alternative":
            return found[0] if found else None
        plain = next((body.plain for body in found if body.plain), None)
        html = next((body.html for body in found if body.html), None)
        return _Body(plain, html) if found else None
    if part.is_attachment:
        return None
    if part.kind == "text/plain":
        return _Body(plain=part) if part.text().strip() else None
    return _Body(html=part) if part.kind == "text/html" and part.body.strip() else None


def _new_text(body: _Body) -> str:
    from_html = new_text(html_to_text(body.html.text())) if body.html else None
    if body.plain is None:
        return from_html.text if from_html else ""
    is_flowed = body.plain.header.parameter("format").lower() == "flowed"
    from_plain = new_text(body.plain.text(), is_flowed=is_flowed)
    if from_html is None or not body.html or not body.html.is_readable:
        return from_plain.text
    return _shorter(from_plain, from_html)


def _shorter(plain: Writing, html: Writing) -> str:
    """Return the text of the plain form, unless HTML shows that part of it is a quote that has no marks there."""
    in_plain, in_html = re.findall(r"\w+", plain.text), re.findall(r"\w+", html.text)
    begins_alike = in_plain[: len(in_html)] == in_html and len(in_html) < len(in_plain)
    return html.text if begins_alike and not plain.is_marked else plain.text
