"""Runs one plugin without a daemon: ``addispatch plugin try``. Shows what the plugin does; stores nothing.

``examined`` looks at all of them without starting any: ``addispatch doctor`` where no daemon runs.

Because nothing is stored, nothing is confirmed to the outside either (law 1), unless the user says so.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from addispatch.domain.errors import ConfigError, ConfigErrors, PluginError, StoreError
from addispatch.domain.message import Delivery
from addispatch.domain.receipt import InDoubt, Permanent, Receipt, Sent
from addispatch.domain.result import Accepted
from addispatch.host.lifecycle import PluginHost
from addispatch.host.runner import Patience
from addispatch.host.status import Status, describe
from addispatch.runtime.clock import Clock, SystemClock
from addispatch.runtime.numbers import normalize_number
from addispatch.runtime.tasks import bounded
from addispatch.sdk.context import Severity
from addispatch.sdk.operations import Operations
from addispatch.sdk.testing import EmptyOperations

if TYPE_CHECKING:
    from addispatch.config import Config
    from addispatch.domain.alarm import Alarm
    from addispatch.domain.message import DeliveryReport, Incoming
    from addispatch.sdk.protocols import Channel, Finding

T = TypeVar("T")

#: How long a channel may take to come up, in seconds: a modem needs 5 to 40.
READY_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.5
#: There are no other plugins that a slow one could hold up.
_PATIENCE = Patience(warn_s=61, give_up_s=60)
_MARKS = {Severity.INFO: "", Severity.WARNING: "[!] ", Severity.SEVERE: "[!!!] "}


class AloneCore:
    """Stands in for the core; each thing the plugin says becomes a line."""

    is_trial = True
    on_duty = True

    def __init__(self, config: Config, say: Callable[[str], None], *, confirm: bool) -> None:
        self.node, self.cluster = config.node.name, config.node.cluster
        self.default_region, self.timezone = config.node.default_region, config.node.timezone
        self.clock: Clock = SystemClock()
        self.operations: Operations = EmptyOperations()
        self.changed = asyncio.Event()
        self._say, self._confirm = say, confirm
        self._marks: dict[str, bytes] = {}
        self._open: set[asyncio.Future[Any]] = set()

    def accept(self, alarm: Alarm) -> asyncio.Future[Accepted]:
        """Show an alarm."""
        details = {"key": alarm.key, "id": alarm.id, "to": ", ".join(alarm.to), "topic": alarm.topic}
        shown = "".join(f", {name} {value}" for name, value in details.items() if value)
        self._say(f"alarm {alarm.state} ({alarm.priority}{shown}): {alarm.text}")
        if alarm.mark is not None and self._confirm:
            self._marks[alarm.mark.name] = alarm.mark.value
        return self._answer(Accepted(alarm_id=alarm.id or str(uuid4())))

    def settle(self, marks: dict[str, bytes]) -> asyncio.Future[None]:
        """Keep the marks while this runs."""
        self._marks.update(marks)
        return self._answer(None)

    def received(self, message: Incoming) -> asyncio.Future[None]:
        """Show a message."""
        self._say(f"message from {message.sender}: {message.text}")
        return self._answer(None)

    def reported(self, report: DeliveryReport) -> asyncio.Future[None]:
        """Show a delivery report."""
        self._say(f"{report.address}: {'delivered' if report.delivered else f'not delivered: {report.reason}'}")
        return self._answer(None)

    def event(self, text: str, *, severity: Severity = Severity.INFO, kind: str = "", **_data: Any) -> None:
        """Show an event, but not those about plugins that are off: ``running`` raises the one that matters."""
        if kind != "plugin_failed":
            self._say(f"{_MARKS[severity]}{text}")

    def window_changed(self) -> None:
        """Wake who waits for a channel."""
        self.changed.set()

    def recall(self, name: str) -> bytes | None:
        """Return a mark settled while this runs."""
        return self._marks.get(name)

    def confirmed(self, path: str, fingerprint: bytes) -> None:
        """Nobody looks for redeliveries here."""

    def reconnected(self, path: str) -> None:
        """Nobody looks for redeliveries here."""

    def disconnected(self, path: str) -> None:
        """Nobody looks for redeliveries here."""

    def condition(self, name: str, problem: str, *, grace_s: float = 60.0) -> None:
        """Nobody is told here."""

    def subscribe(self, handler: Callable[[dict[str, Any]], None]) -> Callable[[], None]:  # noqa: ARG002
        """Nothing is committed here, so nothing is told."""
        return lambda: None

    def release(self) -> None:
        """Tell the plugin that what it handed over was not stored."""
        for future in tuple(self._open):
            if not future.done():
                future.set_exception(StoreError("not stored: this was a try"))
                future.exception()

    def _answer(self, value: T) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._confirm:
            future.set_result(value)
        else:
            self._open.add(future)
            future.add_done_callback(self._open.discard)
        return future


@asynccontextmanager
async def running(
    name: str, config: Config, say: Callable[[str], None], *, confirm: bool = False
) -> AsyncIterator[tuple[PluginHost, AloneCore]]:
    """Run the plugin ``name`` alone. Raises ``ConfigErrors`` or ``PluginError`` if it does not start."""
    table = {key: value for key, value in config.plugin.get(name, {}).items() if key != "enabled"}
    with tempfile.TemporaryDirectory(prefix="addispatch-try-") as folder:
        # Another name and folder than the daemon's, which may be running: the same MQTT client id would cut it off.
        node = config.node.model_copy(update={"name": f"{config.node.name}-try", "data_dir": Path(folder)})
        core = AloneCore(config.model_copy(update={"node": node}), say, confirm=confirm)
        host = PluginHost(config.model_copy(update={"node": node, "plugin": {name: table}}), core, _PATIENCE)
        try:
            await host.load()
            await host.start()
            _insist(host, name)
            yield host, core
        finally:
            core.release()
            await host.stop()


async def examined(config: Config, give_up_s: float) -> tuple[list[Finding], frozenset[str], Callable[[str, str], str]]:
    """What the plugins say of themselves, the channels they would provide, what these refuse; none is started."""
    with tempfile.TemporaryDirectory(prefix="addispatch-doctor-") as folder:
        node = config.node.model_copy(update={"name": f"{config.node.name}-try", "data_dir": Path(folder)})
        alone = config.model_copy(update={"node": node})
        core = AloneCore(alone, lambda _line: None, confirm=False)
        host = PluginHost(alone, core, Patience(warn_s=give_up_s + 1, give_up_s=give_up_s))
        try:
            await host.load()
            found = await host.examine(give_up_s)
            on = [doc for doc in host.report() if doc["status"] != Status.DISABLED]
            return found, frozenset(name for doc in on for name in doc["channels"]), host.refuses
        finally:
            core.release()
            await host.stop()


async def send_one(host: PluginHost, core: AloneCore, to: str, text: str, channel: str = "") -> Receipt:
    """Send one text by the running plugin's channel, waiting for it to come up first."""
    chosen = _choose(host.channels(), channel)
    if chosen.name in ("sms", "voice"):
        to = normalize_number(to, core.default_region)
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while chosen.window < 1:
                core.changed.clear()
                await _wait_a_little(core.changed)
    except TimeoutError:
        reason = chosen.health.reason or "it gives no reason"
        raise PluginError(f"channel {chosen.name} is still not ready after {READY_WITHIN_S:g} s: {reason}") from None
    delivery = Delivery(id=str(uuid4()), case_id=str(uuid4()), channel=chosen.name, address=to, text=text, subject=text)
    try:
        return await bounded(chosen.send(delivery), give_up_s=chosen.deadline_s)
    except TimeoutError:
        return InDoubt(f"no answer within {chosen.deadline_s:g} s")
    except Exception as error:
        raise PluginError(f"the channel raised {describe(error)}: a bug, it must return a receipt") from error


