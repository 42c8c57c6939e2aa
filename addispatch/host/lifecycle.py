"""The plugin host: all plugins together, from discovery to the LIFO stop. Made and driven by the app."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from addispatch.host.prepare import check_plugins, prepare
from addispatch.host.runner import Patience, Runner
from addispatch.host.status import Record, Status
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.context import Severity
from addispatch.sdk.plugin import Capability
from addispatch.sdk.protocols import Finding, Refuser

if TYPE_CHECKING:
    from addispatch.config.models import Config
    from addispatch.domain.errors import ConfigError
    from addispatch.host.context import Core
    from addispatch.sdk.probe import Probe, ProbeKeys
    from addispatch.sdk.protocols import Channel

log = logging.getLogger(__name__)


class PluginHost:
    """Loads, starts and stops plugins. Calls: ``load``, ``start``, (``channels`` …), ``stop``; none of them raises."""

    def __init__(self, config: Config, core: Core, patience: Patience = Patience()) -> None:  # noqa: B008 - immutable
        self._config, self._core, self._patience = config, core, patience
        self._records: list[Record] = []
        self._runners: dict[str, Runner] = {}
        self._begun: list[Runner] = []
        self._starting = Supervisor()

    async def load(self) -> None:
        """Find, import, check and create the plugins that are on. Nothing runs yet."""
        self._records, errors = prepare(self._config.plugins, self._config.plugin)
        for problem in errors:
            self._core.event(f"Plugins: {problem}", severity=Severity.SEVERE, kind="plugin_failed")
        folder = self._config.node.data_dir / "plugins"
        for record in self._records:
            if record.status is Status.ENABLED:
                self._create(Runner(record, self._core, folder, self._patience))
            elif record.status is not Status.DISABLED:
                text = f"Plugin {record.name} is off: {record.reason}"
                self._core.event(text, severity=Severity.SEVERE, kind="plugin_failed", plugin=record.name)

    async def start(self) -> None:
        """Start the plugins: services first, then channels, sources last, each kind at once.

        One that takes longer than ``Patience.warn_s`` goes on starting behind the back of the others, so that it
        holds up no alarm; ``channels`` grows when it is ready, and ``Core.window_changed`` is called.
        """
        for kind in (_is_service, _is_channel, _is_source):
            ready = [self._begin(runner) for runner in self._runners.values() if kind(runner)]
            if ready:
                everyone = asyncio.gather(*(event.wait() for event in ready))
                try:
                    await asyncio.wait_for(everyone, self._patience.warn_s)
                except TimeoutError:
                    log.warning("not waiting any longer for plugins that are slow to start")
        for record in self._records:
            log.info("%s", record.line())

    async def stop(self) -> None:
        """Stop the plugins in reverse order of starting; each has ``Patience.give_up_s``."""
        await self._starting.stop()
        while self._begun:
            await self._begun.pop().stop()

    def channels(self) -> dict[str, Channel]:
        """The channels of the plugins that run, by name."""
        running = [runner for runner in self._begun if runner.is_started]
        return {name: channel for runner in running for name, channel in runner.channels.items()}

    def refuses(self, channel: str, address: str) -> str:
        """Why a channel will never take an address (``sdk.Refuser``), started or not; empty when it may."""
        found = (runner.channels.get(channel) for runner in self._runners.values())
        refuser: object = next(filter(None, found), None)
        if not isinstance(refuser, Refuser):
            return ""
        try:
            return str(refuser.refuses(address) or "")[:200]
        except Exception:  # a supervision border
            log.exception("channel %s could not say whether it refuses an address", channel)
            return ""

    def probes(self) -> dict[str, Probe]:
        """The probes of the plugins that run, by name."""
        running = [runner for runner in self._begun if runner.is_started]
        return {name: probe for runner in running for name, probe in runner.probes.items()}

    def probe_keys(self) -> dict[str, type[ProbeKeys]]:
        """The keys that monitors of each probe have, of all plugins that could be loaded, on or off."""
        return {name: keys for one in self._records if one.plugin for name, keys in one.plugin.probes.items()}

    def report(self) -> list[dict[str, Any]]:
        """A document per plugin, with the keys of ``Record.document``."""
        return [
            self._runners[record.name].document() if self._is_run(record) else record.document()
            for record in self._records
        ]

    def modems(self) -> list[dict[str, Any]]:
        """The modems of all plugins that run."""
        return [modem for runner in self._begun for modem in runner.modems()]

    async def examine(self, give_up_s: float) -> list[Finding]:
        """What the plugins that should be on find out about themselves, all at once; started or not."""
        asked = [self._runners[record.name].examine(give_up_s) for record in self._records if self._is_run(record)]
        answers = await asyncio.gather(*asked)
        off = [
            Finding(f"plugin {record.name}", problem=f"it is off: {record.reason}")
            for record in self._records
            if not self._is_run(record) and record.status is not Status.DISABLED
        ]
        return [*off, *(finding for answer in answers for finding in answer)]

    def check(self) -> list[ConfigError]:
        """Every mistake in the plugins' part of the configuration; starts nothing."""
        return check_plugins(self._config)

    def _create(self, runner: Runner) -> None:
        runner.create()
        taken = {name: other.record.name for other in self._runners.values() for name in other.channels}
        for name in runner.channels:
            if name in taken:
                reason = f"its channel {name!r} is provided by plugin {taken[name]} already; enable one of the two"
                runner.fail(Status.CONFIG_ERROR, reason, "")
                runner.channels = {}
                break
        self._runners[runner.record.name] = runner

    def _begin(self, runner: Runner) -> asyncio.Event:
        done = asyncio.Event()
        self._begun.append(runner)
        self._starting.run(runner.record.name, partial(self._start, runner, done))
        return done

    async def _start(self, runner: Runner, done: asyncio.Event) -> None:
        try:
            if await runner.start() and runner.channels:
                self._core.window_changed()
        finally:
            done.set()

    def _is_run(self, record: Record) -> bool:
        return record.name in self._runners and self._runners[record.name].record is record


def _is_source(runner: Runner) -> bool:
    return runner.record.plugin is not None and Capability.SOURCE in runner.record.plugin.capabilities


def _is_channel(runner: Runner) -> bool:
    return not _is_source(runner) and bool(runner.channels)


def _is_service(runner: Runner) -> bool:
    return not _is_source(runner) and not runner.channels
