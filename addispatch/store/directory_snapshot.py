"""Builds the immutable address book of the domain from the stored records. Used by ``store.directory_book``."""

from __future__ import annotations

from typing import Any

from addispatch.domain.addressbook import (
    Directory,
    Group,
    Match,
    Mode,
    Recipient,
    Route,
    Settings,
    TextTemplate,
)
from addispatch.domain.alarm import Priority
from addispatch.domain.policy import Level, Policy, PolicyKind
from addispatch.store.directory_keys import secrets_of
from addispatch.store.directory_records import Body, Record, Tables

_SETTINGS_KEYS = ("retention_days", "link_ttl_h", "anyone_may_ack", "heartbeat_at", "pause_remind_s")


def build(tables: Tables, generation: int) -> Directory:
    """Return the address book. What a record leaves out gets the domain's default, which equals the model's."""
    return Directory(
        generation=generation,
        recipients={r.id: _recipient(r) for r in tables["recipient"].values()},
        groups={r.id: Group(id=r.id, **_frozen(r.body)) for r in tables["group"].values()},
        policies={r.id: _policy(r) for r in tables["policy"].values()},
        templates={r.id: TextTemplate(id=r.id, **r.body) for r in tables["template"].values()},
        routes=tuple(_route(r) for r in tables["route"].values()),
        settings=_settings(next((r.body for r in tables["settings"].values()), {})),
        link_keys=secrets_of(tables),
    )


def _frozen(body: Body) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}


def _recipient(record: Record) -> Recipient:
    fields = _frozen(record.body)
    if mode := fields.get("mode"):
        fields["mode"] = Mode(mode)
    return Recipient(id=record.id, **fields)


def _policy(record: Record) -> Policy:
    body = _frozen(record.body)
    kind, given = PolicyKind(body.pop("kind", PolicyKind.BASIC)), body.pop("level", ())
    levels = [Level(**_frozen(level)) for level in given]
    # An empty level at the end only marks it; one before a filled level is left by a mend: it counts as unreachable.
    while levels and levels[-1].is_empty:
        levels.pop()
    return Policy(id=record.id, kind=kind, levels=tuple(levels), **body)


def _route(record: Record) -> Route:
    fields = _frozen(record.body)
    fields["continue_"] = fields.pop("continue", False)
    if match := fields.get("match"):
        priority = tuple(Priority(value) for value in match.get("priority", ()))
        fields["match"] = Match(**{**match, "priority": priority})
    return Route(id=record.id, **fields)


def _settings(body: Body) -> Settings:
    return Settings(
        system_alert_to=tuple(body.get("system_alert_to", ())),
        short_codes=frozenset(body.get("short_codes", ())),
        **{key: body[key] for key in _SETTINGS_KEYS if key in body},
    )
