"""Reads all monitors at their intervals and makes alarms of what changes (SPEC 9). Made by ``engine.node``.

Monitors of one group (a device) have one task: it sleeps until the next reading is due, so that nothing drifts, and a
device that does not answer holds up no other. The first readings are spread over the interval. What a monitor has told
is kept in the ledger, in one transaction with the alarm: a restart neither repeats a "down" nor forgets a "recovered".
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from addispatch.config.explain import did_you_mean
from addispatch.domain.errors import Refused
from addispatch.domain.judgement import Reading
from addispatch.engine.monitored import Monitored
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.probe import Hearer

if TYPE_CHECKING:
    from addispatch.domain.monitor import Monitor
    from addispatch.engine.node import Node
    from addispatch.sdk.probe import Probe, ProbeKeys

log = logging.getLogger(__name__)

#: How much longer than its time-out a probe may take before it is cancelled.
GRACE_S = 1.0
#: How often it is looked whether one does.
GUARD_S = 0.25


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


class Monitoring:
    """All monitors of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._all: dict[str, Monitored] = {}
        self._by_name: dict[str, Monitored] = {}
        self._groups: list[Group] = []
        self._tasks = Supervisor()
        self._change = asyncio.Event()
        self._used: tuple[Mapping[str, Monitor], Mapping[str, Probe]] = ({}, {})

    def changed(self) -> None:
        """The directory changed, or a plugin came up: look what there is to watch."""
        self._change.set()

    async def run(self) -> None:
        """Follow the directory, for ever."""
        while True:
            await self._change.wait()
            self._change.clear()
            monitors, probes = self._node.directory.snapshot.monitors, self._node.host.probes()
            if (monitors, probes) != self._used:
                self._used = monitors, probes
                await self.use(monitors, probes)

    async def use(self, monitors: Mapping[str, Monitor], probes: Mapping[str, Probe]) -> None:
        """Watch these from now on; an alarm of one that is gone is over."""
        await self._tasks.stop()
        before, self._all = self._all, {}
        for ident, monitor in monitors.items():
            if monitor.enabled:
                known = before.pop(ident, None)
                self._all[ident] = known.changed(monitor) if known else Monitored(monitor, self._node)
        for gone in before.values():
            gone.end()
        self._by_name = {one.monitor.name.casefold(): one for one in self._all.values()}
        for one in self._all.values():
            one.parent = self._all.get(one.monitor.parent)
            one.behind_count = 0
        for one in self._all.values():
            if one.parent is not None:
                one.parent.behind_count += 1
        self._groups = self._grouped(probes)
        for name, probe in probes.items():
            probe.prepare(
                [one.keys for one in self._all.values() if one.monitor.probe == name and one.keys is not None]
            )
        self._tasks.run("monitors guard", self._guard)
        for number, group in enumerate(self._groups):
            self._tasks.run(f"monitors {number}", lambda group=group: self._watch(group))  # type: ignore[misc]

    async def stop(self) -> None:
        """Read nothing any more."""
        await self._tasks.stop()

    @property
    def watched(self) -> Iterable[Monitored]:
        """All of them."""
        return self._all.values()

    def documents(self) -> list[dict[str, Any]]:
        """One document per monitor, for people."""
        return [one.document() for one in self._all.values()]

    def beat(self, name: str) -> str:
        """Something reports to the monitor of that name; returns it as it is written. Raises ``Refused``."""
        one = self._by_name.get(name.casefold())
        if one is None:
            hint = did_you_mean(name, [other.monitor.name for other in self._all.values()])
            raise Refused("name", f"there is no monitor {name[:60]!r}" + (f" ({hint})" if hint else ""))
        probe = self._node.host.probes().get(one.monitor.probe)
        if probe is None:
            raise Refused("name", f"the plugin that provides the probe {one.monitor.probe} does not run")
        if not isinstance(probe, Hearer):
            raise Refused(
                "name", f"{one.monitor.name} is a monitor that looks itself ({probe.name}): none to report to"
            )
        probe.heard(one.monitor.name)
        return one.monitor.name

    def lag_s(self) -> float:
        """How late the latest of the last readings began."""
        return max((group.lag_s for group in self._groups), default=0.0)

    def _grouped(self, probes: Mapping[str, Probe]) -> list[Group]:
        found: dict[Hashable, Group] = {}
        models = self._node.host.probe_keys()
        for one in self._all.values():
            monitor = one.monitor
            probe = probes.get(monitor.probe)
            model = models.get(monitor.probe)
            if model is None or probe is None:
                one.keys = None
            elif one.keys is None:
                one.keys = keys_of(model, monitor)
            key: Hashable = monitor.id if probe is None or one.keys is None else probe.group(one.keys)
            whole = (monitor.probe, key, monitor.interval_s, monitor.timeout_s)
            group = found.get(whole)
            if group is None:
                group = found[whole] = Group(repr(whole), probe, monitor.interval_s, monitor.timeout_s)
            group.members.append(one)
        return list(found.values())

    async def _watch(self, group: Group) -> None:
        """Read a group for ever."""
        loop = asyncio.get_running_loop()
        group.task = asyncio.current_task()
        now_s = loop.time()
        # On one grid for ever: a change of the directory, which starts all groups anew, leaves out no reading.
        next_s = now_s + (group.phase_s - now_s) % group.interval_s
        while True:
            await asyncio.sleep(next_s - loop.time())
            began_s = loop.time()
            group.lag_s = began_s - next_s
            readings = await self._read(group)
            took_s = loop.time() - began_s
            for one, reading in zip(group.members, readings, strict=True):
                one.take(reading, took_s)
            next_s += group.interval_s
            if (behind_s := loop.time() - next_s) > 0:  # it took longer than the interval: leave readings out
                next_s += group.interval_s * (behind_s // group.interval_s + 1)

    async def _guard(self) -> None:
        """Cancel readings that take too long. One for all: a timer for each reading would cost a tenth of it."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(GUARD_S)
            now_s = loop.time()
            for group in self._groups:
                if -inf < group.until_s < now_s and group.task is not None:
                    group.until_s = -inf
                    group.task.cancel()

    async def _read(self, group: Group) -> list[Reading]:
        members = group.members
        if group.probe is None:
            return [Reading(problem=f"no plugin provides the probe {one.monitor.probe}") for one in members]
        group.until_s = asyncio.get_running_loop().time() + group.timeout_s + GRACE_S
        try:
            readings = list(await group.probe.read([one.keys for one in members], group.timeout_s))
        except asyncio.CancelledError:
            if not group.forgive():  # somebody stops us
                raise
            return [Reading(problem=f"no answer within {group.timeout_s:g} s")] * len(members)
        except Exception as error:
            # A supervision border: a probe's bug must not end the watch.
            log.exception("the probe %s failed", group.probe.name)
            group.forgive()
            return [Reading(problem=f"error in the probe: {type(error).__name__}")] * len(members)
        group.forgive()
        if len(readings) != len(members):
            log.error(
                "the probe %s answered %d readings for %d monitors", group.probe.name, len(readings), len(members)
            )
            return [Reading(problem="error in the probe: it did not answer for every monitor")] * len(members)
        return readings
