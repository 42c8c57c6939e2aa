"""What a server answers, cut into replies (RFC 5321 4.2). Used by ``conversation``."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Longest reply taken from a server, in bytes, all its lines together.
MAX_REPLY_BYTES = 64 * 1024
#: Longest text of a reply shown to people, in characters.
MAX_TEXT_CHARS = 300
HYPHEN = ord("-")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered: the code, and its lines as they came."""

    code: int
    lines: bytes = b""

    def __str__(self) -> str:
        """For people: ``550 no such user``, the lines of a long reply joined."""
        lines = self.lines.decode(errors="replace").splitlines()
        text = " ".join(line[4:].strip() for line in lines)
        return f"{self.code} {''.join(filter(str.isprintable, text))[:MAX_TEXT_CHARS]}".strip()


_YES, _GO_ON = Reply(250), Reply(354)
_ENVELOPE = rb"250 [^\n]*\n250 [^\n]*\n354 [^\n]*\n"
# What comes nearly always: a mail is taken, an envelope is, or both. Nobody will read the text of a yes, so one look
# takes the place of making up to four replies.
_USUAL = re.compile(rb"(250 [^\n]*\n)|(%b)|(250 [^\n]*\n%b)" % (_ENVELOPE, _ENVELOPE))
_USUAL_REPLIES = {1: (_YES,), 2: (_YES, _YES, _GO_ON), 3: (_YES, _YES, _YES, _GO_ON)}


class Replies:
    """Collects what comes until it is whole replies."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.nonsense = ""
        """What is wrong with what came; after it there are no more replies."""

    def feed(self, data: bytes) -> tuple[Reply, ...]:
        """Return the replies that are complete now."""
        if not self._rest and (usual := _USUAL.fullmatch(data)):
            return _USUAL_REPLIES[usual.lastindex or 0]
        self._rest += data
        replies: list[Reply] = []
        while not self.nonsense and (reply := self._next()) is not None:
            replies.append(reply)
        if len(self._rest) > MAX_REPLY_BYTES:
            self.nonsense = "the server's reply is too long"
        return tuple(replies)

    def _next(self) -> Reply | None:
        """Take one whole reply off the rest: lines ``250-…`` up to ``250 …`` (RFC 5321 4.2.1)."""
        rest, start = self._rest, 0
        while (end := rest.find(b"\n", start)) >= 0:
            if end < start + 3 or rest[start + 3] != HYPHEN:
                code = rest[start : start + 3]
                reply = Reply(int(code) if code.isdigit() else 0, bytes(rest[:end]))
                del rest[: end + 1]
                if reply.code < 200:
                    self.nonsense = "the server sent what is no reply"
                    return None
                return reply
            start = end + 1
        return None
