"""The host's side of a plugin, for tests: records what the plugin says and answers as the test decides."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Self, TypeVar

from addispatch.domain.errors import Refused, StoreError
from addispatch.domain.result import Accepted
from addispatch.runtime.clock import SystemClock
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.context import Severity
from addispatch.sdk.testing.operations import EmptyOperations
from addispatch.sdk.testing.recording import PATIENCE_S, Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from addispatch.domain.alarm import Alarm
    from addispatch.domain.message import DeliveryReport, Incoming
    from addispatch.runtime.clock import Clock
    from addispatch.sdk.operations import Operations

T = TypeVar("T")


class Intake(Enum):
    """What becomes of the next things handed over: alarms, marks, messages and reports."""

    ACCEPT = auto()
    """Durable at once."""
    HOLD = auto()
    """Undecided until ``release()``."""
    REFUSE = auto()
    """Alarms fail with ``Refused``; the rest is accepted."""
    FAIL = auto()
    """All fail with ``StoreError``."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One call of ``Context.event``."""

    text: str
    severity: Severity = Severity.INFO
    kind: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.severity}: {self.text}"


class RecordingContext:
    """Implements ``addispatch.sdk.Context`` with real tasks and clock. Make it inside a running loop.

    ``async with RecordingContext(tmp_path) as context`` ends the plugin's tasks at the end. Set ``intake`` to decide
    what becomes of what is handed over next.
    """

    node = "node-a"
    cluster = "default"
    default_region = "SG"
    timezone = "Asia/Singapore"

    def __init__(
        self, data_dir: Path, *, name: str = "plugin", clock: Clock | None = None, operations: Operations | None = None
    ) -> None:
        self.name = name
        self.data_dir = data_dir
        self.clock: Clock = clock or SystemClock()
        self.log = logging.getLogger(f"addispatch.plugin.{name}")
        self.operations: Operations = operations or EmptyOperations()
        #: What ``addispatch plugin try`` sets.
        self.is_trial = False
        self.on_duty = True
        self.intake = Intake.ACCEPT
        self.alarms: Recording[Alarm] = Recording("alarm")
        self.events: Recording[RecordedEvent] = Recording("event")
        self.messages: Recording[Incoming] = Recording("message")
        self.reports: Recording[DeliveryReport] = Recording("report")
        #: ``(path, fingerprint)`` of each ``confirmed`` call.
        self.confirmations: Recording[tuple[str, bytes]] = Recording("confirmation")
        #: ``("up" or "down", path)`` of each ``reconnected`` and ``disconnected`` call.
        self.links: Recording[tuple[str, str]] = Recording("link change")
        #: What ``condition`` was last told, and ``(name, problem)`` of each change.
        self.conditions: dict[str, str] = {}
        self.condition_changes: Recording[tuple[str, str]] = Recording("condition change")
        #: Committed marks.
        self.marks: dict[str, bytes] = {}
        self.window_change_count = 0
        self._held: list[Callable[[Exception | None], None]] = []
        self._handlers: list[Callable[[dict[str, Any]], None]] = []
        self._supervisor = Supervisor(self._task_failed)

    # -- what a test does ------------------------------------------------------------------------------------------

    def release(self, error: Exception | None = None) -> None:
        """Decide what ``Intake.HOLD`` held back: durable, or failed with ``error``."""
        held, self._held = self._held, []
        for decide in held:
            decide(error)

    def publish(self, event: dict[str, Any]) -> None:
        """Hand a committed event to the plugin's subscriptions."""
        for handler in tuple(self._handlers):
            handler(event)

    async def wait_for_alarm(self, fragment: str = "", *, timeout_s: float = PATIENCE_S) -> Alarm:
        """Return the next alarm whose text contains the fragment."""
        return await self.alarms.wait_for(lambda alarm: fragment in alarm.text, timeout_s=timeout_s)

    async def wait_for_event(self, fragment: str = "", *, timeout_s: float = PATIENCE_S) -> RecordedEvent:
        """Return the next event whose text contains the fragment."""
        return await self.events.wait_for(lambda event: fragment in event.text, timeout_s=timeout_s)

    async def stop(self) -> None:
        """End the plugin's tasks, as the host does after ``Instance.stop``."""
        await self._supervisor.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    # -- what a plugin calls: see addispatch.sdk.Context -----------------------------------------------------------

    def accept(self, alarm: Alarm) -> asyncio.Future[Accepted]:
        """Record the alarm and answer as ``intake`` says."""
        number = len(self.alarms) + 1
        self.alarms.add(alarm)
        marks = {alarm.mark.name: alarm.mark.value} if alarm.mark else {}
        refusal = Refused("text", "refused by the test") if self.intake is Intake.REFUSE else None
        return self._answer(Accepted(alarm_id=alarm.id or f"a{number}"), marks, refusal)

    def settle(self, marks: dict[str, bytes]) -> asyncio.Future[None]:
        """Keep the marks once committed."""
        return self._answer(None, marks)

    def recall(self, name: str) -> bytes | None:
        """Return the last committed mark of that name."""
        return self.marks.get(name)

    def confirmed(self, path: str, fingerprint: bytes) -> None:
        """Record it."""
        self.confirmations.add((path, fingerprint))

    def reconnected(self, path: str) -> None:
        """Record it."""
        self.links.add(("up", path))

    def disconnected(self, path: str) -> None:
        """Record it."""
        self.links.add(("down", path))

    def received(self, message: Incoming) -> asyncio.Future[None]:
        """Record the message and answer as ``intake`` says."""
        self.messages.add(message)
        return self._answer(None)

    def reported(self, report: DeliveryReport) -> asyncio.Future[None]:
        """Record the report and answer as ``intake`` says."""
        self.reports.add(report)
        return self._answer(None)

    def window_changed(self) -> None:
        """Count it."""
        self.window_change_count += 1

    def event(self, text: str, *, severity: Severity = Severity.INFO, kind: str = "", **data: Any) -> None:
        """Record the event."""
        self.events.add(RecordedEvent(text, severity, kind, data))

    def condition(self, name: str, problem: str, *, grace_s: float = 60.0) -> None:
        """Keep what is wrong now in ``conditions``, and record each change."""
        del grace_s
        if self.conditions.get(name, "") != problem:
            self.condition_changes.add((name, problem))
        self.conditions[name] = problem

    def supervise(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run it as the host does, restarts included; a failure is an event of kind ``task_failed``."""
        self._supervisor.run(name, run)

    def subscribe(self, handler: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Keep the handler for ``publish``."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _answer(
        self, result: T, marks: dict[str, bytes] | None = None, refusal: Refused | None = None
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def decide(error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                self.marks.update(marks or {})
                future.set_result(result)
            else:
                future.set_exception(error)

        if self.intake is Intake.HOLD:
            self._held.append(decide)
        else:
            decide(StoreError("failed by the test") if self.intake is Intake.FAIL else refusal)
        return future

    def _task_failed(self, name: str, error: BaseException, _pause_s: float) -> None:
        self.event(f"{name} failed: {error!r}", severity=Severity.WARNING, kind="task_failed")
