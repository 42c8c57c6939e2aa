"""Fourth stage: the text for each channel. Used by ``accept`` and by ``why``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from addispatch.domain.events import TemplateFailed
from addispatch.domain.text import fit_sms
from addispatch.runtime.template import Template, TemplateError

if TYPE_CHECKING:
    from addispatch.domain.addressbook import Directory
    from addispatch.domain.alarm import Alarm
    from addispatch.domain.events import Event
    from addispatch.pipeline.route import Target

#: Longest mail subject, in characters: what mail programs show.
SUBJECT_CHARS = 78


class Text(NamedTuple):
    """What goes out by one channel; ``whole`` is the text before it was cut for the channel."""

    text: str
    subject: str = ""
    whole: str = ""


class Composer:
    """Composes by one snapshot of the directory; templates are compiled once."""

    def __init__(self, directory: Directory, node: str, max_segments: int) -> None:
        self._node, self._max_segments = node, max_segments
        self._templates = {
            t.name: (Template(t.text), Template(t.subject) if t.subject else None, t.max_segments)
            for t in directory.templates.values()
        }

    def compose(self, alarm: Alarm, target: Target, channel: str, events: list[Event]) -> Text:
        """Return the text; a template that fails falls back to the raw text and adds an event."""
        text, subject, segments = alarm.text, "", self._max_segments
        if target.template:
            text, subject, segments = self._render(alarm, target, events)
        if channel == "sms":
            return Text(fit_sms(text, segments), whole=text)
        return Text(text, subject or default_subject(alarm), text)

    def _render(self, alarm: Alarm, target: Target, events: list[Event]) -> tuple[str, str, int]:
        found = self._templates.get(target.template)
        if found is None:
            _tell_once(events, TemplateFailed(target.template, "There is no template of that name."))
            return alarm.text, "", self._max_segments
        body, subject, segments = found
        try:
            fields = template_fields(alarm, target.audience.name, self._node)
            text = body.render(fields).strip()
            line = " ".join(subject.render(fields).split()) if subject else ""
        except TemplateError as error:
            _tell_once(events, TemplateFailed(target.template, str(error)))
            return alarm.text, "", segments
        if not text:
            _tell_once(events, TemplateFailed(target.template, "The result is empty."))
        return text or alarm.text, line, segments


def _tell_once(events: list[Event], event: Event) -> None:
    """The same template serves several channels and audiences: one failure is told once."""
    if event not in events:
        events.append(event)


def default_subject(alarm: Alarm) -> str:
    """Priority and the beginning of the text, on one line."""
    line = f"[{alarm.priority.upper()}] {alarm.text}"
    if not line.isprintable():
        line = " ".join(line.split())
    return line if len(line) <= SUBJECT_CHARS else line[: SUBJECT_CHARS - 3] + "..."


def template_fields(alarm: Alarm, audience: str, node: str) -> dict[str, Any]:
    """What templates can name: the alarm's own fields, then those of ``data``."""
    return {
        **alarm.data,
        "data": alarm.data,
        "text": alarm.text,
        "source": alarm.source,
        "topic": alarm.topic,
        "key": alarm.key or "",
        "id": alarm.id or "",
        "priority": alarm.priority.value,
        "state": alarm.state.value,
        "time": alarm.ts.isoformat(timespec="seconds") if alarm.ts else "",
        "audience": audience,
        "node": node,
    }
