"""The parts of a mail (MIME, RFC 2045 and 2046), split within bounds. Used by ``letter``.

The standard library's parser builds all parts of whatever it is given and recurses as deep as a mail nests; this one
looks at no more than the limits below.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from addispatch_plugins.mailbox.charset import decode
from addispatch_plugins.mailbox.headers import Header, split_header

MAX_PARTS, MAX_DEPTH = 1000, 10
#: Largest header of a part, and most of a text that is decoded, in bytes: new text is at the top or the quote short.
MAX_PART_HEADER_BYTES, MAX_TEXT_BYTES = 16_384, 262_144


@dataclass(frozen=True, slots=True)
class Part:
    """One part; a multipart has ``parts`` and no text of its own."""

    header: Header
    body: bytes = b""
    is_whole: bool = True
    """False: the mail was cut off inside it."""
    parts: tuple[Part, ...] = ()

    @property
    def kind(self) -> str:
        """Content type, for example ``text/plain``."""
        return self.header.content_type

    @property
    def is_attachment(self) -> bool:
        """Whether it is a file rather than text to read."""
        disposition = self.header.first("content-disposition").partition(";")[0].strip().lower()
        return disposition == "attachment" or bool(self.header.parameter("filename", "content-disposition"))

    def walk(self) -> Iterator[Part]:
        """Yield this part and all parts in it, in their order."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def text(self) -> str:
        """Return the decoded text, at most ``MAX_TEXT_BYTES`` of it."""
        encoding = self.header.first("content-transfer-encoding").lower()
        body = self.body[: MAX_TEXT_BYTES * 2]
        if "base64" in encoding:
            body = _from_base64(body)
        elif "quoted-printable" in encoding:
            body = binascii.a2b_qp(body)
        return decode(body[:MAX_TEXT_BYTES], self.header.parameter("charset"))

    @property
    def is_readable(self) -> bool:
        """Whether ``text()`` is all of it."""
        return self.is_whole and len(self.body) <= MAX_TEXT_BYTES


@dataclass(slots=True)
class _Budget:
    parts: int = field(default=MAX_PARTS)


def parse(raw: bytes, *, is_whole: bool = True) -> Part:
    """Split a mail. ``is_whole`` is false if only its beginning is there."""
    header, body = split_header(raw)
    return _parse(header, body, _Budget(), MAX_DEPTH, is_whole=is_whole)


def _parse(header: Header, body: bytes, budget: _Budget, depth: int, *, is_whole: bool) -> Part:
    boundary = header.parameter("boundary")
    # What is deeper, or in a mail inside this one (message/rfc822), is not what the writer wrote to us.
    if not header.content_type.startswith("multipart/") or not boundary or depth == 0:
        return Part(header, body, is_whole)
    parts = []
    for content, ended in _pieces(body, boundary.encode("utf-8", "replace"), budget):
        inner, rest = split_header(content, MAX_PART_HEADER_BYTES)
        parts.append(_parse(inner, rest, budget, depth - 1, is_whole=ended or is_whole))
    return Part(header, b"", is_whole, tuple(parts))


def _pieces(body: bytes, boundary: bytes, budget: _Budget) -> Iterator[tuple[bytes, bool]]:
    """Yield what is between the delimiters (RFC 2046 5.1.1), each with whether a delimiter ends it."""
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    match = delimiter.search(body)
    while match and not match[1] and budget.parts > 0:
        budget.parts -= 1
        start = body.find(b"\n", match.end()) + 1
        if start == 0:
            return
        # The line end before the next delimiter belongs to that, and may be the one that ends this.
        following = delimiter.search(body, start - 1)
        yield body[start : following.start() if following else len(body)], following is not None
        match = following


def _from_base64(body: bytes) -> bytes:
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    # One character left over holds no byte.
    clean = clean[:-1] if len(clean) % 4 == 1 else clean
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
