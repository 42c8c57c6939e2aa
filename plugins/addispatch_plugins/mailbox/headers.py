"""The header of a mail (RFC 5322) or of one of its parts: split, decoded, and what is read from it. Used by ``letter``.

Nothing here raises on bad input, and all work is linear in its size: anybody may write to the mailbox.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from addispatch_plugins.mailbox.charset import decode

#: Most bytes and fields of one header that are looked at; mails that went through many hands have 50 KB, 200 fields.
MAX_HEADER_BYTES, MAX_FIELDS = 131_072, 1000
#: Longest value that is decoded, and longest From, in characters.
MAX_VALUE_CHARS, MAX_FROM_CHARS = 16_384, 2000
#: Most acknowledge tokens of one mail.
MAX_TOKENS = 10

_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(r"([!-9;-~]{1,100})[ \t]*:(.*)", re.DOTALL)
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]{1,40})\s*=\s*("(?:[^"\\]|\\.){0,1000}"|[^;\s"]{1,1000})')
_ENCODED = re.compile(r"=\?([A-Za-z0-9_.:-]{1,40})(?:\*[A-Za-z-]{1,20})?\?([bBqQ])\?([^? ]*)\?=")
_BETWEEN_ENCODED = re.compile(r"(\?=)\s+(?==\?)")
_TOKEN = re.compile(r"(?<![\w.-])ack\.([A-Za-z0-9_-]{56})(?=[.@>])")
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\\,;\"]{1,253}")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields in their order, names in lower case, values unfolded and otherwise as they came."""

    fields: tuple[tuple[str, str], ...]
    is_whole: bool = True
    """False: there was no end of the header, or it is too large."""

    def all(self, name: str) -> list[str]:
        """Return the values of all fields of that name."""
        return [value for field, value in self.fields if field == name]

    def first(self, name: str) -> str:
        """Return the first value, or an empty string."""
        return next((value for field, value in self.fields if field == name), "")

    @property
    def content_type(self) -> str:
        """``text/plain`` if there is none or it is not one (RFC 2045 5.2)."""
        kind = self.first("content-type").partition(";")[0].strip().lower()
        return kind if re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind) else "text/plain"

    def parameter(self, name: str, field: str = "content-type") -> str:
        """Return a parameter of a field; empty if it is not there."""
        for key, value in _PARAMETER.findall(self.first(field)[:MAX_VALUE_CHARS]):
            if key.lower() == name:
                return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        return ""

    @property
    def sender(self) -> str:
        """The address in From, lower case; empty unless there is exactly one, for two make it unclear who wrote."""
        values = self.all("from")
        if len(values) != 1:
            return ""
        # Display names and comments may hold what looks like an address; encoded words are not decoded for that reason.
        rest = re.sub(r'"(?:[^"\\]|\\.)*"', "", values[0][:MAX_FROM_CHARS])
        for _ in range(5):
            rest = re.sub(r"\([^()]*\)", "", rest)
        in_brackets = re.findall(r"<([^<>]*)>", rest)
        if len(in_brackets) > 1:
            return ""
        address = (in_brackets[0] if in_brackets else rest).strip()
        return address.lower() if _ADDRESS.fullmatch(address) else ""

    @property
    def subject(self) -> str:
        """The decoded subject as one line."""
        return " ".join(decode_words(self.first("subject")[:MAX_VALUE_CHARS]).split())

    @property
    def message_id(self) -> str:
        """Without what folding puts in."""
        return "".join(self.first("message-id")[:MAX_VALUE_CHARS].split())

    @property
    def is_ours(self) -> bool:
        """Whether the mail itself, and not what it answers, is one of ours that asks to acknowledge."""
        return _TOKEN.search(self.message_id) is not None

    @property
    def tokens(self) -> tuple[str, ...]:
        """The acknowledge tokens in In-Reply-To, then those in References from the end: the nearest first."""
        found = [token for value in self.all("in-reply-to") for token in _tokens_in(value)]
        found += [token for value in self.all("references") for token in reversed(_tokens_in(value))]
        return tuple(dict.fromkeys(found))[:MAX_TOKENS]


def split_header(raw: bytes, max_bytes: int = MAX_HEADER_BYTES) -> tuple[Header, bytes]:
    """Return the header and the body of a mail or a part."""
    if raw[:1] == b"\n" or raw[:2] == b"\r\n":
        return Header(()), raw.partition(b"\n")[2]
    end = _END.search(raw, 0, max_bytes)
    block = raw[: end.start()] if end else raw[:max_bytes]
    body = raw[end.end() :] if end else b""
    text = decode(block, "utf-8").replace("\r\n", "\n")
    lines = re.sub(r"\n[ \t]", " ", text).split("\n")
    matches = [match for line in lines[:MAX_FIELDS] if (match := _FIELD.fullmatch(line))]
    fields = tuple((match[1].lower(), match[2].strip()) for match in matches)
    # A part may end with its header; a mail without a body ends with a line end.
    is_whole = (end is not None or raw.endswith(b"\n")) and len(raw if end is None else block) < max_bytes
    return Header(fields, is_whole and len(lines) <= MAX_FIELDS), body


def decode_words(value: str) -> str:
    """Decode encoded words (RFC 2047); what cannot be decoded stays as it is."""
    return _ENCODED.sub(_decode_word, _BETWEEN_ENCODED.sub(r"\1", value)) if "=?" in value else value


def _decode_word(word: re.Match[str]) -> str:
    charset, encoding, content = word[1], word[2].lower(), word[3].encode("ascii", "replace")
    try:
        raw = base64.b64decode(content + b"==") if encoding == "b" else binascii.a2b_qp(content, header=True)
    except (binascii.Error, ValueError):
        return word[0]
    return decode(raw, charset)


def _tokens_in(value: str) -> list[str]:
    """Some systems fold long values inside an ID, some encode them as words."""
    return _TOKEN.findall("".join(decode_words(value[:MAX_VALUE_CHARS]).split()))
