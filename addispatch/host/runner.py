"""One plugin through its life: create → self_check → start → stop, each step with a deadline. Used by ``PluginHost``.

Nothing a plugin raises gets past this module: it becomes a status, an event and a line in the log.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from addispatch.domain.errors import AddispatchError, ConfigError, ConfigErrors, PluginError
from addispatch.host.context import PluginContext, contained
from addispatch.host.prepare import below
from addispatch.host.status import Record, Status, describe
from addispatch.runtime.tasks import LONGEST_PAUSE_S, bounded
from addispatch.sdk.context import Severity
from addispatch.sdk.plugin import Instance
from addispatch.sdk.protocols import Examiner, Finding, ModemReporter, StatusReporter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from pathlib import Path

    from addispatch.host.context import Core
    from addispatch.sdk.probe import Probe
    from addispatch.sdk.protocols import Channel

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How long a plugin counts as crashed after its failed task was started again, in seconds.
PROVED_S = LONGEST_PAUSE_S


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a step of a plugin's life may take before it is reported, and before it is given up."""

    warn_s: float = 10.0
    give_up_s: float = 60.0


class Runner:
    """Drives one plugin whose table is good (``record.status`` is enabled)."""

    def __init__(self, record: Record, core: Core, plugins_dir: Path, patience: Patience) -> None:
        self.record = record
        self.channels: dict[str, Channel] = {}
        self.probes: dict[str, Probe] = {}
        self.is_started = False
        self._has_begun = False
        self._core, self._patience = core, patience
        self._data_dir = plugins_dir / record.name
        self._instance: Instance | None = None
        self._context: PluginContext | None = None
        self._failure_count = 0
        self._failure = ""
        self._failing_until_s = 0.0

    def create(self) -> None:
        """Make the instance; on failure only the status changes."""
        plugin = self.record.plugin
        assert plugin is not None
        try:
            self._context = PluginContext(self.record.name, self._core, self._data_dir, self._task_failed)
            instance = plugin.create(self.record.settings, self._context)
            self._instance = _checked(instance)
            self.channels = _named("channels", instance, plugin.channels)
            self.probes = _named("probes", instance, plugin.probes)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a supervision border
            self.channels, self.probes = {}, {}
            self.fail(Status.CRASHED, error, "could not be created")

    async def start(self) -> bool:
        """Check and start the plugin; return whether it runs. One that fails in ``start`` is stopped."""
        if self._instance is None or self.record.status is not Status.ENABLED:
            return False
        self.record.reason = "starting"
        if not await self._step("check", self._instance.self_check, Status.CHECK_FAILED):
            await self._close()
            return False
        self._has_begun = True  # from here on it must be stopped, even if its start is cut short
        if not await self._step("start", self._instance.start, Status.CRASHED):
            await self._stop_instance()
            return False
        self.is_started = True
        self.record.reason = ""
        return True

    async def stop(self) -> None:
        """Stop the plugin, then its tasks. Returns in any case; does nothing if it was never started."""
        self.is_started = False
        was_good = self.record.status is Status.ENABLED
        if self._has_begun and await self._stop_instance() and was_good:
            self.record.status, self.record.reason = Status.DISABLED, "stopped"

    def fail(self, status: Status, error: BaseException | str, what: str) -> None:
        """Turn the plugin off for this reason, and say so."""
        if isinstance(error, ConfigError | ConfigErrors):
            self.record.errors = below(f"plugin.{self.record.name}", error)
            status, error = Status.CONFIG_ERROR, "; ".join(str(each) for each in self.record.errors)
        if isinstance(error, BaseException) and not isinstance(error, AddispatchError | TimeoutError):
            log.error("plugin %s %s", self.record.name, what, exc_info=error)
        self.record.fail(status, error if isinstance(error, str) else f"{what}: {describe(error)}")
        text = f"Plugin {self.record.name} is off: {self.record.reason}"
        self._core.event(text, severity=Severity.SEVERE, kind="plugin_failed", plugin=self.record.name)

    def document(self) -> dict[str, Any]:
        """Return the record's document with what is known of the running instance."""
        document = self.record.document()
        if self.is_started and self._core.clock.monotonic_s() < self._failing_until_s:
            document["status"] = Status.CRASHED.value
            document["reason"] = f"{self._failure} (failed {self._failure_count} times)"
        instance: object = self._instance
        if self.is_started and isinstance(instance, StatusReporter):
            document["status_line"] = self._asked(instance.status_line, "")
        return document

    def modems(self) -> list[dict[str, Any]]:
        """Return the documents of the modems this plugin drives."""
        instance: object = self._instance
        if self.is_started and isinstance(instance, ModemReporter):
            return self._asked(instance.modems, [])
        return []

    async def examine(self, give_up_s: float) -> list[Finding]:
        """Return what the plugin finds out about itself within the time; one that is off says why."""
        name, instance = f"plugin {self.record.name}", self._instance
        if self.record.status is not Status.ENABLED or instance is None:
            return [Finding(name, problem=f"it is off: {self.record.reason}", advice=_advice(self.record))]
        if not self._has_begun and not await self._step("check", instance.self_check, Status.CHECK_FAILED):
            return [Finding(name, problem=self.record.reason, advice=_advice(self.record))]
        examiner: object = instance
        if not isinstance(examiner, Examiner):
            document = self.document()
            problem = document["reason"] if document["status"] != Status.ENABLED else ""
            return [Finding(name, document["status_line"] or document["summary"], problem)]
        try:
            return await bounded(contained(examiner.examine), give_up_s=give_up_s)
        except TimeoutError:
            return [Finding(name, problem=f"it did not examine itself within {give_up_s:g} s")]
        except Exception as error:  # a supervision border
            log.exception("plugin %s could not examine itself", self.record.name)
            return [Finding(name, problem=f"it could not examine itself: {describe(error)}")]

    def _asked(self, question: Callable[[], T], otherwise: T) -> T:
        try:
            return question()
        except Exception:  # a supervision border
            log.exception("plugin %s could not say how it is", self.record.name)
            return otherwise

    async def _step(self, name: str, run: Callable[[], Coroutine[Any, Any, None]], on_failure: Status) -> bool:
        try:
            await self._within(name, run)
        except Exception as error:  # noqa: BLE001 - a supervision border
            self.fail(on_failure, error, f"{name} failed")
            return False
        return True

    async def _within(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        def on_slow() -> None:
            text = f"Plugin {self.record.name}: {name} takes longer than {self._patience.warn_s:g} s"
            self._core.event(text, severity=Severity.WARNING, kind="plugin_slow", plugin=self.record.name)

        patience = self._patience
        await bounded(contained(run), give_up_s=patience.give_up_s, warn_s=patience.warn_s, on_slow=on_slow)

    async def _stop_instance(self) -> bool:
        assert self._instance is not None
        stopped = await self._quietly("stop", self._instance.stop)
        closed = await self._close()
        self._has_begun = False
        return stopped and closed

    async def _close(self) -> bool:
        assert self._context is not None
        return await self._quietly("ending its tasks", self._context.close)

    async def _quietly(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        try:
            await self._within(name, run)
        except Exception as error:  # noqa: BLE001 - a supervision border
            if self.record.status is Status.ENABLED:  # else the first failure is the one to show
                self.fail(Status.CRASHED, error, f"{name} failed")
            else:
                log.error("plugin %s: %s failed: %s", self.record.name, name, describe(error))  # noqa: TRY400
            return False
        return True

    def _task_failed(self, what: str, error: BaseException, pause_s: float | None) -> None:
        """Called for each failure of a supervised task, and, without a pause, of a handler of events."""
        self._failure_count += 1
        self._failure = f"{what} failed: {describe(error)}"
        self._failing_until_s = self._core.clock.monotonic_s() + (pause_s or 0) + PROVED_S
        if pause_s is not None:  # an event about a handler of events would call that handler again
            text = f"Plugin {self.record.name}: {self._failure}; starting it again in {pause_s:.1f} s"
            self._core.event(text, severity=Severity.WARNING, kind="plugin_task_failed", plugin=self.record.name)


def _advice(record: Record) -> str:
    return f"mend [plugin.{record.name}] and restart addispatch"


def _checked(instance: object) -> Instance:
    if isinstance(instance, Instance):
        return instance
    missing = [name for name in ("self_check", "start", "stop") if not hasattr(instance, name)]
    raise PluginError(f"create() returned a {type(instance).__name__} without {', '.join(missing)}")


def _named(kind: str, instance: Instance, names: Iterable[str]) -> dict[str, Any]:
    """What an instance provides of a kind, by name; it must be what its plugin says."""
    found = {one.name: one for one in getattr(instance, kind, ())}
    if set(found) != set(names):
        raise PluginError(f"it provides the {kind} {list(found)}, but names {list(names)}")
    return found
