"""The private configuration file gammu reads. Written by the actor at each connection."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# CNMI: messages and delivery reports are stored (mt=1, ds=2), where polling finds them; routed ones would be lost.
_TEMPLATE = """\
[gammu]
device = {port}
connection = at115200
model = at
synchronizetime = no
atgen_setcnmi = 2,1,0,2,0
"""


def write_gammurc(file: Path, port: str) -> Path:
    """Write the file, readable by us alone; ``port`` is a checked device path.

    A file, because gammu leaves out the settings for incoming messages when it is configured by a dict.
    """
    text = _TEMPLATE.format(port=port)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if file.read_text(encoding="ascii") == text:  # on a full disk a modem must still be able to come back
            return file
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as stream:
        stream.write(text)
    return file
