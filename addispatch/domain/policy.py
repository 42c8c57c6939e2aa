"""Policies: who must acknowledge, and what happens until someone does (SPEC 5). Frozen into each case as JSON text.

Built by ``store.directory_snapshot``, frozen by ``pipeline.enqueue``, read by everything that escalates.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any

#: SPEC 5.1: the wait before the first level and before each further one, in minutes.
FIRST_AFTER_MINUTES, NEXT_AFTER_MINUTES = 5.0, 15.0
#: What is put under a text that asks for an acknowledgement, unless the policy says otherwise.
FOOTNOTE = "ACK: Reply {CODE} + msg"
#: SPEC 5.6: texts with one of these words need no acknowledgement.
EXEMPT_KEYWORDS = ("return to normal", "back to normal", "recovered", "normal")


class PolicyKind(StrEnum):
    """Basic: anyone acknowledges for all. Recall: everyone for himself."""

    BASIC = "basic"
    RECALL = "recall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One escalation level: ``after_minutes`` after the one before, tell ``to`` or ring ``call`` (ids).

    ``resend`` tells the same recipients again; in a recall it reminds those who are missing.
    """

    after_minutes: float = FIRST_AFTER_MINUTES
    to: tuple[str, ...] = ()
    call: tuple[str, ...] = ()
    resend: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the level asks nobody."""
        return not (self.to or self.call or self.resend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The options of SPEC 5.5. None leaves the choice to the node: on if it has what it takes."""

    id: str
    name: str
    kind: PolicyKind = PolicyKind.BASIC
    levels: tuple[Level, ...] = ()
    max_send_wait_s: float = 120
    repeat: int = 0
    footnote: str = FOOTNOTE
    allow_email_reply: bool | None = None
    append_link: bool | None = None
    ack_any_acks_all: bool = False
    exempt_keywords: tuple[str, ...] = EXEMPT_KEYWORDS
    notify_contacted: bool = True
    continue_unsent: bool = False
    answer_acks: bool = True
    close_on_clear: bool = True
    keyword_clears: bool = False
    repeat_on_takeover: bool | None = None
    renotify_after_s: float | None = None
    close_after_h: float = 72

    @property
    def is_recall(self) -> bool:
        """Whether everyone must acknowledge for himself."""
        return self.kind is PolicyKind.RECALL


#: The options of an alarm that asks for an acknowledgement and whose audience has no policy: a code, no escalation.
NO_POLICY = Policy(id="", name="")
_KNOWN = {field.name for field in fields(Policy)}


@lru_cache(maxsize=1024)
def read_policy(text: str) -> Policy:
    """Return the policy frozen into a case; ``NO_POLICY`` for an empty text. Keys of a newer version are left out."""
    if not text:
        return NO_POLICY
    values: dict[str, Any] = {"id": "", "name": "", **json.loads(text)}
    levels = values.pop("levels", ())
    known: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in values.items()}
    known = {name: value for name, value in known.items() if name in _KNOWN}
    if "kind" in known:
        known["kind"] = PolicyKind(known["kind"])
    return Policy(levels=tuple(_level(level) for level in levels), **known)


def _level(values: dict[str, Any]) -> Level:
    return Level(
        after_minutes=values.get("after_minutes", NEXT_AFTER_MINUTES),
        to=tuple(values.get("to", ())),
        call=tuple(values.get("call", ())),
        resend=bool(values.get("resend", False)),
    )