def in_words(receipt: Receipt) -> str:
    """Say a receipt in one line."""
    by = f" by {receipt.by}" if receipt.by else ""
    if isinstance(receipt, Sent):
        parts = f" in {receipt.parts} parts" if receipt.parts > 1 else ""
        return f"sent{by}{parts}" + (f", reference {receipt.reference}" if receipt.reference else "")
    if isinstance(receipt, InDoubt):
        return f"perhaps sent{by}: {receipt.reason}"
    if isinstance(receipt, Permanent):
        return f"not sent{by}, and trying again would not help: {receipt.reason}"
    later = f" (try again in {receipt.retry_after_s:g} s)" if receipt.retry_after_s is not None else ""
    return f"not sent{by}, worth another try: {receipt.reason}{later}"


def _insist(host: PluginHost, name: str) -> None:
    row = next(row for row in host.report() if row["name"] == name)
    if row["status"] == Status.CONFIG_ERROR:
        raise ConfigErrors(host.check() or [ConfigError(f"plugin.{name}", row["reason"])])
    if row["status"] != Status.ENABLED:
        raise PluginError(f"plugin {name}: {row['status']} - {row['reason']}")


def _choose(channels: dict[str, Channel], name: str) -> Channel:
    if not name and channels:  # a plugin names its usual one first
        return next(iter(channels.values()))
    if name not in channels:
        hint = f"there are: {', '.join(channels)}" if channels else "the plugin has no channel"
        raise ConfigError("channel", f"no channel {name!r}" if name else "there is none", hint)
    return channels[name]


async def _wait_a_little(event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK_EVERY_S):
            await event.wait()
    except TimeoutError:
        pass
