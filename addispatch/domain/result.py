"""What the pipeline answers to a source once an alarm is durable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseRef:
    """A case an alarm went to: its id (UUID text) and its code, if somebody must acknowledge it."""

    id: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The alarm is committed. ``duplicate``: it was known already (same id, or a redelivered publish).

    ``cases`` are those it opened, added to or cleared. ``mirrored``: the peer holds it as well.
    """

    alarm_id: str
    cases: tuple[CaseRef, ...] = ()
    duplicate: bool = False
    mirrored: bool = False
