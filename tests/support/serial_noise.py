"""A serial port with something on it that is no modem: it answers everything with rubbish."""

from __future__ import annotations

import contextlib
import os
import threading
import tty
from collections.abc import Iterator


@contextlib.contextmanager
def noisy_port() -> Iterator[str]:
    """Give the path of the port."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def babble() -> None:
        with contextlib.suppress(OSError):  # closed
            while said := os.read(ours, 100):
                os.write(ours, b"\x00\xff~~ scale ready 12.5 kg\r\n" + said[::-1])

    thread = threading.Thread(target=babble, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.close(theirs)
        os.close(ours)
