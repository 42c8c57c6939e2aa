"""The core of one node: ledger, directory, pipeline, dispatcher and plugin host, wired together.

Implements ``host.Core`` for the plugins. Made and driven by ``addispatch.app``.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from addispatch.domain.alarm import Alarm, Priority
from addispatch.domain.delivery import Kind, RetryRules
from addispatch.domain.errors import AddispatchError, ConfigErrors, StoreError
from addispatch.domain.events import INFO, SEVERE, WARNING, Event, Said
from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary
from addispatch.engine import announce, inbound, restored
from addispatch.engine.audit import Auditor
from addispatch.engine.conditions import Conditions
from addispatch.engine.disk import Disk
from addispatch.engine.dispatch import Dispatcher
from addispatch.engine.escalator import Escalator
from addispatch.engine.feed import Feed
from addispatch.engine.heartbeat import Heartbeat
from addispatch.engine.housekeeping import Housekeeping, alive_at_ms
from addispatch.engine.monitoring import Monitoring
from addispatch.engine.observe import observe
from addispatch.engine.operations import NodeOperations
from addispatch.engine.outcome import recover
from addispatch.engine.pause import remind
from addispatch.engine.scheduler import Ticker
from addispatch.engine.timekeeper import Timekeeper
from addispatch.engine.watch import Watch
from addispatch.host.lifecycle import PluginHost
from addispatch.host.prepare import provided
from addispatch.pipeline.accept import Pipeline
from addispatch.pipeline.redelivery import Arrival, Outages, Redelivery
from addispatch.runtime.metrics import Metrics
from addispatch.runtime.tasks import Supervisor
from addispatch.sdk.context import Severity
from addispatch.store import schema
from addispatch.store.claims import Claim
from addispatch.store.directory import DirectoryStore
from addispatch.store.ledger import Ledger
from addispatch.store.mirror import own_all
from addispatch.store.tokens import Tokens
from addispatch.store.transaction import INTAKE_SLOTS, Transaction

if TYPE_CHECKING:
    from pathlib import Path

    from addispatch.config.models import ClusterConfig, Config
    from addispatch.domain.addressbook import Directory
    from addispatch.domain.message import DeliveryReport, Incoming
    from addispatch.domain.receipt import Receipt
    from addispatch.domain.result import Accepted
    from addispatch.engine.cluster import Cluster
    from addispatch.pipeline.desk import Desk
    from addispatch.runtime.clock import Clock, SteadyClock
    from addispatch.sdk.operations import Operations

log = logging.getLogger(__name__)

#: Marks under which the outages of paths are kept; see ``redelivery.Outages``.
OUTAGES = "outages:"
#: Outcomes as the metrics name them.
_OUTCOMES = {Sent: "sent", Temporary: "temporary", Permanent: "permanent", InDoubt: "in_doubt"}
_SEVERITIES = {Severity.INFO: INFO, Severity.WARNING: WARNING, Severity.SEVERE: SEVERE}


class Node:
    """One node. ``start`` opens everything in order; ``stop`` closes it in reverse."""

    is_trial = False

    def __init__(self, config: Config, clock: SteadyClock) -> None:
        self.config = config
        self.clock: Clock = clock
        self.node = self.name = config.node.name
        self.cluster, self.default_region = config.node.cluster, config.node.default_region
        self.timezone = config.node.timezone
        self.metrics = Metrics()
        self.feed = Feed()
        self.ledger = Ledger(config.store.url, config.node.data_dir)
        self.directory = DirectoryStore(
            config.node.data_dir / "directory",
            config.node.default_region,
            cache(partial(provided, config.plugins)),
        )
        #: The place in a cluster, if there is one; made when the ledger is open.
        self.twin: Cluster | None = None
        self.tokens = Tokens(config.node.data_dir / "tokens.json")
        self.retry_rules = _rules(config)
        self.dispatcher = Dispatcher(self.ledger, clock, self.retry_rules, self._on_outcomes, self.desk)
        self.escalator = Escalator(self.ledger, clock, self.desk, self.say)
        self.conditions = Conditions(self.name, self.ledger, clock, self.desk, self._broken_channels)
        self.monitoring = Monitoring(self)
        self.watch, self.auditor, self.heartbeat = Watch(self), Auditor(self), Heartbeat(self)
        self.disk = Disk(self.ledger, config.limits, self.say, self.conditions.report, on_free=self.metrics.disk_free)
        self.timekeeper = Timekeeper(self.ledger, clock, self.say)
        self.redelivery = Redelivery()
        self.operations: Operations = NodeOperations(self)
        self.host = PluginHost(config, self)
        self.housekeeping = Housekeeping(
            self.ledger, clock, self.dispatcher, self.escalator, self.desk, config.node.data_dir
        )
        self._tasks = Supervisor()
        self.ticker = Ticker(clock, self._on_tick_failed)
        self._pipeline: Pipeline | None = None
        self.is_started = False
        self.started_at_ms, self.started_monotonic_s = clock.now_ms(), clock.monotonic_s()
        #: Why ``directory.toml`` does not count since the start, for the status.
        self.directory_problem = ""
        #: Why the peer is to work and not this node; "" while this one is to: set by the cluster.
        self.standby_reason: Callable[[], str] = str
        #: What is amiss around the node, for the status: set by the app.
        self.app_warnings: list[str] = []
        #: The configuration's file, if it came from one: set by the app.
        self.config_file: Path | None = None
        self._closing = AsyncExitStack()

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self, directory_file: Path | None = None) -> None:
        """Open the stores, recover what a crash interrupted, start the plugins and the ticks."""
        self.config.node.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ledger.on_events, self.ledger.on_commit = self.feed.publish, self._on_commit
        self.ledger.on_work = self._on_work
        await self.disk.begin()
        await self.ledger.open()
        self._closing.push_async_callback(self.ledger.close)
        await self.timekeeper.begin()
        store_id = await self.ledger.submit(_store_id)
        if self.config.cluster is not None:
            await self._join_cluster(self.config.cluster, store_id)
        else:
            await self.ledger.submit(lambda transaction: own_all(transaction, self.clock.now_ms()))
        self.conditions.load()
        await restored.look(self)
        for note in self.ledger.notes:
            self.say(Said(note, SEVERE, "LedgerSetAside"))
        await self._open_directory(directory_file)
        await asyncio.to_thread(self.tokens.load)
        await self.host.load()
        await self._make_pipeline(store_id)
        recovered = await self.ledger.submit(
            lambda transaction: recover(transaction, self.retry_rules, self.clock.now_ms(), self.desk)
        )
        if recovered:
            self.say(Said(f"{recovered} message(s) were being sent when the daemon ended", WARNING, "Recovered"))
        # Dispatch stops before the channels do: what is under way may end, and nothing is handed to a stopped one.
        self._closing.push_async_callback(self.host.stop)
        self._closing.push_async_callback(self.dispatcher.stop)
        await self.host.start()
        self.window_changed()
        self._closing.push_async_callback(self._tasks.stop)
        self._tasks.run("escalator", self.escalator.run)
        self._closing.push_async_callback(self.monitoring.stop)
        self._tasks.run("monitors", self.monitoring.run)
        self.monitoring.changed()
        self._start_ticks()
        if self.twin is not None:
            await self.twin.start()
            self._closing.push_async_callback(self.twin.stop)
        self.is_started = True
        announce.dump(self)
        self._tasks.run("announce", lambda: announce.modems(self))

    async def _join_cluster(self, config: ClusterConfig, store_id: str) -> None:
        from addispatch.engine.cluster import Cluster  # noqa: PLC0415 - a single node does not pay for it

        self.twin = Cluster(self, config)
        await self.twin.begin(store_id)

    async def stop(self) -> None:
        """Close everything, the newest first."""
        self.is_started = False
        await self._closing.aclose()

    async def _open_directory(self, file: Path | None) -> None:
        await self.directory.load()
        self._closing.push_async_callback(self.directory.close)
        for note in self.directory.notes:
            self.say(Said(note, WARNING, "DirectoryMended"))
        if self.twin is not None and not await self.twin.replication.begin(file):
            return
        if file is not None:
            await self.provision(file)

    async def provision(self, file: Path) -> None:
        """Apply ``directory.toml``."""
        try:
            report = await self.directory.provision(file)
        except AddispatchError as error:
            problems = error.errors if isinstance(error, ConfigErrors) else [error]
            for problem in problems:
                self.say(Said(f"{file.name} not applied. {problem}", SEVERE, "ProvisioningFailed"))
            more = f" and {len(problems) - 1} more" if problems[1:] else ""
            self.directory_problem = f"{file.name} is not applied, what was there before counts: {problems[0]}{more}"
        else:
            for entry in report.released:
                self.say(Said(f"{entry} is no longer in {file.name}; it stays and can be edited", kind="Released"))
        self.conditions.report(file.name, self.directory_problem, grace_s=0)

    async def _make_pipeline(self, store_id: str) -> None:
        arrivals, number = await self.ledger.submit(self._read_intake)
        for path, found in arrivals.items():
            self.redelivery.restore(path, found)
        pipeline = Pipeline(
            self.ledger,
            self.clock,
            node=self.name,
            region=self.default_region,
            store_id=store_id,
            redelivery=self.redelivery,
            first_number=number,
            max_segments=self.config.limits.max_segments,
            default_ttl_s=self.config.dispatch.default_ttl_s,
            on_queued=self.dispatcher.poke,
            on_refused=self.metrics.alarm_refused,
            timezone=self.config.node.timezone,
            public_url=self.config.http.public_url,
            owner=self.twin.owner_for if self.twin is not None else None,
        )
        pipeline.provided, pipeline.takes_mail = self._configured_channels(), self._takes_mail()
        pipeline.refuses = self.host.refuses
        if self.twin is not None:
            pipeline.peer_number = self.twin.peer.number
        self._pipeline = pipeline
        self._use_directory(self.directory.snapshot)
        self.directory.on_change(self._use_directory)

    @property
    def pipeline(self) -> Pipeline:
        """The way in for alarms. The API is up before it: until all is open, ``StoreError`` asks to try again."""
        if self._pipeline is None:
            raise StoreError("addispatch is starting and takes no alarms yet: try again in a moment")
        return self._pipeline

    def desk(self) -> Desk:
        """What messages are made with."""
        return self.pipeline.desk

    def _on_work(self, transaction: Transaction) -> None:
        if transaction.answered:
            self.dispatcher.give_back(lambda claim: claim.kind is Kind.ASK and claim.case_seq in transaction.answered)
        if transaction.yielded:
            self.dispatcher.give_back(lambda claim: claim.case_seq in transaction.yielded)
        self.dispatcher.poke(transaction.channels)
        if transaction.next_at_ms is not None:
            self.escalator.set_earlier(transaction.next_at_ms)

    def _use_directory(self, directory: Directory) -> None:
        self.pipeline.use(directory)
        self.housekeeping.retention_days = directory.settings.retention_days
        self.monitoring.changed()

    def _read_intake(self, transaction: Transaction) -> tuple[dict[str, list[Arrival]], int]:
        """Return what was taken shortly before the last process ended, and the ring's position."""
        connection, table = transaction.connection, schema.intake
        newest = connection.execute(
            sa.select(table.c.slot, table.c.at_ms).order_by(table.c.at_ms.desc(), table.c.slot.desc()).limit(1)
        ).first()
        if newest is None:
            return {}, 0
        ended_at_ms = max(alive_at_ms(self.config.node.data_dir), newest.at_ms)
        arrivals: dict[str, list[Arrival]] = {}
        for row in connection.execute(sa.select(table)):
            if self._outages_of(row.path).cover(row.at_ms, ended_at_ms):
                arrivals.setdefault(row.path, []).append(Arrival(bytes(row.fingerprint), row.slot))
        return arrivals, newest.slot % INTAKE_SLOTS

    def _configured_channels(self) -> frozenset[str]:
        """Channels of all plugins that are on, running or not: what waits for a channel that is down waits for it."""
        on = [doc for doc in self.host.report() if doc["status"] != "disabled"]
        return frozenset(name for doc in on for name in doc["channels"])

    def _broken_channels(self) -> frozenset[str]:
        return frozenset(name for name, channel in self.host.channels().items() if not channel.health.up)

    def _takes_mail(self) -> bool:
        """Whether a plugin that is on takes in answers by mail."""
        return any("email" in doc["receives"] for doc in self.host.report() if doc["status"] != "disabled")

    def _start_ticks(self) -> None:
        keep = self.housekeeping
        self.ticker.every(1, "alive stamp", keep.stamp)
        self.ticker.every(1, "disk", self.disk.look)
        self.ticker.every(1, "clock", self.timekeeper.check)
        self.ticker.every(1, "deadlines of sends", self.dispatcher.abandon_overdue)
        self.ticker.every(5, "sweep", keep.sweep)
        self.ticker.every(5, "system alerts", self.conditions.tell_due)
        self.ticker.every(5, "gauges", self._observe)
        self.ticker.every(10, "pause", self.remind_of_pause)
        self.ticker.every(20, "heartbeat", self.heartbeat.look)
        self.ticker.every(20, "auditor", self.auditor.look)
        self.ticker.every(20, "restored", partial(restored.look, self))
        self.ticker.every(10, "watchdog", keep.watchdog)
        self.ticker.every(60, "retention", keep.retain)
        if (cluster := self.config.cluster) is not None:
            self.ticker.every(60, "old messages", lambda: keep.give_up_old(cluster.max_age_h))
        self.ticker.start()
        self._closing.push_async_callback(self.ticker.stop)

    async def _observe(self) -> None:
        self.watch.look(await observe(self))

    async def remind_of_pause(self) -> None:
        """Tell again of an emergency pause that lasts: a tick."""
        if self.ledger.is_paused:
            await self.ledger.submit(lambda transaction: remind(transaction, self.desk(), self.clock.now_ms()))

    @property
    def on_duty(self) -> bool:
        """Whether monitors, mailboxes and the like are this node's."""
        return self.twin is None or self.twin.on_duty

    # -- what plugins call (host.Core) ---------------------------------------------------------------------------

    def accept(self, alarm: Alarm) -> asyncio.Future[Accepted]:
        """Take an alarm; in a cluster, once the other node holds it, too, or is too late."""
        if self.twin is None:
            return self.pipeline.accept(alarm)
        if problem := self.twin.refusal():
            refused: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
            refused.set_exception(StoreError(problem))
            return refused
        return self.twin.mirrored(self.pipeline.accept(alarm))

    def settle(self, marks: dict[str, bytes]) -> asyncio.Future[None]:
        """Store marks that come without an alarm."""
        return self.ledger.submit(lambda transaction: transaction.marks.update(marks))

    def recall(self, name: str) -> bytes | None:
        """Return a committed mark."""
        return self.ledger.marks.get(name)

    def confirmed(self, path: str, fingerprint: bytes) -> None:
        """A confirmation went out."""
        self.redelivery.confirmed(path, fingerprint, self.clock.monotonic_s())

    def reconnected(self, path: str) -> None:
        """A path came up."""
        self.redelivery.reconnected(path, self.clock.monotonic_s())
        self._note_outages(path, self._outages_of(path).came_up(self.clock.now_ms()))

    def disconnected(self, path: str) -> None:
        """A path went down."""
        self.redelivery.disconnected(path, self.clock.monotonic_s())
        self._note_outages(path, self._outages_of(path).went_down(self.clock.now_ms()))

    def _outages_of(self, path: str) -> Outages:
        return Outages.parse(self.ledger.marks.get(f"{OUTAGES}{path}", b""))

    def _note_outages(self, path: str, outages: Outages) -> None:
        if outages != self._outages_of(path):
            self.settle({f"{OUTAGES}{path}": outages.value})

    def received(self, message: Incoming) -> asyncio.Future[None]:
        """Store a message that came in."""
        return inbound.received(self.ledger, self.clock, message, self.desk)

    def reported(self, report: DeliveryReport) -> asyncio.Future[None]:
        """Store a delivery report."""
        return inbound.reported(self.ledger, self.clock, report, self.desk)

    def window_changed(self) -> None:
        """Look for deliveries on all channels that run."""
        self.dispatcher.use(self.host.channels().values())
        self.monitoring.changed()

    def event(self, text: str, *, severity: Severity = Severity.INFO, kind: str = "", **_data: Any) -> None:
        """Write an event of a plugin."""
        self.say(Said(text, _SEVERITIES[severity], kind or "Said"))

    def condition(self, name: str, problem: str, *, grace_s: float = 60.0) -> None:
        """Note how something of a plugin's stands."""
        self.conditions.report(name, problem, grace_s=grace_s)

    def subscribe(self, handler: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Tell a plugin of events."""
        return self.feed.subscribe(handler)

    # -- for the parts -------------------------------------------------------------------------------------------

    def say(self, event: Event) -> None:
        """Write an event; if the ledger cannot take it, the log must do."""
        level = {INFO: logging.INFO, WARNING: logging.WARNING, SEVERE: logging.ERROR}[event.severity]
        log.log(level, "%s", event.line)
        now_ms = self.clock.now_ms()
        self.ledger.submit(lambda transaction: self._write(transaction, now_ms, event))

    def _write(self, transaction: Transaction, now_ms: int, event: Event) -> None:
        transaction.event(now_ms, event)
        number, _at_ms, severity, _kind, line, _case = transaction.told[-1]
        if severity != INFO:
            self.feed.logged.add((number, line))

    @property
    def has_audience(self) -> bool:
        """Whether there is anybody in the directory."""
        return bool(self.directory.snapshot.recipients)

    def ledger_doc(self) -> dict[str, Any]:
        """The ledger's part of the status."""
        path = self.config.node.data_dir / "ledger.db"
        files = [file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()]
        return {
            "path": str(path),
            "size_bytes": sum(file.stat().st_size for file in files) if files else None,
            "waiting": self.ledger.waiting_count,
            "problem": self.ledger.problem,
        }

    def _on_commit(self, took_s: float, units_count: int, accepted: list[str]) -> None:
        self.metrics.ledger_committed(took_s, units_count)
        for source, count in Counter(accepted).items():
            self.metrics.alarm_accepted(source, count)

    def _on_outcomes(self, outcomes: list[tuple[Claim, Receipt]]) -> None:
        now_ms = self.clock.now_ms()
        ended = Counter((claim.key.channel, _OUTCOMES[type(receipt)]) for claim, receipt in outcomes)
        for (channel, outcome), count in ended.items():
            self.metrics.delivery_ended(channel, outcome, count)
        for claim, receipt in outcomes:
            if isinstance(receipt, Sent):
                self.metrics.delivered_after((now_ms - claim.queued_at_ms) / 1000)

    def _on_tick_failed(self, name: str, error: BaseException) -> None:
        self.say(Said(f"The tick {name} failed: {error}", WARNING, "TickFailed"))


def _store_id(transaction: Transaction) -> str:
    """Return this store's id, made when the ledger was: the live identity of whoever sends for a case (CLUSTER)."""
    connection, meta = transaction.connection, schema.meta
    found = connection.execute(sa.select(meta.c.value).where(meta.c.name == "store_id")).scalar()
    if found is None:
        found = secrets.token_hex(16)
        connection.execute(sa.insert(meta).values(name="store_id", value=found))
    return str(found)


def _rules(config: Config) -> RetryRules:
    settings = config.dispatch
    return RetryRules(
        first_s=settings.retry_first_s,
        longest_s=settings.retry_longest_s,
        max_attempts=settings.max_attempts,
        resend_in_doubt={priority: settings.in_doubt.resends(priority) for priority in Priority},
    )
