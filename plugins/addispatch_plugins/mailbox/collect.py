"""One look at the mailbox: fetches and reads what is new. Called by ``poller`` in a thread behind ``border``."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from addispatch_plugins.mailbox.letter import UNREADABLE, Letter, read_letter
from addispatch_plugins.mailbox.session import Unfetchable

if TYPE_CHECKING:
    from addispatch_plugins.mailbox.session import Session

#: Most mails of one look, and how long it goes on fetching, in seconds.
MAX_MAILS, MAX_FETCH_S = 50, 60.0


@dataclass(slots=True)
class Look:
    """What a look found; filled while it goes on, so that what hangs can be told."""

    names: Sequence[str] = ()
    """All mails that are there."""
    letters: dict[str, Letter] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Mails the server does not give out, and why."""
    current: str = ""
    """The mail that is being fetched."""
    is_more: bool = False


def collect(session: Session, look: Look, known: Collection[str]) -> None:
    """Open the session and fetch the mails that are not ``known``; leaves the session open."""
    session.open()
    look.names = session.list()
    wanted = [name for name in look.names if name not in known]
    ends_s = time.monotonic() + MAX_FETCH_S
    for index, name in enumerate(wanted):
        if index == MAX_MAILS or time.monotonic() > ends_s:
            look.is_more = True
            break
        look.current = name
        try:
            fetched = session.fetch(name)
        except Unfetchable as error:
            look.refused[name] = str(error)
        else:
            look.letters[name] = _read(fetched.content, is_whole=fetched.is_whole)
    look.current = ""


def reference(mailbox: str, name: str, letter: Letter) -> str:
    """Return the same reference for the same mail, whenever and by whichever node it is read."""
    return hashlib.sha256(f"{mailbox}\0{name}\0{letter.identity}".encode("utf-8", "replace")).hexdigest()[:32]


def _read(content: bytes, *, is_whole: bool) -> Letter:
    try:
        return read_letter(content, is_whole=is_whole)
    except (ValueError, LookupError, RecursionError, MemoryError, AssertionError):
        # A mistake of ours must not stop the mails behind this one.
        return Letter(automatic=UNREADABLE)
