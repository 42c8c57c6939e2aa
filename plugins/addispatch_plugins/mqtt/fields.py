"""The keys of a native alarm in JSON (CONTRACT, MQTT), each read on its own: a bad one is named, the rest counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from addispatch.sdk import MAX_NAME_CHARS, AlarmState, Priority
from addispatch_plugins.mqtt.config import CLEARED_WORDS, RAISED_WORDS

#: Longest ``ttl_s``.
MAX_TTL_S = 31 * 86400
#: Times beyond this many seconds are milliseconds, as PLCs send them.
_MILLISECONDS_FROM = 1e11


def read_native(document: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Return arguments for ``Alarm``; unknown keys go to ``data``; what cannot be read is added to ``problems``."""
    fields: dict[str, Any] = {}
    data: dict[str, object] = {}
    for name, value in document.items():
        reader = _READERS.get(name)
        if reader is None:
            data[name] = value
        elif value is not None:
            try:
                fields[name] = reader(value)
            except ValueError as error:
                problems.append(f"{name}: {error}")
    given = fields.get("data")
    fields["data"] = {**data, **given} if given else data
    return fields


def read_priority(value: object) -> Priority:
    """Read one of the four words."""
    word = str(value).strip().lower()
    if word not in tuple(Priority):
        raise ValueError(f"{_shown(value)} is none of {', '.join(Priority)}")
    return Priority(word)


def read_state(value: object) -> AlarmState:
    """Read raised or cleared, or a truth value as PLCs say it."""
    word = str(value).strip().lower()
    if word in RAISED_WORDS:
        return AlarmState.RAISED
    if word in CLEARED_WORDS:
        return AlarmState.CLEARED
    raise ValueError(f"{_shown(value)} is neither raised nor cleared")


def read_name(value: object) -> str:
    """Read an id, key or source: short and printable, else the core would refuse the whole alarm."""
    text = _text(value)
    if len(text) > MAX_NAME_CHARS or not text.isprintable():
        raise ValueError(f"has control characters or more than {MAX_NAME_CHARS} characters")
    return text


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise ValueError("is no text")


def _names(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError("is neither a name nor a list of names")
    return tuple(name.strip() for name in names)


def _time(value: object) -> datetime:
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError(f"{_shown(value)} is no time like 2026-11-23T06:12:00Z")


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MAX_TTL_S:
        raise ValueError(f"{_shown(value)} is no number of seconds up to 31 days")
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is neither true nor false")  # noqa: TRY004 - callers catch one error
    return value


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("is no object")  # noqa: TRY004 - as above
    return value


def _shown(value: object) -> str:
    return repr(value)[:60]


_READERS: dict[str, Callable[[object], Any]] = {
    "id": read_name,
    "key": read_name,
    "text": _text,
    "source": read_name,
    "priority": read_priority,
    "state": read_state,
    "to": _names,
    "ts": _time,
    "ttl_s": _seconds,
    "ack_required": _flag,
    "data": _object,
}
