"""What goes out: the state of cases, of the node and of its modems. Runs beside the intake and never in its way.

Committed events only mark what changed (a microsecond each); a task publishes the marks at a bounded rate, each case
once however often it changed. The retained states of cases are cleaned up from what the broker itself remembers, so
nothing about them is stored here. Phone numbers and mail addresses do not leave (CONTRACT).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from addispatch.sdk import AddispatchError, Refused
from addispatch.sdk.operations import Actor, Role

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch.sdk.mqtt import Message
    from addispatch_plugins.mqtt.door import Door

#: One round of publishing in this time, with at most so many cases and events: 20 and 100 a second. A case costs a look
#: into the ledger, and in a storm the processor belongs to the alarms. Rounds are short: an alarm that comes waits for
#: the end of one.
ROUND_S, CASES_PER_ROUND, EVENTS_PER_ROUND = 0.05, 1, 5
#: A round takes long when others want the processor: a rest of so many times as long leaves it to them, up to so many
#: seconds.
REST, LONGEST_REST_S = 9, 1.0
#: Most marks kept; beyond it the oldest cases are left out and counted.
MAX_MARKED, MAX_EVENTS = 20_000, 2000
#: The status goes out when something changed, at most so often, and at least so often, in seconds.
STATUS_MIN_S, STATUS_MAX_S = 2.0, 30.0
#: How long after its end a case is archived: its retained state goes.
ARCHIVE_AFTER = timedelta(hours=24)
SWEEP_S = 60.0

_CASE_KEYS = (
    "id", "code", "text", "priority", "key", "source", "audience", "state", "level", "count", "opened_at",
    "acknowledged_at", "closed_at",
)  # fmt: skip
_MODEM_KEYS = ("name", "state", "operator", "technology", "signal")
_PRIVATE = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|\+?\d(?:[\s()./-]{0,2}\d){6,14}")
_ACTOR = Actor("mqtt", Role.VIEWER, "mqtt")


class Publisher:
    """The way out of one plugin, to all its brokers."""

    def __init__(self, context: Context, prefix: str, node: str) -> None:
        self._context = context
        self._prefix = prefix
        self._node = node
        self._doors: Sequence[Door] = ()
        self._marked: dict[str, None] = {}
        self._events: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self._closed: dict[str, datetime] = {}
        self._left_out_count = 0
        self._wake = asyncio.Event()
        self._everything = True
        self._modems: dict[str, bytes] = {}
        self._changed = True
        self._status_s = self._swept_s = float("-inf")
        self._end: Callable[[], None] = lambda: None

    @property
    def own_filter(self) -> str:
        """Which topics to subscribe to: our own retained states, to clean them up."""
        return f"{self._prefix}/case/+/state"

    def start(self, doors: Sequence[Door]) -> None:
        """Follow the events and begin to publish."""
        self._doors = doors
        self._end = self._context.subscribe(self.changed)
        self._context.supervise("status", self._run)

    def stop(self) -> None:
        """Say that the node is going; the links close after it."""
        self._end()
        self._end = lambda: None
        self._publish(self._online_topic, b"offline", retain=True)

    def greet(self, door: Door) -> None:
        """Tell a broker that took us everything anew."""
        door.link.publish(self._online_topic, b"online", retain=True)
        self._everything = True
        self._modems.clear()
        self._wake.set()

    def changed(self, event: dict[str, Any]) -> None:
        """Mark what an event is about; called for each committed event, also in a storm."""
        case_id = event.get("case_id")
        if case_id:
            self._mark(case_id)
            self._events.append(event)
        self._changed = True
        self._wake.set()

    def seen(self, message: Message) -> None:
        """Take note of a retained state the broker kept: it is published anew or removed."""
        if message.retain and message.payload:
            self._mark(message.topic.split("/")[-2][:64])
            self._wake.set()

    # -- the rounds ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(STATUS_MAX_S):
                    await self._wake.wait()
            except TimeoutError:
                self._changed = True
            self._wake.clear()
            began_s = self._context.clock.monotonic_s()
            if any(door.link.is_connected for door in self._doors):
                try:
                    await self._round()
                except AddispatchError as error:  # the ledger cannot be read now: later
                    self._context.log.debug("state not published: %s", error)
            took_s = self._context.clock.monotonic_s() - began_s
            await asyncio.sleep(min(max(ROUND_S, REST * took_s), LONGEST_REST_S))

    async def _round(self) -> None:
        if self._everything:
            self._everything = False
            await self._mark_open()
        for event in [self._events.popleft() for _ in range(min(EVENTS_PER_ROUND, len(self._events)))]:
            self._publish_event(event)
        for case_id in list(islice(self._marked, CASES_PER_ROUND)):
            self._marked.pop(case_id, None)
            await self._publish_case(case_id)
        now_s = self._context.clock.monotonic_s()
        if self._changed and now_s - self._status_s >= STATUS_MIN_S:
            self._changed, self._status_s = False, now_s
            await self._publish_status()
        if now_s - self._swept_s >= SWEEP_S:
            self._swept_s = now_s
            self._sweep()
        if self._marked or self._events or self._changed:
            self._wake.set()

    async def _mark_open(self) -> None:
        """Mark all cases that are not closed: a broker may have missed them."""
        for state in ("open", "acknowledged"):
            cursor: str | None = None
            while len(self._marked) < MAX_MARKED:
                page = await self._context.operations.cases(_ACTOR, state=state, limit=200, cursor=cursor)
                for case in page["cases"]:
                    self._mark(case["id"])
                cursor = page.get("next")
                if cursor is None:
                    break

    def _mark(self, case_id: str) -> None:
        self._marked[case_id] = None
        if len(self._marked) > MAX_MARKED:
            del self._marked[next(iter(self._marked))]
            self._left_out_count += 1

    # -- what goes out ---------------------------------------------------------------------------------------------

    def _publish_event(self, event: dict[str, Any]) -> None:
        shown = {name: event.get(name) for name in ("id", "at", "severity", "kind", "case_id")}
        shown["text"] = without_addresses(str(event.get("text", "")))
        self._publish(f"{self._prefix}/case/{event['case_id']}/event", orjson.dumps(shown))

    async def _publish_case(self, case_id: str) -> None:
        topic = f"{self._prefix}/case/{case_id}/state"
        try:
            case = await self._context.operations.case(_ACTOR, case_id)
        except Refused:
            self._publish(topic, b"", retain=True)
            return
        closed_at = case.get("closed_at")
        if closed_at:
            self._closed[case_id] = datetime.fromisoformat(closed_at)
            if self._is_archived(case_id):
                self._remove(case_id)
                return
        shown = {name: case.get(name) for name in _CASE_KEYS}
        by = case.get("acknowledged_by")
        shown["acknowledged_by"] = without_addresses(by) if by else None
        counts: dict[str, int] = {}
        for delivery in case.get("deliveries", ()):
            counts[delivery["state"]] = counts.get(delivery["state"], 0) + 1
        shown["deliveries"] = counts
        self._publish(topic, orjson.dumps(shown), retain=True)

    def _is_archived(self, case_id: str) -> bool:
        return self._context.clock.now() - self._closed[case_id] >= ARCHIVE_AFTER

    def _remove(self, case_id: str) -> None:
        del self._closed[case_id]
        self._publish(f"{self._prefix}/case/{case_id}/state", b"", retain=True)

    def _sweep(self) -> None:
        for case_id in [known for known in self._closed if self._is_archived(known)]:
            self._remove(case_id)
        if self._left_out_count:
            text = f"{self._left_out_count} states of cases were not published by MQTT: too many at once"
            self._context.event(text, kind="mqtt_left_out")
            self._left_out_count = 0

    async def _publish_status(self) -> None:
        status = await self._context.operations.status(_ACTOR)
        cases, queue = status.get("cases", {}), status.get("queue", {})
        shown = {
            "node": self._node,
            "state": without_addresses(str(status.get("state", ""))),
            "open": cases.get("open", 0),
            "unacknowledged": cases.get("unacknowledged", 0),
            "queue": sum(queue.values()),
            "queue_oldest_s": status.get("queue_oldest_s"),
            "at": f"{self._context.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        }
        self._publish(f"{self._prefix}/status", orjson.dumps(shown), retain=True)
        for modem in status.get("modems", ()):
            name = topic_level(str(modem.get("name", "")))
            document = orjson.dumps({key: modem.get(key) for key in _MODEM_KEYS})
            if self._modems.get(name) != document:
                self._modems[name] = document
                self._publish(f"{self._prefix}/node/{self._node}/modem/{name}", document, retain=True)

    @property
    def _online_topic(self) -> str:
        return online_topic(self._prefix, self._node)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        for door in self._doors:
            if door.link.is_connected:
                door.link.publish(topic, payload, retain=retain)


def without_addresses(text: str) -> str:
    """Hide what looks like a phone number or a mail address."""
    return _PRIVATE.sub("[hidden]", text)


def topic_level(name: str) -> str:
    """Make a name fit for one level of a topic."""
    return re.sub(r"[+#/\0]", "-", name) or "-"


def canary_topic(prefix: str, node: str) -> str:
    """Return the topic on which a node sends messages to itself."""
    return f"{prefix}/node/{node}/canary"


def online_topic(prefix: str, node: str) -> str:
    """Return the topic that says whether a node is there; also of the last will."""
    return f"{prefix}/node/{node}/online"
