"""From a payload to the arguments of an ``Alarm``: by a subscription's templates, or by the native keys.

Made once per topic by the intake. Whatever is wrong is named in ``problems``; the alarm goes out all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from addispatch.sdk import MAX_TO_COUNT, AlarmState, TemplateError
from addispatch_plugins.mqtt.config import Subscription, constant
from addispatch_plugins.mqtt.fields import read_name, read_native, read_priority, read_state

if TYPE_CHECKING:
    from addispatch.sdk import Template
    from addispatch_plugins.mqtt.payload import Kind, Payload

#: Source of an alarm that names none.
DEFAULT_SOURCE = "mqtt"
#: How much of a payload is used where it stands for a text; the core cuts visibly below that.
RAW_TEXT_CHARS = 5000

Fields = dict[str, Any]


class Rule(Protocol):
    """What makes alarms of the messages of one topic."""

    payload: Kind
    retained: str

    def fields(self, payload: Payload, problems: list[str]) -> Fields:
        """Return arguments for ``Alarm``: always text and source."""


class NativeRule:
    """The native topics ``alarm/raise``, ``alarm/clear`` and ``send``: plain text or the native JSON keys."""

    payload: Kind = "auto"
    retained = "changed"

    def __init__(self, *, state: AlarmState = AlarmState.RAISED, source: str = "", group: str = "") -> None:
        self._state, self._source, self._group = state, source, group

    def fields(self, payload: Payload, problems: list[str]) -> Fields:
        """Read the keys; the topic has the last word on state, source and group."""
        if isinstance(payload.value, dict):
            made = read_native(payload.value, problems)
            if self._state is AlarmState.CLEARED:
                made.setdefault("text", "")
        else:
            made = {"text": payload.text[:RAW_TEXT_CHARS]}
            if self._state is AlarmState.CLEARED and payload.text.strip():
                made["key"] = payload.text.strip()
        if self._state is AlarmState.CLEARED:
            made["state"] = AlarmState.CLEARED
        if self._group:
            made["to"] = (self._group,)
        if self._source:
            try:
                made["source"] = read_name(self._source)
            except ValueError as error:
                problems.append(f"source: {error}")
        return _complete(made, payload, problems)


class SubscriptionRule:
    """A configured subscription, for one topic it matches."""

    def __init__(self, subscription: Subscription, topic: str, captures: dict[str, str]) -> None:
        self.payload: Kind = subscription.payload
        self.retained: str = subscription.retained
        self._native = subscription.is_native
        self._allow_to = subscription.allow_to
        self._names: dict[str, Any] = {**captures, "topic": topic}
        self._captures = captures
        self._fixed: Fields = {}
        if subscription.ttl_s is not None:
            self._fixed["ttl_s"] = subscription.ttl_s
        if subscription.ack_required is not None:
            self._fixed["ack_required"] = subscription.ack_required
        self._templates: list[tuple[str, Template, Callable[[str], Any]]] = []
        for name, read in _FROM_TEXT.items():
            self._add(name, getattr(subscription, name), read)
        self._to = subscription.to
        if self._to and all(constant(name) is not None for name in self._to):
            self._fixed["to"] = tuple(name.source for name in self._to)
            self._to = ()

    def _add(self, name: str, template: Template | None, read: Callable[[str], Any]) -> None:
        text = constant(template)
        if text is not None:
            self._fixed[name] = read(text)
        elif template is not None:
            self._templates.append((name, template, read))

    def fields(self, payload: Payload, problems: list[str]) -> Fields:
        """Fill in the templates; what they do not say comes from a native JSON object."""
        value = payload.value
        is_object = type(value) is dict
        if self._native and is_object:
            made = read_native(value, problems)
            if not self._allow_to and made.pop("to", None) is not None:
                problems.append("to: only the subscription may say whom to tell (allow_to = true changes that)")
            made["data"] |= self._captures
        else:
            made = {"data": {**value, **self._captures} if is_object else dict(self._captures)}
            if is_object and isinstance(value.get("text"), str):
                made["text"] = value["text"]
        if payload.number is not None:
            made["data"].setdefault("value", payload.number)
        made.update(self._fixed)
        if self._templates or self._to:
            self._fill_in(made, payload, problems)
        if payload.problem and self.payload != "auto" and payload.text.strip():
            made["text"] = payload.text[:RAW_TEXT_CHARS]
        return _complete(made, payload, problems)

    def _fill_in(self, made: Fields, payload: Payload, problems: list[str]) -> None:
        names = {**self._names, "payload": payload.value}
        if payload.number is not None:
            names["value"] = payload.number
        for name, template, read in self._templates:
            try:
                made[name] = read(template.render(names))
            except (TemplateError, ValueError) as error:
                problems.append(f"{name}: {error}")
        if self._to:
            try:
                made["to"] = tuple(name.render(names) for name in self._to)
            except TemplateError as error:
                problems.append(f"to: {error}")


def _complete(made: Fields, payload: Payload, problems: list[str]) -> Fields:
    """Add what every alarm needs, and cut what the core would refuse: an alarm with a text always goes out."""
    if "text" not in made:
        if isinstance(payload.value, dict) and not problems:
            problems.append("text: is missing")
        made["text"] = payload.text[:RAW_TEXT_CHARS]
    elif _is_blank(made["text"]) and made.get("state") is not AlarmState.CLEARED and not _is_blank(payload.text):
        problems.append("text: is empty")
        made["text"] = payload.text[:RAW_TEXT_CHARS]
    to = made.get("to", ())
    if len(to) > MAX_TO_COUNT:
        problems.append(f"to: names {len(to)} audiences, only the first {MAX_TO_COUNT} are told")
        made["to"] = to[:MAX_TO_COUNT]
    if not made.get("source"):
        made["source"] = DEFAULT_SOURCE
    if payload.replaced:
        made["data"] = {**made.get("data", {}), "encoding": "not UTF-8"}
    return made


def _is_blank(text: str) -> bool:
    if text[:1] > " " and text[0].isprintable():  # nearly all of them
        return False
    return not any(char.isprintable() and not char.isspace() for char in text)


_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "text": str,
    "key": read_name,
    "id": read_name,
    "source": read_name,
    "priority": read_priority,
    "state": read_state,
}
