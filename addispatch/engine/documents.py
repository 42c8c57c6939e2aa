"""Reads the alarm documents of the API and the CLI. Used by ``engine.operations``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from addispatch.config.explain import did_you_mean
from addispatch.domain.alarm import Alarm, AlarmState, Priority
from addispatch.domain.errors import Refused

KEYS = (
    "id", "key", "text", "priority", "state", "to", "source", "topic", "ts", "ttl_s", "ack_required", "data", "at",
)  # fmt: skip


def read_alarm(doc: dict[str, Any], default_source: str) -> Alarm:
    """Build an alarm from a document with the keys of CONTRACT; raises ``Refused`` naming the field."""
    for key in doc:
        if key not in KEYS:
            raise Refused(str(key)[:60], f"is no field of an alarm ({did_you_mean(str(key), KEYS)})")
    read_time(doc, "at")
    data = doc.get("data") or {}
    if not isinstance(data, dict):
        raise Refused("data", "must be an object")
    return Alarm(
        text=_text(doc, "text") or "",
        source=_text(doc, "source") or default_source,
        id=_text(doc, "id"),
        key=_text(doc, "key"),
        topic=_text(doc, "topic") or "",
        priority=_choice(doc, "priority", Priority, Priority.MEDIUM),
        state=_choice(doc, "state", AlarmState, AlarmState.RAISED),
        is_stated=doc.get("state") is not None,
        to=_names(doc.get("to")),
        ts=read_time(doc, "ts"),
        ttl_s=_number(doc, "ttl_s"),
        ack_required=_flag(doc, "ack_required"),
        data=data,
    )


def _text(doc: dict[str, Any], key: str) -> str | None:
    value = doc.get(key)
    if value is not None and not isinstance(value, str):
        raise Refused(key, "must be text")
    return value


def _choice(doc: dict[str, Any], key: str, kind: Any, default: Any) -> Any:
    value = doc.get(key)
    if value is None:
        return default
    if value not in tuple(kind):
        raise Refused(key, f"must be one of {', '.join(kind)}")
    return kind(value)


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise Refused("to", "must be a name or a list of names")
    return tuple(name.strip() for name in names)


def read_time(doc: dict[str, Any], key: str) -> datetime | None:
    """A time of a document, UTC; raises ``Refused``."""
    value = _text(doc, key)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Refused(key, "must be a time like 2026-11-23T06:12:00Z") from None


def _number(doc: dict[str, Any], key: str) -> float | None:
    value = doc.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(key, "must be a number")
    return float(value)


def _flag(doc: dict[str, Any], key: str) -> bool:
    value = doc.get(key, False)
    if not isinstance(value, bool):
        raise Refused(key, "must be true or false")
    return value
