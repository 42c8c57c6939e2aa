"""One event in one line, as the event log has it; the same on the terminal and in the download. Pure.

Used by ``cli.text`` and ``http.download``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

#: How a severity is marked (SPEC 7); nothing for ``info``.
MARKS = {"warning": "[!]", "severe": "[!!!]"}


def event_line(event: Mapping[str, object], zone: tzinfo) -> str:
    """Return ``YYYY.MM.DD HH:MM:SS:mmm [!|!!!] text`` in the time zone; the event is a document of the API."""
    return " ".join(part for part in event_parts(event, zone) if part)


def event_parts(event: Mapping[str, object], zone: tzinfo) -> tuple[str, str, str]:
    """Return time, mark and text of the line; ``-`` stands for a time that is none."""
    mark = MARKS.get(str(event.get("severity")), "")
    return _when(event.get("at"), zone), mark, one_line(event.get("text"))


def one_line(value: object) -> str:
    """Return one line without control or direction signs: texts come from outside and must steer no terminal."""
    text = "-" if value is None else str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless(sign) for sign in text)


def _when(value: object, zone: tzinfo) -> str:
    try:
        at = datetime.fromisoformat(str(value)).astimezone(zone)
    except (ValueError, OverflowError):
        return "-"
    return f"{at:%Y.%m.%d %H:%M:%S}:{at.microsecond // 1000:03d}"


def _harmless(sign: str) -> str:
    if sign.isprintable():
        return sign
    return " " if sign.isspace() else "\ufffd"
