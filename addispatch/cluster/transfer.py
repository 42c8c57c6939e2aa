"""A directory in chunks over a channel that loses, repeats and reorders. Pure; used by ``cluster.replica``.

The receiver asks for chunks by their numbers, a window at a time, which also tells the sender what has come; the
sender answers and remembers nothing. So either of them may restart, and what has come is not sent again.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from addispatch.domain.errors import ClusterError
from addispatch.domain.replication import Version

#: Bytes of the packed directory in one chunk: with base64 and its frame less than 16 KiB.
CHUNK_BYTES = 12_000
#: Largest packed directory.
MAX_BYTES = 16 * 1024 * 1024
#: Chunks asked for at once.
WINDOW_COUNT = 16
#: Pause after which chunks that did not come are asked for again.
RESEND_S = 0.5

Body = dict[str, Any]


def ask(version: Version, wanted: list[int]) -> Body:
    """Return the request for chunks of a directory."""
    return {"t": "ask", "version": version.row(), "want": wanted}


def answer(body: Mapping[str, Any], version: Version, blob: bytes) -> list[Body]:
    """Return the chunks asked for, or that there are none: another version by now, or, with ``why``, too large.

    Raises ``ClusterError``.
    """
    asked, wanted = Version.parse(body.get("version")), body.get("want")
    if not isinstance(wanted, list) or len(wanted) > WINDOW_COUNT or not all(isinstance(n, int) for n in wanted):
        raise ClusterError(f"want: must be at most {WINDOW_COUNT} numbers of chunks")
    if asked != version:
        return [{"t": "gone", "version": asked.row()}]
    if not blob:
        return [{"t": "gone", "version": asked.row(), "why": "it is too large to be copied"}]
    head = {"t": "chunk", "version": version.row(), "blob": digest(blob), "size": len(blob)}
    count = _count(len(blob))
    return [
        {**head, "n": n, "data": b64encode(blob[n * CHUNK_BYTES : (n + 1) * CHUNK_BYTES]).decode()}
        for n in wanted
        if 0 <= n < count
    ]


def digest(blob: bytes) -> str:
    """Tell one packing of a directory from another, for chunks of two must not be mixed."""
    return hashlib.sha256(blob).hexdigest()[:16]


class Fetch:
    """What has come of one directory."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.asked_s = 0.0
        """When chunks were last asked for, by the clock of the caller."""
        self._blob, self._size = "", 0
        self._parts: dict[int, bytes] = {}
        self._wanted: set[int] = set()

    def ask(self, now_s: float) -> Body:
        """Return the request for what is missing."""
        self.asked_s = now_s
        count = _count(self._size) if self._blob else WINDOW_COUNT
        wanted = [n for n in range(count) if n not in self._parts][:WINDOW_COUNT]
        self._wanted = set(wanted)
        return ask(self.version, wanted)

    def take(self, body: Mapping[str, Any]) -> bool:
        """Take a chunk; return whether more should be asked for at once. Raises ``ClusterError``."""
        if Version.parse(body.get("version")) != self.version:
            return False
        blob, size, number, data = _chunk(body)
        if (blob, size) != (self._blob, self._size):
            # Another packing of the same content: the sender was started anew.
            self._blob, self._size, self._parts = blob, size, {}
            self._wanted &= set(range(_count(size)))
        self._parts[number] = data
        was_waiting, self._wanted = bool(self._wanted), self._wanted - {number}
        return was_waiting and not self._wanted

    @property
    def blob(self) -> bytes | None:
        """The packed directory, once it is complete."""
        if not self._blob or len(self._parts) < _count(self._size):
            return None
        return b"".join(self._parts[n] for n in range(_count(self._size)))

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes there, and bytes in all (0: not known yet)."""
        return sum(map(len, self._parts.values())), self._size


def _chunk(body: Mapping[str, Any]) -> tuple[str, int, int, bytes]:
    match body:
        case {"blob": str(blob), "size": int(size), "n": int(number), "data": str(text)} if blob and len(blob) <= 64:
            pass
        case _:
            raise ClusterError("chunk: blob, size, n or data is missing or of the wrong kind")
    if not 0 < size <= MAX_BYTES:
        raise ClusterError(f"chunk: size must be 1 to {MAX_BYTES} bytes")
    if not 0 <= number < _count(size):
        raise ClusterError(f"chunk: n must be 0 to {_count(size) - 1}")
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ClusterError("chunk: data is no base64") from None
    if len(data) != min(CHUNK_BYTES, size - number * CHUNK_BYTES):
        raise ClusterError("chunk: data is not as long as it should be")
    return blob, size, number, data


def _count(size: int) -> int:
    return -(-size // CHUNK_BYTES)
