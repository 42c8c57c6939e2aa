"""Reads all monitors at their intervals and makes alarms of what changes (SPEC 9). Made by ``engine.node``.

Monitors of one group (a device) have one task: it sleeps until the next reading is due, so that nothing drifts, and a
device that does not answer holds up no other. The first readings are spread over the interval. What a monitor has told
is kept in the ledger, in one transaction with the alarm: a restart neither repeats a "down" nor forgets a "recovered".
What it saw last is written there each minute and at the end.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from addispatch.config.explain import did_you_mean
from addispatch.domain.errors import Refused
from addispatch.domain.events import WARNING, Said
from addispatch.domain.judgement import Reading
from addispatch.domain.parents import circles, upward
from addispatch.engine.monitor_group import Groups
from addispatch.engine.monitored import Monitored
from addispatch.engine.teller import Teller
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.probe import Hearer
from addispatch.store.ledger import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from addispatch.domain.monitor import Monitor
    from addispatch.engine.monitor_group import Group
    from addispatch.engine.node import Node
    from addispatch.sdk.probe import Probe
    from addispatch.store.transaction import Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How much longer than its time-out a probe may take before it is cancelled.
GRACE_S = 1.0
#: How often it is looked whether one does.
GUARD_S = 0.25
#: So many monitors are dealt with before the loop has a turn: each costs some ten microseconds.
CHUNK_COUNT = 50
#: How often what monitors saw is written to the ledger, how many of them in a unit, and how long the end waits for it.
EVERY_S = 60.0
MARKS_COUNT = 200
REMEMBER_S = 5.0


class Monitoring:
    """All monitors of a node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._all: dict[str, Monitored] = {}
        self._by_name: dict[str, Monitored] = {}
        self._groups = Groups()
        #: Those that are watched no more and have not told it yet.
        self._leaving: dict[str, Monitored] = {}
        #: Ids of those whose last reading could not be judged.
        self._failing: set[str] = set()
        self._prepared: dict[str, Probe] = {}
        self._teller = Teller()
        self._tasks = Supervisor()
        self._numbers = itertools.count(1)
        self._is_mine = True
        self._change, self._using = asyncio.Event(), asyncio.Lock()

    def changed(self) -> None:
        """The directory changed, or a plugin came up: look what there is to watch."""
        self._change.set()

    async def run(self) -> None:
        """Follow the directory, for ever."""
        while True:
            await self._change.wait()
            self._change.clear()
            try:
                if self._is_mine:
                    await self.use(self._node.directory.snapshot.monitors, self._node.host.probes())
                else:
                    await self._rest()
            except BaseException:
                self._change.set()  # whoever starts this again begins with what was left half done
                raise

    def set_duty(self, *, is_mine: bool) -> None:
        """Say whether this node is the one that watches. What another one saw comes in by the marks of the ledger."""
        self._is_mine = is_mine
        self._change.set()

    async def _rest(self) -> None:
        """Read nothing, and know nothing but what the ledger knows: nothing is over because of that."""
        await self.stop()
        self._all, self._by_name, self._leaving, self._groups = {}, {}, {}, Groups()
        self._prepare(set(self._prepared), self._prepared)

    async def use(self, monitors: Mapping[str, Monitor], probes: Mapping[str, Probe]) -> None:
        """Watch these from now on; an alarm of one that is gone is over.

        Only what changed is stopped, read anew and started, some at a time: others and the loop do not notice.
        """
        async with self._using:
            changed, gone = await self._compare(monitors, probes)
            known = [self._all[one.id] for one in changed if one.id in self._all]
            touched = {one.monitor.probe for one in (*known, *gone)} | {one.probe for one in changed}
            await self._halt(one.group for one in (*known, *gone) if one.group is not None)
            self._groups.take_out((*known, *gone))
            await self._let_go(gone)
            await self._adopt(changed, monitors, probes)
            if changed or gone:
                self._relate()
            self._prepare(touched, probes)
            await self._start()

    async def _compare(
        self, monitors: Mapping[str, Monitor], probes: Mapping[str, Probe]
    ) -> tuple[list[Monitor], list[Monitored]]:
        """Return those that are new or not what they were, and those that are gone."""
        changed: list[Monitor] = []
        async for monitor in some_at_a_time(monitors.values()):
            known, probe = self._all.get(monitor.id), probes.get(monitor.probe)
            if not monitor.enabled:
                continue
            if known is not None and known.is_watched_as(monitor, probe):
                known.monitor = monitor  # one of two equal ones can be forgotten
            else:
                changed.append(monitor)
        gone = [one for ident, one in self._all.items() if ident not in monitors or not monitors[ident].enabled]
        return changed, gone

    async def _halt(self, groups: Iterable[Group]) -> None:
        running = {group.runs_as: group for group in groups if group.runs_as}
        names = list(running)
        for at in range(0, len(names), CHUNK_COUNT):
            await self._tasks.end(names[at : at + CHUNK_COUNT])
        for group in running.values():
            group.runs_as = ""

    async def _let_go(self, gone: list[Monitored]) -> None:
        self._leaving = {ident: one for ident, one in self._leaving.items() if one.has_news}
        async for one in some_at_a_time(gone):
            one.end()
            del self._all[one.monitor.id]
            self._leaving[one.monitor.id] = one

    async def _adopt(
        self, changed: list[Monitor], monitors: Mapping[str, Monitor], probes: Mapping[str, Probe]
    ) -> None:
        """Take in what is new or another; groups that get another member are stopped for that."""
        models = self._node.host.probe_keys()
        joining: dict[Group, list[Monitored]] = {}
        async for monitor in some_at_a_time(changed):
            # One that comes back before its end was told goes on from there.
            one = self._all.get(monitor.id) or self._leaving.pop(monitor.id, None)
            one = one.changed(monitor) if one else Monitored(monitor, self._node, self._teller)
            self._all[monitor.id] = one
            joining.setdefault(self._groups.find(one, probes, models), []).append(one)
        await self._halt(joining)
        for group, members in joining.items():
            group.members += members
            for one in members:
                one.group = group
        self._all = {ident: self._all[ident] for ident in monitors if ident in self._all}

    def _relate(self) -> None:
        self._by_name = {one.monitor.name.casefold(): one for one in self._all.values()}
        self._failing &= self._all.keys()
        for one in self._all.values():
            one.parent = None
            one.behind_count = 0
        parents = {ident: parent for ident, one in self._all.items() if (parent := one.monitor.parent) in self._all}
        for ident in itertools.chain.from_iterable(circles(parents)):
            del parents[ident]  # an older version took circles
        for ident, parent in parents.items():
            self._all[ident].parent = self._all[parent]
            for above in itertools.islice(upward(ident, parents), 1, None):
                self._all[above].behind_count += 1

    def _prepare(self, touched: set[str], probes: Mapping[str, Probe]) -> None:
        keys: dict[str, list[Any]] = {
            name: [] for name, probe in probes.items() if name in touched or self._prepared.get(name) is not probe
        }
        for one in self._all.values():
            if one.keys is not None and (own := keys.get(one.monitor.probe)) is not None:
                own.append(one.keys)
        for name, own in keys.items():
            probes[name].prepare(own)
        self._prepared = dict(probes)

    async def _start(self) -> None:
        for name, work in (("monitors guard", self._guard), ("monitors memory", self._remember)):
            if not self._tasks.runs(name):
                self._tasks.run(name, work)
        async for group in some_at_a_time([group for group in self._groups if group.members and not group.runs_as]):
            group.runs_as = f"monitors {next(self._numbers)}"
            self._tasks.run(group.runs_as, lambda group=group: self._watch(group))  # type: ignore[misc]

    async def stop(self) -> None:
        """Read nothing any more; what was seen is kept."""
        async with self._using:
            await self._tasks.stop()
            for group in self._groups:
                group.runs_as = ""
            written = await self.remember(is_last=True)
            if written:
                await asyncio.wait(written, timeout=REMEMBER_S)

    async def _remember(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            for one in self._leaving.values():
                one.tell()
            await self.remember()

    async def remember(self, *, is_last: bool = False) -> list[asyncio.Future[None]]:
        """Write what all monitors saw last to the ledger; the answers are done when it is there.

        In the queue of the alarms: what is written with an alarm must never be followed by something older.
        """
        written: list[asyncio.Future[None]] = []
        everyone = [*self._all.values(), *self._leaving.values()]
        for at in range(0, len(everyone), MARKS_COUNT):
            some = everyone[at : at + MARKS_COUNT]
            marks = {one.mark_name: mark for one in some if (mark := one.to_remember(is_last=is_last)) is not None}
            if marks:
                written.append(self._node.ledger.submit(partial(_put, marks), Turn.INTAKE))
            await asyncio.sleep(0)
        return written

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

    async def _watch(self, group: Group) -> None:
        """Read a group for ever."""
        loop = asyncio.get_running_loop()
        group.task = asyncio.current_task()
        now_s = loop.time()
        # On one grid for ever: a change of the directory, which starts it anew, leaves out no reading.
        next_s = now_s + (group.phase_s - now_s) % group.interval_s
        while True:
            await asyncio.sleep(next_s - loop.time())
            began_s = loop.time()
            group.lag_s = began_s - next_s
            readings = await self._read(group)
            took_s = loop.time() - began_s
            for one, reading in zip(group.members, readings, strict=True):
                self._take(one, reading, took_s)
            next_s += group.interval_s
            if (behind_s := loop.time() - next_s) > 0:  # it took longer than the interval: leave readings out
                next_s += group.interval_s * (behind_s // group.interval_s + 1)

    def _take(self, one: Monitored, reading: Reading, took_s: float) -> None:
        try:
            one.take(reading, took_s)
        except Exception as error:
            # A supervision border: what is wrong with one must not end the watch of its neighbours.
            log.exception("monitor %s: a reading could not be judged", one.monitor.name)
            if one.monitor.id not in self._failing:  # each time would flood the event log
                self._failing.add(one.monitor.id)
                problem = f"a reading could not be judged: {type(error).__name__}"
                self._node.say(Said(f"Monitor {one.monitor.name}: {problem}", WARNING, "MonitorFailed"))
        else:
            self._failing.discard(one.monitor.id)

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
            return [Reading(problem=group.problem)] * len(members)
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


def _put(marks: dict[str, bytes], transaction: Transaction) -> None:
    transaction.marks.update(marks)


async def some_at_a_time(things: Iterable[T]) -> AsyncIterator[T]:
    """Give them one by one, and the others in the loop a turn now and then."""
    for count, one in enumerate(things, 1):
        yield one
        if count % CHUNK_COUNT == 0:
            await asyncio.sleep(0)
