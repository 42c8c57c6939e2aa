"""Seals what one node tells the other, and opens it: ChaCha20-Poly1305 (RFC 8439). Called by ``cluster.link``.

On the wire: 2 bytes length of the header, the header as JSON, 12 bytes nonce, the sealed body. Topic and header are
associated data: readable, but nobody without the key can change them or move a message to another topic.

The nonce is random: the count starts anew with each boot, and a virtual machine that was rolled back would use one
twice. Random ones are good for 2^32 messages a key (a chance of 2^-33 that two are alike): 13 years at 10 a second.
"""

from __future__ import annotations

import os
import zlib
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    from addispatch.cluster.keyring import Keyring

VERSION = 1
#: Largest header, body as it travels, and body once it is unpacked, in bytes.
MAX_HEADER_BYTES, MAX_BODY_BYTES, MAX_UNPACKED_BYTES = 1024, 64 * 1024, 1024 * 1024
#: Bodies larger than this are packed if that makes them smaller, in bytes.
PACK_BYTES = 512

_NONCE_BYTES, _TAG_BYTES = 12, 16
_LEAST_BYTES = 2 + _NONCE_BYTES + _TAG_BYTES + 1
_MOST_BYTES = 2 + MAX_HEADER_BYTES + _NONCE_BYTES + 1 + MAX_BODY_BYTES + _TAG_BYTES
_PLAIN, _ZLIB = b"\0", b"\1"
_NAMES = ("v", "kid", "from", "store", "boot", "n", "to", "tstore", "tboot", "ts")
_MAX_TEXT_CHARS = 64
_MAX_NUMBER = 2**53


class Reason(StrEnum):
    """Why an envelope was not opened."""

    VERSION = "unknown version"
    KEY = "unknown key"
    SEAL = "bad seal"
    MALFORMED = "malformed"
    TOO_LARGE = "too large"


class BadEnvelope(Exception):
    """What came is no message of ours, or was changed on its way."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


class Header(NamedTuple):
    """Who says it (name, store, boot, the how manieth of this boot) and to whom; the JSON names ``sender`` ``from``.

    ``tstore`` and ``tboot`` are empty while the sender does not know them; ``ts`` is its clock, in seconds since 1970,
    for people.
    """

    v: int
    kid: str
    sender: str
    store: str
    boot: str
    n: int
    to: str
    tstore: str
    tboot: str
    ts: float


def seal(keyring: Keyring, topic: str, header: Header, body: bytes) -> bytes:
    """Return the payload to publish on ``topic``. The key is the keyring's first, whatever ``header.kid`` says.

    Raises ``BadEnvelope`` (too large) for a body beyond 64 KiB packed or 1 MiB unpacked.
    """
    kid = keyring.kid
    head = orjson.dumps(dict(zip(_NAMES, header._replace(kid=kid), strict=True)))
    content = _pack(body)
    if len(head) > MAX_HEADER_BYTES or len(content) > MAX_BODY_BYTES + 1 or len(body) > MAX_UNPACKED_BYTES:
        raise BadEnvelope(Reason.TOO_LARGE)
    nonce = os.urandom(_NONCE_BYTES)
    prefix = len(head).to_bytes(2) + head
    return prefix + nonce + _cipher(keyring.keys[kid]).encrypt(nonce, content, topic.encode() + b"\0" + prefix)


def peek(payload: bytes) -> Header:
    """Read the header without opening: nothing in it is proven. Raises ``BadEnvelope``."""
    return _header(payload)[0]


def open_sealed(keyring: Keyring, topic: str, payload: bytes) -> tuple[Header, bytes]:
    """Return header and body of what somebody with a key of ours sealed for this topic; raises ``BadEnvelope``."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - a single node must not pay for it

    header, end = _header(payload)
    key = keyring.keys.get(header.kid)
    if key is None:
        raise BadEnvelope(Reason.KEY)
    nonce, sealed = payload[end : end + _NONCE_BYTES], payload[end + _NONCE_BYTES :]
    try:
        content = _cipher(key).decrypt(nonce, sealed, topic.encode() + b"\0" + payload[:end])
    except InvalidTag:
        raise BadEnvelope(Reason.SEAL) from None
    return header, _unpack(content)


def _header(payload: bytes) -> tuple[Header, int]:
    """Read and check the header; also return where it ends."""
    if len(payload) > _MOST_BYTES:
        raise BadEnvelope(Reason.TOO_LARGE)
    end = 2 + int.from_bytes(payload[:2])
    if end - 2 > MAX_HEADER_BYTES or len(payload) < _LEAST_BYTES + end - 2:
        raise BadEnvelope(Reason.MALFORMED)
    try:
        fields = orjson.loads(payload[2:end])
    except ValueError:
        raise BadEnvelope(Reason.MALFORMED) from None
    if not isinstance(fields, dict):
        raise BadEnvelope(Reason.MALFORMED)
    if fields.get("v") != VERSION:
        raise BadEnvelope(Reason.VERSION if isinstance(fields.get("v"), int) else Reason.MALFORMED)
    # Fields a later version adds are passed over; a change of meaning raises v.
    values: list[Any] = [fields.get(name) for name in _NAMES]
    if not _is_sound(values):
        raise BadEnvelope(Reason.MALFORMED)
    return Header(*values), end


def _is_sound(values: list[Any]) -> bool:
    v, *texts, n, to, tstore, tboot, ts = values
    return (
        _is_number(v, int)
        and _is_number(n, int)
        and _is_number(ts, (int, float))
        and all(isinstance(text, str) and len(text) <= _MAX_TEXT_CHARS for text in (*texts, to, tstore, tboot))
        and all(texts)
    )


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and 0 <= value <= _MAX_NUMBER


def _pack(body: bytes) -> bytes:
    if len(body) > PACK_BYTES:
        packed = zlib.compress(body, 1)
        if len(packed) < len(body):
            return _ZLIB + packed
    return _PLAIN + body


def _unpack(content: bytes) -> bytes:
    flag, body = content[:1], content[1:]
    if flag == _PLAIN:
        return body
    if flag != _ZLIB:
        raise BadEnvelope(Reason.MALFORMED)
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(body, MAX_UNPACKED_BYTES + 1)
    except zlib.error:
        raise BadEnvelope(Reason.MALFORMED) from None
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise BadEnvelope(Reason.TOO_LARGE)
    if not unpacking.eof or unpacking.unused_data:
        raise BadEnvelope(Reason.MALFORMED)
    return unpacked


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> ChaCha20Poly1305:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - as above

    return ChaCha20Poly1305(key)
