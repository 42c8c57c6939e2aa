"""What the OpenAPI document says about bodies and errors.

For integrators to read: the checking is done once, by ``Operations``, which every way in shares (law 9).
"""

from __future__ import annotations

from typing import Any

from addispatch.domain.alarm import MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_TO_COUNT, AlarmState, Priority
from addispatch.sdk.operations import Role

_NAME = {"type": "string", "maxLength": MAX_NAME_CHARS}
_NAMES = {"type": "array", "items": _NAME, "maxItems": MAX_TO_COUNT}

_ALARM: dict[str, Any] = {
    "type": "object",
    "required": ["text"],
    "properties": {
        "text": {"type": "string", "maxLength": MAX_TEXT_CHARS, "description": "What happened."},
        "id": {**_NAME, "description": "Makes it idempotent: the same id is stored once."},
        "key": {**_NAME, "description": "The condition; a raise with the key of an open case adds to it."},
        "priority": {"enum": [str(p) for p in Priority], "default": str(Priority.MEDIUM)},
        "state": {"enum": [str(s) for s in AlarmState], "default": str(AlarmState.RAISED)},
        "to": {"anyOf": [_NAME, _NAMES], "description": "Groups, recipients, numbers or mail addresses; else routing."},
        "source": {**_NAME, "default": "api"},
        "topic": {**_NAME, "description": "What routes match."},
        "ts": {"type": "string", "format": "date-time"},
        "ttl_s": {"type": "number", "exclusiveMinimum": 0},
        "ack_required": {"type": "boolean", "default": False},
        "data": {"type": "object", "description": "Values for templates and routes."},
        "at": {"type": "string", "format": "date-time", "description": "For a dry run: when it would come."},
    },
    "example": {"text": "Pump 3 is hot", "key": "pump3", "priority": "high", "to": ["CriticalAlarms"]},
}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


ALARM_BODY = _body(_ALARM)
TOKEN_BODY = _body(
    {
        "type": "object",
        "required": ["name"],
        "properties": {"name": _NAME, "role": {"enum": [str(r) for r in Role], "default": str(Role.VIEWER)}},
    }
)
_TEXT = {"type": "string", "maxLength": MAX_TEXT_CHARS}
_ACK: dict[str, Any] = {
    "by": {**_NAME, "description": "A recipient as whom it counts; else the caller on behalf of all."},
    "recipients": {**_NAMES, "description": "In a recall: for whom it counts; `all` for everybody missing."},
    "comment": {**_TEXT, "description": "Told to everybody who knows of the case."},
    "action": {"enum": ["ack", "decline", "comment"], "default": "ack"},
}
ACK_BODY = _body(
    {
        "type": "object",
        "properties": {
            "codes": {**_NAMES, "description": "The codes, as in the texts."},
            "case": {**_NAME, "description": "Instead of codes: the id of one case."},
            "text": {**_TEXT, "description": "Instead of all: what one would reply by SMS."},
            **_ACK,
        },
        "example": {"codes": ["A123"], "by": "Jane", "comment": "on my way"},
    }
)
CASE_ACK_BODY = _body({"type": "object", "properties": _ACK, "example": {"comment": "on my way"}})
CANCEL_BODY = _body({"type": "object", "properties": {"close_cases": {"type": "boolean", "default": False}}})
CLOSE_BODY = _body(
    {"type": "object", "properties": {"codes": _NAMES, "case": _NAME, "comment": _TEXT}, "example": {"codes": ["A123"]}}
)
RESTORED_BODY = _body({"type": "object", "required": ["action"], "properties": {"action": {"enum": ["send", "drop"]}}})
RESUME_BODY = _body({"type": "object", "properties": {"discard": {"type": "boolean", "default": False}}})
ADDRESS_BODY = _body({"type": "object", "required": ["address"], "properties": {"address": _NAME}})
MONITOR_TEST_BODY = _body(
    {
        "type": "object",
        "properties": {"name": _NAME, "probe": _NAME, "timeout_s": {"type": "number", "default": 5}},
        "description": "A monitor's name, or a probe and its keys.",
        "example": {"probe": "ping", "host": "10.0.0.20"},
    }
)
ENTRY_BODY = _body({"type": "object", "description": "As in directory.toml."})

_PROBLEM = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error", "field"],
                "properties": {
                    "error": {"type": "string", "description": "One line."},
                    "field": {"type": "string", "description": "What is wrong, or empty."},
                },
            }
        }
    }
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "No JSON object", **_PROBLEM},
    401: {"description": "No valid token", **_PROBLEM},
    403: {"description": "Not allowed for this role or from this web site", **_PROBLEM},
    404: {"description": "Not there", **_PROBLEM},
    413: {"description": "Body too large", **_PROBLEM},
    422: {"description": "A value is wrong", **_PROBLEM},
    503: {"description": "Cannot store now: try again", **_PROBLEM},
}
