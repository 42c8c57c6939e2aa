"""Second stage: which audiences an alarm goes to. Used by ``accept`` and, for the dry run, by ``why``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.addressbook import DEFAULT_GROUP, Audience, Directory, Route, ad_hoc_audience
from addispatch.domain.errors import ConfigError
from addispatch.domain.events import AlarmUnrouted, AudienceUnknown, Event
from addispatch.domain.routing import candidates, takes
from addispatch.runtime.numbers import normalize_number

if TYPE_CHECKING:
    from addispatch.domain.alarm import Alarm

#: Topics whose candidate routes, and names whose audiences are kept.
_CACHE_COUNT = 4096


class Target(NamedTuple):
    """An audience an alarm goes to, and what the route that chose it says about text and channels."""

    audience: Audience
    route: str = ""
    template: str = ""
    channels: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """The targets of an alarm, and what happened on the way to them."""

    targets: list[Target] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, target: Target) -> None:
        """Add a target unless its audience is in the plan already."""
        for known in self.targets:
            if known.audience.id == target.audience.id:
                return
        self.targets.append(target)


class Router:
    """Routes alarms by one snapshot of the directory; made anew when the directory changes."""

    def __init__(self, directory: Directory, region: str, short_codes: frozenset[str] = frozenset()) -> None:
        self.directory = directory
        self._region, self._short_codes = region, short_codes
        self._candidates: dict[tuple[str, str], tuple[Route, ...]] = {}
        self._audiences: dict[str, Audience | None] = {}
        self._named: dict[str, Target] = {}

    def plan(self, alarm: Alarm) -> Plan:
        """Decide who must know. ``to`` replaces routing; without any route the fallbacks of CONTRACT apply."""
        plan = Plan()
        if alarm.to:
            for name in alarm.to:
                self._address(plan, alarm, name)
        else:
            for route in self._routes(alarm):
                if not takes(route.match, alarm):
                    continue
                for ident in route.to:
                    if audience := self._audience(ident):
                        plan.add(Target(audience, route.name, self._template(route.template), route.channels))
                if not route.continue_:
                    break
        if not plan.targets:
            self.fall_back(plan, alarm)
        return plan

    def _template(self, ident: str) -> str:
        """The name of a template; routes refer to it by its id."""
        found = self.directory.templates.get(ident)
        return found.name if found else ident

    def _routes(self, alarm: Alarm) -> tuple[Route, ...]:
        key = (alarm.source, alarm.topic)
        found = self._candidates.get(key)
        if found is None:
            if len(self._candidates) >= _CACHE_COUNT:
                self._candidates.clear()
            found = self._candidates[key] = candidates(self.directory, *key)
        return found

    def _audience(self, ident: str) -> Audience | None:
        if ident not in self._audiences:
            self._audiences[ident] = self.directory.audience(ident)
        return self._audiences[ident]

    def _address(self, plan: Plan, alarm: Alarm, name: str) -> None:
        """Add the audience somebody named: group, recipient, number or mail address."""
        known = self._named.get(name)
        if known is not None:
            plan.add(known)
            return
        found = self.directory.find(name)
        if found is not None:
            if audience := self._audience(found.id):
                if len(self._named) >= _CACHE_COUNT:
                    self._named.clear()  # a name can be written in many ways
                target = self._named[name] = Target(audience, route="to")
                plan.add(target)
            return
        if "@" in name and " " not in name and name.isprintable() and len(name) <= 254:
            plan.add(Target(ad_hoc_audience(email=name), route="to"))
            return
        hint = "It is no group, recipient, phone number or mail address."
        if any(c.isdigit() for c in name):
            try:
                number = normalize_number(name, self._region, self._short_codes)
            except ConfigError as error:
                hint = str(error)
            else:
                plan.add(Target(ad_hoc_audience(number=number), route="to"))
                return
        plan.events.append(AudienceUnknown(alarm.source, name[:80], hint))

    def fall_back(self, plan: Plan, alarm: Alarm) -> None:
        """Add the group ``default``, or the system-alert recipients, to a plan that reaches nobody."""
        group = self.directory.find(DEFAULT_GROUP)
        idents = (group.id,) if group else self.directory.settings.system_alert_to
        before = len(plan.targets)
        for ident in idents:
            if audience := self._audience(ident):
                plan.add(Target(audience, route="fallback"))
        if len(plan.targets) > before:
            names = ", ".join(t.audience.name for t in plan.targets[before:])
            plan.events.append(AlarmUnrouted(alarm.source, alarm.text, names))
