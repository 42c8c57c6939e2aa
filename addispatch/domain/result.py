"""What the pipeline answers to a source once an alarm is durable."""

from __future__ import annotations

from typing import NamedTuple


class CaseRef(NamedTuple):
    """A case an alarm went to: its id (UUID text) and its code, if somebody must acknowledge it."""

    id: str
    code: str | None = None


class Accepted(NamedTuple):
    """The alarm is committed. ``duplicate``: it was known already (same id, or a redelivered publish).

    ``cases`` are those it opened, added to or cleared. ``mirrored``: the peer holds it as well.
    """

    alarm_id: str
    cases: tuple[CaseRef, ...] = ()
    duplicate: bool = False
    mirrored: bool = False
