"""Renders the pages behind an acknowledge link: a case with its buttons, and plain messages. Used by ``link_app``.

For a phone with one bar of signal: one request, no script, nothing from elsewhere. The style stands in the page, and
the content security policy names it by its hash (CSP level 2), so that no other style and no script can get in.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from jinja2 import Environment

Doc = dict[str, Any]

#: Longest comment, in characters, as the page's text field counts them.
MAX_COMMENT_CHARS = 500
#: Most answers listed: in a recall there may be hundreds.
MAX_ANSWERS_COUNT = 20

_FOLDER = Path(__file__).parent / "pages"
_STYLE = (_FOLDER / "style.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: Nothing may be loaded, framed or sent elsewhere; ``data:`` is the empty icon, which saves browsers asking for one.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@cache
def _pages() -> Environment:
    """Made for the first page: without one a node has no use for Jinja2's 2 MB."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - see above
    from markupsafe import Markup  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    # Our own file and no user's text: it must arrive byte for byte, or its hash does not fit.
    environment.globals["style"] = Markup(_STYLE)  # noqa: S704
    return environment


def plain_page(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _pages().get_template("plain.html").render(title=title, text=text)


def case_page(link: Doc, zone: ZoneInfo, *, said: str = "", problem: str = "", comment: str = "") -> str:
    """Return the page of a case. ``link`` is what ``Operations.link`` gives; times are shown in ``zone``.

    ``said`` is the result of the answer before, ``problem`` what was wrong with it, ``comment`` what the field holds.
    """
    case, recipient = link["case"], str(link["recipient"])
    times = _Times(zone, case["opened_at"])
    has_acked = _has_acknowledged(case, recipient)
    page = _pages().get_template("case.html")
    return page.render(
        case={
            "code": case["code"] or "",
            "text": case["text"],
            "last_text": case.get("last_text") or case["text"],
            "count": case.get("count", 1),
            "priority": case["priority"],
            "audience": case.get("audience", ""),
            "state": _state(case),
            "since": times.in_full(case["opened_at"]),
        },
        recipient=recipient,
        notices=_notices(case, recipient, times, said, problem, has_acked=has_acked),
        answers=[
            {"by": note["by"], "at": times.short(note["at"]), "comment": note.get("comment", "")}
            for note in case["acknowledgements"][:MAX_ANSWERS_COUNT]
        ],
        is_waiting=case["state"] == "open" and not has_acked,
        comment=comment,
        max_comment=MAX_COMMENT_CHARS,
    )


class _Times:
    """Shows times in the node's zone: as short as can be on the day the case was opened."""

    def __init__(self, zone: ZoneInfo, opened_at: str) -> None:
        self._zone = zone
        self._day = self._local(opened_at).date()

    def _local(self, at: str) -> datetime:
        return datetime.fromisoformat(at).astimezone(self._zone)

    def in_full(self, at: str) -> str:
        return f"{self._local(at):%a %d %b %Y, %H:%M} ({self._zone.key})"

    def short(self, at: str) -> str:
        local = self._local(at)
        return f"{local:%H:%M}" if local.date() == self._day else f"{local:%d %b %H:%M}"


def _state(case: Doc) -> str:
    if case["acknowledged_at"]:
        return "partly acknowledged" if case["state"] == "open" else "acknowledged"
    return "not acknowledged" if case["state"] == "open" else str(case["state"])


def _has_acknowledged(case: Doc, recipient: str) -> bool:
    """Whether this person did; in a recall everybody does for himself, whatever others did."""
    notes = [note["by"] for note in case["acknowledgements"] if note.get("action", "ack") == "ack"]
    names = {str(name).casefold() for name in (*notes, case["acknowledged_by"]) if name}
    return recipient.casefold() in names


def _notices(
    case: Doc, recipient: str, times: _Times, said: str, problem: str, *, has_acked: bool
) -> list[dict[str, str]]:
    """What to tell first. It follows the case; ``said`` adds only what a case does not show."""
    found = [{"kind": "bad", "text": problem}] if problem else []
    if said == "commented":
        found.append({"kind": "good", "text": "Your comment was noted."})
    if has_acked:
        found.append({"kind": "good", "text": f"Acknowledged. Thank you, {recipient}."})
    elif said == "declined":
        found.append({"kind": "", "text": f"Noted: you cannot come, {recipient}."})
    if case["state"] != "open" and not has_acked:
        if case["acknowledged_at"]:
            by, at = case["acknowledged_by"], times.short(case["acknowledged_at"])
            found.append({"kind": "", "text": f"Already acknowledged by {by} at {at}."})
        elif case["closed_at"]:
            found.append({"kind": "", "text": f"Closed at {times.short(case['closed_at'])}: nothing to do."})
    return found
