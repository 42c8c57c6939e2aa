"""What a plugin is given to work with. Provided by ``addispatch.host``, by ``addispatch.sdk.testing`` in tests."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from logging import Logger
    from pathlib import Path

    from addispatch.domain.alarm import Alarm
    from addispatch.domain.message import DeliveryReport, Incoming
    from addispatch.domain.result import Accepted
    from addispatch.runtime.clock import Clock
    from addispatch.sdk.operations import Operations


class Severity(StrEnum):
    """How an event is marked in the log: nothing, ``[!]`` or ``[!!!]``."""

    INFO = "info"
    WARNING = "warning"
    SEVERE = "severe"


class Context(Protocol):
    """A plugin's way to the core. All calls are made from the event loop's thread."""

    name: str
    """The plugin's name."""
    node: str
    """This node's configured name."""
    cluster: str
    """The cluster's name (``default`` unless configured); part of the MQTT topics."""
    data_dir: Path
    """A private folder of this plugin (mode 0700); it exists."""
    default_region: str
    """Region of national phone numbers, for example ``SG``."""
    timezone: str
    """The node's time zone by its IANA name: where a day begins for people."""
    is_trial: bool
    """Whether this is ``addispatch plugin try``, perhaps beside the daemon: take nothing of its own, leave nothing."""
    clock: Clock
    log: Logger
    operations: Operations

    @property
    def on_duty(self) -> bool:
        """Whether this node is the one that looks at what one node of two is enough for: a mailbox, a database.

        Always without a cluster; else on the master, and on the slave while the master is not there. Ask each time.
        """

    def accept(self, alarm: Alarm) -> asyncio.Future[Accepted]:
        """Hand over an alarm; the future resolves once it is durable: confirm to the outside only then (law 1).

        Costs no task: use ``await`` or ``add_done_callback``. Fails with ``Refused`` (bad alarm: confirm it, it was
        reported as an event) or ``StoreError`` (not durable: do not confirm; try again later).
        """

    def settle(self, marks: dict[str, bytes]) -> asyncio.Future[None]:
        """Store marks (see ``Alarm.mark``) that come without an alarm."""

    def recall(self, name: str) -> bytes | None:
        """Return the last committed mark of that name."""

    def confirmed(self, path: str, fingerprint: bytes) -> None:
        """Tell that the confirmation (PUBACK) of an alarm with this fingerprint went out on that path."""

    def reconnected(self, path: str) -> None:
        """Tell that the transport path came up (again): for 30 s what it redelivers is recognised.

        Call it before handing over anything the new connection brought.
        """

    def disconnected(self, path: str) -> None:
        """Tell that the transport path went down."""

    def received(self, message: Incoming) -> asyncio.Future[None]:
        """Hand over a message somebody sent to us; delete it from the SIM or mailbox only when the future is done."""

    def reported(self, report: DeliveryReport) -> asyncio.Future[None]:
        """Hand over a delivery report; delete it from the SIM only when the future is done."""

    def window_changed(self) -> None:
        """Tell that a channel's ``window`` grew (a modem came online), so that queued deliveries leave now."""

    def event(self, text: str, *, severity: Severity = Severity.INFO, kind: str = "", **data: Any) -> None:
        """Write an event: one line an operator understands. No secrets; phone numbers are fine here."""

    def condition(self, name: str, problem: str, *, grace_s: float = 60.0) -> None:
        """Tell how something stands that people must hear of when it stays bad: a system alert (SPEC 7).

        ``name`` is short and stable, for example ``modem sim1``; ``problem`` is one line, empty when all is well. Say
        it as often as you like: only changes cost anything. The alert goes out once the problem has lasted ``grace_s``,
        again after 30 minutes and then ever more rarely, and its end is told, too.
        """

    def supervise(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``run()`` as a task until the plugin stops; restart it with back-off when it fails, with an event."""

    def subscribe(self, handler: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call ``handler(event)`` after each committed event (see ``Operations.events`` for its keys).

        The handler must not block or raise; the returned function ends the subscription.
        """
