"""Monitors that are read together, and how it is found out which. Made and used by ``engine.monitoring``."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from addispatch.domain.monitor import Monitor
    from addispatch.engine.monitored import Monitored
    from addispatch.sdk.probe import Probe, ProbeKeys


@dataclass(slots=True, eq=False)
class Group:
    """Monitors that are read together."""

    name: str
    probe: Probe | None
    interval_s: float
    timeout_s: float
    members: list[Monitored] = field(default_factory=list)
    #: How late the last reading began.
    lag_s: float = 0.0
    #: The task that reads, and until when the reading under way may take; -inf: it was cancelled for that.
    task: asyncio.Task[Any] | None = None
    until_s: float = inf
    #: Under which name its task runs; empty: it does not.
    runs_as: str = ""
    #: Why nothing can be read, if there is no probe.
    problem: str = ""

    @property
    def phase_s(self) -> float:
        """When in its interval the group is read: always the same, and another one for each."""
        return self.interval_s * zlib.crc32(self.name.encode()) / 2**32

    def forgive(self) -> bool:
        """A reading has ended: take back what the guard did to it. Whether that is why it was cancelled."""
        was_late, self.until_s = self.until_s == -inf, inf
        return was_late and self.task is not None and not self.task.uncancel()


def keys_of(model: type[ProbeKeys], monitor: Monitor) -> ProbeKeys:
    """The keys of a monitor for its probe. They are told whose they are: see ``sdk.probe.Hearer``."""
    return model.model_validate(monitor.keys, context={"monitor": monitor.name})


class Groups:
    """All groups. Only monitors that are put in or taken out cost anything."""

    def __init__(self) -> None:
        self._all: dict[Hashable, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(self._all.values())

    def take_out(self, leaving: Iterable[Monitored]) -> None:
        """Take monitors out of their groups, which do not run any more."""
        halved: dict[Group, set[Monitored]] = {}
        for one in leaving:
            if one.group is not None:
                halved.setdefault(one.group, set()).add(one)
                one.group = None
        for group, gone in halved.items():
            group.members = [one for one in group.members if one not in gone]
        if halved:
            self._all = {key: group for key, group in self._all.items() if group.members or group not in halved}

    def find(self, one: Monitored, probes: Mapping[str, Probe], models: Mapping[str, type[ProbeKeys]]) -> Group:
        """Return the group a monitor belongs to, and read its keys; it is not put in."""
        monitor = one.monitor
        probe, model = probes.get(monitor.probe), models.get(monitor.probe)
        problem = f"no plugin provides the probe {monitor.probe}"
        if model is None or probe is None:
            one.keys = None
        elif one.keys is None:
            try:
                one.keys = keys_of(model, monitor)
            except ValidationError as error:  # another version of the plugin: that is no reason to read nothing at all
                wrong = ", ".join(".".join(map(str, each["loc"])) or "their sum" for each in error.errors())
                probe, problem = None, f"the probe {monitor.probe} does not take its keys any more: {wrong}"
        own: Hashable = monitor.id if probe is None or one.keys is None else probe.group(one.keys)
        name = repr((monitor.probe, own, monitor.interval_s, monitor.timeout_s))
        # A plugin that was started anew has another probe of the same name.
        whole = (monitor.probe, own, monitor.interval_s, monitor.timeout_s, id(probe))
        group = self._all.get(whole)
        if group is None:
            group = self._all[whole] = Group(name, probe, monitor.interval_s, monitor.timeout_s)
        group.problem = problem if probe is None else ""
        return group
