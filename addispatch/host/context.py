"""What a plugin gets to work with: ``PluginContext`` implements ``addispatch.sdk.Context`` on top of the ``Core``.

Made by ``host.runner``, one per plugin. The core sees nothing of plugins but calls of ``Core``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from addispatch.domain.errors import PluginError
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.context import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from addispatch.domain.alarm import Alarm
    from addispatch.domain.message import DeliveryReport, Incoming
    from addispatch.domain.result import Accepted
    from addispatch.runtime.clock import Clock
    from addispatch.sdk.operations import Operations

T = TypeVar("T")


class Core(Protocol):
    """What the host needs of the core; the methods mean what ``addispatch.sdk.Context`` says of them."""

    node: str
    cluster: str
    default_region: str
    timezone: str
    is_trial: bool
    clock: Clock
    operations: Operations

    @property
    def on_duty(self) -> bool:
        """Whether this node is the one that looks at what one of two is enough for."""

    def accept(self, alarm: Alarm) -> asyncio.Future[Accepted]:
        """Take an alarm; done once it is durable."""

    def settle(self, marks: dict[str, bytes]) -> asyncio.Future[None]:
        """Store marks."""

    def recall(self, name: str) -> bytes | None:
        """Return a committed mark."""

    def confirmed(self, path: str, fingerprint: bytes) -> None:
        """Note that a confirmation went out."""

    def reconnected(self, path: str) -> None:
        """Note that a path came up."""

    def disconnected(self, path: str) -> None:
        """Note that a path went down."""

    def received(self, message: Incoming) -> asyncio.Future[None]:
        """Take a message; done once it is durable."""

    def reported(self, report: DeliveryReport) -> asyncio.Future[None]:
        """Take a delivery report; done once it is durable."""

    def window_changed(self) -> None:
        """Look for deliveries that can leave now; also called when a plugin with channels came up."""

    def event(self, text: str, *, severity: Severity = Severity.INFO, kind: str = "", **data: Any) -> None:
        """Write an event."""

    def condition(self, name: str, problem: str, *, grace_s: float = 60.0) -> None:
        """Note how something stands that people must hear of when it stays bad."""

    def subscribe(self, handler: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call the handler after each committed event."""


class PluginContext:
    """One plugin's way to the core. After ``close`` nothing can be handed over any more."""

    def __init__(
        self, name: str, core: Core, data_dir: Path, on_failure: Callable[[str, BaseException, float | None], None]
    ) -> None:
        """``on_failure(what, error, pause_s)`` hears of failed tasks (restarted after ``pause_s``) and handlers."""
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        data_dir.chmod(0o700)
        self.name = name
        self.node, self.cluster, self.default_region = core.node, core.cluster, core.default_region
        self.timezone = core.timezone
        self.is_trial = core.is_trial
        self.data_dir = data_dir
        self.clock, self.operations = core.clock, core.operations
        self.log = logging.getLogger(f"addispatch.plugin.{name}")
        self._core = core
        self._on_failure = on_failure
        self._supervisor = Supervisor(on_failure)
        self._subscriptions: set[Callable[[], None]] = set()
        self._closed = False

    @property
    def on_duty(self) -> bool:
        """Whether this node is the one that looks at what one of two is enough for."""
        return self._core.on_duty

    def accept(self, alarm: Alarm) -> asyncio.Future[Accepted]:
        """Hand over an alarm."""
        return self._refused() if self._closed else self._core.accept(alarm)

    def settle(self, marks: dict[str, bytes]) -> asyncio.Future[None]:
        """Store marks."""
        return self._refused() if self._closed else self._core.settle(marks)

    def received(self, message: Incoming) -> asyncio.Future[None]:
        """Hand over a message somebody sent to us."""
        return self._refused() if self._closed else self._core.received(message)

    def reported(self, report: DeliveryReport) -> asyncio.Future[None]:
        """Hand over a delivery report."""
        return self._refused() if self._closed else self._core.reported(report)

    def recall(self, name: str) -> bytes | None:
        """Return the last committed mark of that name."""
        return self._core.recall(name)

    def confirmed(self, path: str, fingerprint: bytes) -> None:
        """Tell that a confirmation went out."""
        self._core.confirmed(path, fingerprint)

    def reconnected(self, path: str) -> None:
        """Tell that a transport path came up."""
        self._core.reconnected(path)

    def disconnected(self, path: str) -> None:
        """Tell that a transport path went down."""
        self._core.disconnected(path)

    def window_changed(self) -> None:
        """Tell that a channel's window grew."""
        self._core.window_changed()

    def event(self, text: str, *, severity: Severity = Severity.INFO, kind: str = "", **data: Any) -> None:
        """Write an event."""
        self._core.event(text, severity=severity, kind=kind, **{"plugin": self.name, **data})

    def condition(self, name: str, problem: str, *, grace_s: float = 60.0) -> None:
        """Tell how something stands that people must hear of when it stays bad."""
        self._core.condition(name, problem, grace_s=grace_s)

    def supervise(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a task until the plugin stops; restart it when it fails."""
        if self._closed:
            raise PluginError(f"plugin {self.name} was stopped")
        self._supervisor.run(f"{self.name}.{name}", lambda: contained(run))

    def subscribe(self, handler: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call the handler after each committed event. One that raises is reported and stays subscribed."""
        if self._closed:
            raise PluginError(f"plugin {self.name} was stopped")

        def guarded(event: dict[str, Any]) -> None:
            try:
                handler(event)
            except Exception as error:  # a supervision border
                self.log.exception("the handler of events failed")
                self._on_failure("handler of events", error, None)

        end = self._core.subscribe(guarded)
        self._subscriptions.add(end)

        def unsubscribe() -> None:
            if end in self._subscriptions:
                self._subscriptions.discard(end)
                end()

        return unsubscribe

    async def close(self) -> None:
        """End subscriptions and tasks; from now on nothing is taken."""
        self._closed = True
        while self._subscriptions:
            self._subscriptions.pop()()
        await self._supervisor.stop()

    def _refused(self) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.set_exception(PluginError(f"plugin {self.name} was stopped"))
        return future


async def contained(run: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a plugin's code; turn what would end the daemon, or end a task without a word, into ordinary failures."""
    try:
        return await run()
    except SystemExit as error:
        raise PluginError("it called sys.exit()") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise PluginError("it was cancelled from inside") from error
