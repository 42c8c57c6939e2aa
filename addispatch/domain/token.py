"""Acknowledge tokens: who may acknowledge which case until when, signed so that either node can verify it.

Made by ``engine`` for links and for the Message-ID of mails; verified when a link is opened or a mail answers. A token
names the case (16 bytes), the recipient (6 bytes of a hash of his id) and its end (4 bytes, seconds since 1970), and
ends in 16 bytes of HMAC-SHA256 (RFC 2104) over them: 42 bytes, 56 characters of URL-safe base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import NamedTuple

from addispatch.domain.ids import dashed

#: What a token looks like, for finding one in a text.
PATTERN = r"[A-Za-z0-9_-]{56}"
_CASE, _RECIPIENT, _END, _SEAL = 16, 6, 4, 16
_BODY = _CASE + _RECIPIENT + _END
#: Sealed when there is no key: takes the same time as a real one.
_NO_KEY = bytes(32)


class Grant(NamedTuple):
    """What a valid token says. ``recipient_mark`` is ``mark_of`` his id."""

    case_id: str
    recipient_mark: bytes
    ends_at_s: int


def mark_of(recipient_id: str) -> bytes:
    """Return the bytes by which a token names a recipient."""
    return hashlib.sha256(recipient_id.encode()).digest()[:_RECIPIENT]


def make_token(key: bytes, case_id: str, recipient_id: str, ends_at_s: int) -> str:
    """Return the token. ``ends_at_s`` is cut to what fits into four bytes (the year 2106)."""
    end = min(max(ends_at_s, 0), 2**32 - 1).to_bytes(_END, "big")
    body = bytes.fromhex(case_id.replace("-", "")) + mark_of(recipient_id) + end
    return base64.urlsafe_b64encode(body + _seal(key, body)).decode()


def read_token(keys: Sequence[bytes], token: str, now_s: float) -> Grant | None:
    """Return what a token grants; None if it is altered, expired or none at all, after the same work each time."""
    # The decoder alone would take the other alphabet, too, and skip over what is in neither.
    raw = base64.urlsafe_b64decode(token) if re.fullmatch(PATTERN, token) else b""
    is_whole = len(raw) == _BODY + _SEAL
    raw = raw if is_whole else bytes(_BODY + _SEAL)
    body, seal = raw[:_BODY], raw[_BODY:]
    is_sealed = False
    for key in keys or (_NO_KEY,):
        is_sealed |= hmac.compare_digest(_seal(key, body), seal)
    ends_at_s = int.from_bytes(body[-_END:], "big")
    is_good = is_whole & bool(keys) & is_sealed & (now_s < ends_at_s)
    return Grant(dashed(body[:_CASE].hex()), body[_CASE : _CASE + _RECIPIENT], ends_at_s) if is_good else None


def _seal(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_SEAL]
