"""How values look on a terminal: colours, times, and texts that cannot play tricks. Used by ``cli.table`` and views."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from addispatch.domain.event_line import event_parts, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES = {"red": "31", "alarm": "1;31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}
#: What a word in a state or priority column means, by colour.
_WORDS = {
    "alarm": ("critical", "crashed"),
    "red": (
        "high", "open", "failed", "expired", "undelivered", "load_error", "config_error", "check_failed", "down",
        "offline", "no_sim", "error",
    ),
    "yellow": ("medium", "acknowledged", "queued", "sending", "in_doubt", "held", "starting", "searching"),
    "green": ("sent", "delivered", "enabled", "online", "ok", "up", "ready"),
    "dim": ("low", "closed", "disabled", "cancelled", "filtered"),
}  # fmt: skip
_COLOUR_OF = {word: colour for colour, words in _WORDS.items() for word in words}
_COLOUR_CODE = re.compile(r"\033\[[0-9;]*m")
#: Longest text of an alarm or event in a list, in columns: a list is for looking over, ``--json`` has all of it.
BRIEF = 200
_SIGNALS = ((10, "Very poor"), (15, "Poor"), (20, "Fair"), (25, "Good"), (32, "Excellent"))


def is_terminal() -> bool:
    """Whether people watch: then lines are fitted to the width."""
    return sys.stdout.isatty()


def terminal_columns() -> int:
    """How wide the terminal is; 0 when there is none."""
    return shutil.get_terminal_size().columns if is_terminal() else 0


def colour(text: str, name: str) -> str:
    """Colour the text on a terminal, unless NO_COLOR is set (no-color.org)."""
    if not text or not is_terminal() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{_CODES[name]}m{text}\033[0m"


def word_colour(word: str) -> str | None:
    """Return the colour of a state or priority word."""
    return _COLOUR_OF.get(word)


def printable(value: object) -> str:
    """Return one line without control or direction signs: texts come from outside and must not steer the terminal."""
    return one_line(value)


def width(text: str) -> int:
    """How many columns the text takes: East Asian wide signs take two, combining ones and our colours none."""
    if "\033" in text:
        text = _COLOUR_CODE.sub("", text)
    if text.isascii():
        return len(text)
    return sum(_sign_width(sign) for sign in text)


def _sign_width(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """Shorten the text to so many columns, ending in ``…``."""
    if width(text) <= columns:
        return text
    text = text[:columns]
    while text and width(text) > columns - 1:
        text = text[:-1]
    return text + "…"


def wrap(text: str, columns: int) -> list[str]:
    """Break the text into lines of at most so many columns, between words where possible."""
    lines = [""]
    for word in text.split():
        if lines[-1] and width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += f" {word}"
            continue
        if lines[-1]:
            lines.append("")
        if width(word) <= columns:
            lines[-1] = word
            continue
        for sign in word:
            if width(lines[-1]) + width(sign) > columns:
                lines.append("")
            lines[-1] += sign
    return lines


def brief(value: object) -> str:
    """Return a text as lists show it: one line of bearable length."""
    return cut(printable(value), BRIEF)


def fold(line: str, indent: int = 2) -> str:
    """Fit a line to the terminal: broken between words, what follows indented. Without a terminal it stays whole."""
    columns = terminal_columns()
    if not columns or width(line) <= columns:
        return line
    lead = " " * (len(line) - len(line.lstrip(" ")))
    first, *rest = wrap(line, max(columns - len(lead) - indent, 10))
    return "\n".join([lead + first, *(lead + " " * indent + part for part in rest)])


class _Clock:
    """Where the node's clock hangs: all times are shown as the people beside it read them."""

    zone: tzinfo = datetime.now(UTC).astimezone().tzinfo or UTC
    name = ""


def use_zone(name: str) -> None:
    """Show times in this time zone; the terminal's own until it is known, or if this machine does not know it."""
    from zoneinfo import ZoneInfo

    try:
        _Clock.zone, _Clock.name = ZoneInfo(name), name
    except (OSError, ValueError, KeyError):  # unknown here is a KeyError
        _Clock.name = ""


def name_zone() -> None:
    """Say, below times, whose they are."""
    if _Clock.name:
        print(colour(f"times: {_Clock.name}", "dim"))


def moment(value: object) -> datetime | None:
    """Read an RFC 3339 time; in the node's time zone, or None if it is none."""
    try:
        return datetime.fromisoformat(str(value)).astimezone(_Clock.zone)
    except ValueError:
        return None


def short_time(value: object) -> str:
    """Show a time as briefly as it stays clear: today's hour, else the day, else the year, too."""
    at, now = moment(value), datetime.now(_Clock.zone)
    if at is None:
        return "-"
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%d %b %H:%M}" if at.year == now.year else f"{at:%Y-%m-%d}"


def clock_text(value: object) -> str:
    """Show the time of day."""
    at = moment(value)
    return f"{at:%H:%M:%S}" if at else "-"


def duration(seconds: float) -> str:
    """Show a duration in its two largest units."""
    rest = int(seconds)
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def event_line(event: Mapping[str, object]) -> str:
    """Show an event as the event log has it, but coloured, of bearable length and fitted to the terminal."""
    when, mark, text = event_parts(event, _Clock.zone)
    text = f"{mark} {cut(text, BRIEF)}".lstrip()
    if mark:
        text = colour(text, "alarm" if mark == "[!!!]" else "yellow")
    return fold(f"{colour(when, 'dim')} {text}")


def signal(value: object) -> str:
    """Show a signal as ``13(Poor)`` (3GPP TS 27.007 8.5: 0 to 31, 99 unknown)."""
    if not isinstance(value, int):
        return printable(value)
    quality = next((words for limit, words in _SIGNALS if 0 <= value < limit), "Unknown")
    return f"{value}({quality})"
