"""First stage: is this an alarm at all, and within the limits? Called by ``accept`` for every alarm of every source."""

from __future__ import annotations

import math
import re

from addispatch.domain.alarm import MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_TO_COUNT, Alarm, AlarmState
from addispatch.domain.errors import Refused

#: Control characters and the signs that reverse the direction of text: they hide what a message says.
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: A ttl beyond a month is a mistake in the unit.
MAX_TTL_S = 31 * 86400.0


def clean_text(text: str) -> str:
    """Remove hidden characters and outer blanks; cut, visibly, what is too long."""
    if not text.isprintable():
        text = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.strip()
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 4] + " ..."


def check(alarm: Alarm) -> Alarm:
    """Return the alarm with a clean text, id and key; raises ``Refused`` naming the field."""
    text = clean_text(alarm.text)
    if not text and alarm.state is AlarmState.RAISED:
        raise Refused("text", "is empty")
    if alarm.state is AlarmState.CLEARED and not alarm.key:
        raise Refused("key", "is missing: a cleared alarm is found by its key")
    if alarm.id:
        _check_name("id", alarm.id)
    if alarm.key:
        _check_name("key", alarm.key)
    _check_name("source", alarm.source)
    if len(alarm.to) > MAX_TO_COUNT:
        raise Refused("to", f"names more than {MAX_TO_COUNT} audiences")
    if alarm.ttl_s is not None and not (math.isfinite(alarm.ttl_s) and 0 < alarm.ttl_s <= MAX_TTL_S):
        raise Refused("ttl_s", f"is not between 0 and {MAX_TTL_S:.0f} seconds")
    if text is alarm.text and alarm.id != "" and alarm.key != "":
        return alarm
    # An empty id (a template had nothing to fill in) is no id: or every alarm but the first would be a duplicate.
    return alarm._replace(text=text, id=alarm.id or None, key=alarm.key or None)


def _check_name(field: str, name: str) -> None:
    if len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise Refused(field, f"is longer than {MAX_NAME_CHARS} characters or has control characters")
