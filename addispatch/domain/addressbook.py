"""Who there is to tell: recipients, groups, policies, templates, routes. An immutable snapshot.

Built by ``store.directory`` from what users edited; read by the pipeline. Names share one case-insensitive namespace;
ids never change, so a rename is safe (SPEC 1).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from addispatch.domain.alarm import Priority
from addispatch.domain.monitor import Monitor
from addispatch.domain.policy import Policy

#: Namespace of the ids of audiences that are in no address book: a bare number or mail address.
_AD_HOC = uuid.UUID("6f0d6a52-4c7e-5b0e-9a43-0c3c8d4b1a01")

#: Channels a recipient is reached by unless told otherwise, in this order; voice only by a policy's ``call``.
DEFAULT_CHANNELS = ("sms", "email", "chat")

#: The group that takes alarms no route takes.
DEFAULT_GROUP = "default"


class Mode(StrEnum):
    """How a recipient's channels are used: all at once, or the next when one fails."""

    PARALLEL = "parallel"
    LADDER = "ladder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A person (or a desk). ``sms`` and ``phone`` are E.164; ``channels`` empty means all that have an address."""

    id: str
    name: str
    sms: str = ""
    phone: str = ""
    email: tuple[str, ...] = ()
    chat: tuple[str, ...] = ()
    language: str = ""
    department: str = ""
    enabled: bool = True
    policy: str = ""
    channels: tuple[str, ...] = ()
    mode: Mode = Mode.PARALLEL
    step_after_s: float | None = None

    def addresses(self, channel: str) -> tuple[str, ...]:
        """Addresses for a channel; a channel that needs none (such as ``log``) gets the recipient's name."""
        if channel == "sms":
            return (self.sms,) if self.sms else ()
        if channel == "voice":
            return (self.phone or self.sms,) if self.phone or self.sms else ()
        if channel == "email":
            return self.email
        if channel == "chat":
            return self.chat
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of recipients; ``members`` are recipient ids."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTemplate:
    """A named text template; ``max_segments`` is the budget of an SMS made from it."""

    id: str
    name: str
    text: str
    subject: str = ""
    max_segments: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a route asks of an alarm; empty fields match everything.

    ``topic`` is an MQTT filter (``+``, ``#``). ``text`` and ``key`` are found anywhere, case-insensitive, with ``*``
    for any characters and ``?`` for one.
    """

    source: str = ""
    topic: str = ""
    text: str = ""
    key: str = ""
    priority: tuple[Priority, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Sends matching alarms to audiences; ``to`` are ids of groups and recipients, in the order written."""

    id: str
    name: str
    match: Match = field(default_factory=Match)
    to: tuple[str, ...] = ()
    continue_: bool = False
    template: str = ""
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Directory-wide settings: ``system_alert_to`` are ids, ``short_codes`` are numbers outside the numbering plan."""

    system_alert_to: tuple[str, ...] = ()
    #: Local time of the daily heartbeat, ``08:00``; empty for none.
    heartbeat_at: str = ""
    #: How often a pause that lasts is told again; 0 for never.
    pause_remind_s: float = 900
    retention_days: int = 90
    link_ttl_h: float = 72
    anyone_may_ack: bool = False
    short_codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a case addresses: a group, a recipient, or an address that is in no address book."""

    id: str
    name: str
    recipients: tuple[Recipient, ...]
    policy: Policy | None = None


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The whole address book at one moment. ``generation`` grows with each change."""

    generation: int = 0
    recipients: Mapping[str, Recipient] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    templates: Mapping[str, TextTemplate] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    monitors: Mapping[str, Monitor] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    #: Keys of acknowledge tokens (see ``domain.token``), the one that signs first.
    link_keys: tuple[bytes, ...] = field(default=(), repr=False)

    @cached_property
    def _by_name(self) -> dict[str, Recipient | Group]:
        found: dict[str, Recipient | Group] = {r.name.casefold(): r for r in self.recipients.values()}
        found.update({g.name.casefold(): g for g in self.groups.values()})
        return found

    @cached_property
    def _by_address(self) -> dict[str, list[Recipient]]:
        found: dict[str, list[Recipient]] = {}
        for person in self.recipients.values():
            for address in dict.fromkeys((person.sms, person.phone, *person.email)):
                if address:
                    found.setdefault(address.casefold(), []).append(person)
        return found

    def people_at(self, address: str) -> list[Recipient]:
        """Return everybody who has a number or mail address."""
        return self._by_address.get(address.casefold(), [])

    def find(self, name: str) -> Recipient | Group | None:
        """Return the recipient or group of that name, in any case."""
        return self._by_name.get(name.casefold())

    def audience(self, ident: str) -> Audience | None:
        """Return the audience of a recipient's or group's id; disabled members are left out."""
        if group := self.groups.get(ident):
            members = tuple(r for m in group.members if (r := self.recipients.get(m)) and r.enabled)
            return Audience(group.id, group.name, members, self.policies.get(group.policy))
        if person := self.recipients.get(ident):
            people = (person,) if person.enabled else ()
            return Audience(person.id, person.name, people, self.policies.get(person.policy))
        return None


def ad_hoc_audience(*, number: str = "", email: str = "") -> Audience:
    """Return the audience of a bare E.164 number or mail address; the same address always has the same id."""
    address = number or email
    ident = str(uuid.uuid5(_AD_HOC, address))
    person = Recipient(id=ident, name=address, sms=number, email=(email,) if email else ())
    return Audience(ident, address, (person,))
