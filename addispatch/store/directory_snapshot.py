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
from addispatch.domain.judgement import LEVELS, Limit, Rules
from addispatch.domain.monitor import Monitor
from addispatch.domain.policy import Level, Policy, PolicyKind
from addispatch.domain.window import parse_window
from addispatch.store.directory_keys import secrets_of
from addispatch.store.directory_records import Body, Record, Tables, name_of
from addispatch.store.monitor_model import own_keys

_RULES = (
    "alarm_on", "rate", "stale_after_s", "deadband", "on_delay_s", "off_delay_s", "retries", "priority", "priorities",
)  # fmt: skip
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
        monitors={r.id: _monitor(r, tables) for r in tables["monitor"].values()},
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


def _monitor(record: Record, tables: Tables) -> Monitor:
    body = {key: value for key, value in _frozen(record.body).items() if key in own_keys()}
    limits = {limit: float(body.pop(limit)) for limit in LEVELS if limit.value in body}
    rules = {key: body.pop(key) for key in _RULES if key in body}
    if "priority" in rules:
        rules["priority"] = Priority(rules["priority"])
    rules["priorities"] = {Limit(limit): Priority(value) for limit, value in rules.get("priorities", {}).items()}
    body["maintenance"] = tuple(parse_window(text) for text in body.get("maintenance", ()))
    # Names, for that is what an alarm is addressed to.
    body["to"] = tuple(name_of(tables, ident) for ident in body.get("to", ()))
    keys = {key: value for key, value in record.body.items() if key not in own_keys()}
    return Monitor(id=record.id, keys=keys, rules=Rules(limits=limits, **rules), **body)


def _settings(body: Body) -> Settings:
    return Settings(
        system_alert_to=tuple(body.get("system_alert_to", ())),
        short_codes=frozenset(body.get("short_codes", ())),
        **{key: body[key] for key in _SETTINGS_KEYS if key in body},
    )
