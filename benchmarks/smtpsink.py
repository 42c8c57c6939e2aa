"""A mail server that takes everything and notes the arrival. Run as a program by ``pipeline``.

A bare asyncio protocol: aiosmtpd would cost more than the contestants. Appends ``#number@published_ns arrived_ns`` per mail.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import re
import time
from typing import IO

BYE = b"221 bye\r\n"
MARK = re.compile(rb"#\d+@\d+")


def mark_of(mail: bytes) -> bytes:
    """The mark the load's text carries, decoded if the mail is."""
    found = MARK.search(mail)
    if found is None:
        text = email.message_from_bytes(mail, policy=email.policy.default).get_body(("plain",))
        found = MARK.search(text.get_content().encode() if text else b"")
    return found[0] if found else b"#unmarked@0"


class Session(asyncio.Protocol):
    """One connection; understands pipelining.

    The answers to commands that came together leave together (RFC 2920 3.2), as those of real servers do.
    """

    def __init__(self, out: IO[bytes]) -> None:
        self.out, self.buffer, self.in_data = out, b"", False
        self.answers: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while self.take():
            pass
        answers, self.answers = self.answers, []
        self.transport.write(b"".join(answers))
        if answers[-1:] == [BYE]:
            self.transport.close()

    def take(self) -> bool:
        """Consume one line or one mail; False when more bytes are needed."""
        end = b"\r\n.\r\n" if self.in_data else b"\r\n"
        part, found, rest = self.buffer.partition(end)
        if not found:
            return False
        self.buffer = rest
        if self.in_data:
            self.in_data = False
            self.out.write(b"%s %d\n" % (mark_of(part), time.monotonic_ns()))
            self.out.flush()
            self.answers.append(b"250 taken\r\n")
            return True
        verb = part[:4].upper()
        self.in_data = verb == b"DATA"
        answers = {
            b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            b"DATA": b"354 go on\r\n",
            b"QUIT": BYE,
        }
        self.answers.append(answers.get(verb, b"250 ok\r\n"))
        return verb != b"QUIT"


async def serve(port: int, path: str) -> None:
    with open(path, "ab") as out:
        server = await asyncio.get_running_loop().create_server(lambda: Session(out), "127.0.0.1", port, backlog=1000)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.path))
