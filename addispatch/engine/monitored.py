"""One monitor as it runs: what was read, what it came to, what is still to be told. Made by ``engine.monitoring``."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from addispatch.domain.alarm import Alarm, AlarmState, Mark, Priority
from addispatch.domain.events import INFO, WARNING, Said
from addispatch.domain.judgement import Change, Judged, Limit, Reading, State, Verdict, judge
from addispatch.domain.monitor import SOURCE
from addispatch.runtime.template import Template, TemplateError
from addispatch.store.queries import time_text

if TYPE_CHECKING:
    import asyncio

    from addispatch.domain.monitor import Monitor
    from addispatch.domain.result import Accepted
    from addispatch.engine.node import Node

#: Under which mark the ledger keeps what a monitor told.
MARK = "monitor:"
#: Most alarms of one monitor that wait to be told while the ledger takes none; the oldest are dropped, with an event.
MAX_UNTOLD = 20


class Monitored:
    """State, counters, and the alarms."""

    __slots__ = (
        "_failing_since_s", "_node", "_telling", "_untold", "_zone", "behind_count", "is_suppressed", "keys",
        "latency_s", "monitor", "ok_count", "parent", "read_at_ms", "read_count", "state",
    )  # fmt: skip

    def __init__(self, monitor: Monitor, node: Node) -> None:
        self.monitor = monitor
        self.keys: Any = None
        self.parent: Monitored | None = None
        #: How many have this one as their parent.
        self.behind_count = 0
        self.state = _restored(node.ledger.marks.get(f"{MARK}{monitor.id}"))
        self.read_count = self.ok_count = 0
        self.latency_s: float | None = None
        self.read_at_ms: int | None = None
        self.is_suppressed = False
        self._node = node
        self._zone = ZoneInfo(node.config.node.timezone)
        self._failing_since_s: float | None = None
        self._untold: deque[tuple[Alarm, bool]] = deque(maxlen=MAX_UNTOLD)
        self._telling = False

    def changed(self, monitor: Monitor) -> Monitored:
        """Go on with another definition. Under another name its alarms are others: the old ones are over."""
        if monitor.name != self.monitor.name or monitor.to != self.monitor.to:
            self.end()
            self.state = State()
        if (monitor.name, monitor.probe, monitor.keys) != (self.monitor.name, self.monitor.probe, self.monitor.keys):
            self.keys = None  # to be read anew
        self.monitor = monitor
        return self

    def end(self) -> None:
        """It is watched no more: what it raised is over."""
        verdicts = [Verdict(Change.CLEARED, self.state.active)] if self.state.active else []
        verdicts += [Verdict(Change.FOUND)] if self.state.is_lost else []
        self.state = State(value=self.state.value)
        self._say(verdicts)

    def take(self, reading: Reading, took_s: float) -> None:
        """Judge a reading and tell what changed."""
        now_s = self._node.clock.monotonic_s()
        self.read_count += 1
        self.read_at_ms = self._node.clock.now_ms()
        self.latency_s = reading.latency_s if reading.latency_s is not None else took_s
        if reading.problem:
            self._failing_since_s = self._failing_since_s if self._failing_since_s is not None else now_s
        else:
            self.ok_count += 1
            self._failing_since_s = None
        self.is_suppressed = self._is_in_maintenance() or self.is_parent_down()
        self.state, verdicts = judge(self.monitor.rules, self.state, reading, now_s, suppressed=self.is_suppressed)
        self._say(verdicts)

    def _is_in_maintenance(self) -> bool:
        if not self.monitor.maintenance:
            return False
        local = self._node.clock.now().astimezone(self._zone)
        return any(window.covers(local) for window in self.monitor.maintenance)

    def is_parent_down(self) -> bool:
        """Whether what it is behind of is down, or nobody has looked at that since this one went silent."""
        parent = self.parent
        if parent is None:
            return False
        if parent.state.is_lost or parent.state.failed_count or parent.is_parent_down():
            return True
        since_s = self._failing_since_s
        return since_s is not None and (parent.state.value_at_s is None or parent.state.value_at_s <= since_s)

    # -- telling -------------------------------------------------------------------------------------------------

    def _say(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            # The state goes with the last alarm: after a crash between two of them both are worked out anew.
            self._note(
                verdict, Mark(f"{MARK}{self.monitor.id}", _kept(self.state)) if verdict is verdicts[-1] else None
            )
        if self._untold:
            self._tell()

    def _note(self, verdict: Verdict, mark: Mark | None) -> None:
        monitor, text = self.monitor, self._text(verdict)
        is_over = verdict.change in (Change.CLEARED, Change.FOUND)
        self._node.say(
            Said(f"Monitor {text}", INFO if is_over or verdict.change is Change.EASED else WARNING, "Monitor")
        )
        if verdict.change is Change.EASED:
            return
        priority = monitor.rules.priority_of(verdict.limit) if verdict.limit else monitor.rules.priority
        alarm = Alarm(
            text=text,
            source=SOURCE,
            key=monitor.key(verdict),
            priority=priority,
            state=AlarmState.CLEARED if is_over else AlarmState.RAISED,
            to=monitor.to,
            ts=self._node.clock.now(),
            is_stated=True,
            mark=mark,
            data={"monitor": monitor.name, "limit": verdict.limit or "contact"},
        )
        if len(self._untold) == MAX_UNTOLD:
            self._node.say(Said(f"Monitor {monitor.name}: a change is not told: {self._untold[0][0].text}", WARNING))
        self._untold.append((alarm, is_over))

    def _text(self, verdict: Verdict) -> str:
        monitor, state = self.monitor, self.state
        source = monitor.template(verdict)
        if source:
            try:
                return Template(source).render(monitor.fields(verdict, state.value, state.problem))
            except TemplateError as error:
                self._node.say(Said(f"Monitor {monitor.name}: its template failed: {error}", WARNING, "TemplateFailed"))
        text = monitor.sentence(verdict, state.value, state.problem)
        behind = self.behind_count
        return f"{text}; {behind} monitors behind it are silent" if verdict.change is Change.LOST and behind else text

    def _tell(self) -> None:
        """Hand over the oldest change; the next one when that is durable. One that is not taken is tried again."""
        if self._telling:
            return
        self._telling = True
        alarm, is_over = self._untold[0]
        self._node.accept(alarm).add_done_callback(lambda done: self._told(done, alarm, is_over=is_over))

    def _told(self, done: asyncio.Future[Accepted], alarm: Alarm, *, is_over: bool) -> None:
        self._telling = False
        if done.cancelled() or done.exception() is not None:
            return  # the next reading tries again
        self._untold.popleft()
        if is_over and not done.result().cases:
            # Nobody had to acknowledge it, so its case is closed long since: who was told hears of the end, too.
            news = Alarm(text=alarm.text, source=SOURCE, priority=Priority.MEDIUM, to=alarm.to, data=alarm.data)
            self._node.accept(news)
        if self._untold:
            self._tell()

    def document(self) -> dict[str, Any]:
        """How it stands, for ``addispatch monitors``."""
        state, monitor = self.state, self.monitor
        return {
            "name": monitor.name,
            "probe": monitor.probe,
            "state": self.word,
            "value": state.value,
            "units": monitor.units,
            "limit": state.active,
            "error": state.problem,
            "suppressed": self.is_suppressed,
            "read_at": time_text(self.read_at_ms),
            "latency_ms": round(self.latency_s * 1000, 1) if self.latency_s is not None else None,
            "availability": round(self.ok_count / self.read_count, 5) if self.read_count else None,
            "interval_s": monitor.interval_s,
        }

    @property
    def word(self) -> str:
        """``down`` (no contact), the limit it is beyond, ``failing`` (not long enough to be down), ``ok``, ``new``."""
        state = self.state
        if state.is_lost:
            return "down"
        if state.active:
            return "alarm"
        if state.failed_count or state.problem:
            return "failing"
        return "ok" if self.read_count else "new"


def _kept(state: State) -> bytes:
    return orjson.dumps(
        {"lost": state.is_lost, "active": [limit for limit, one in state.judged.items() if one.is_active]}
    )


def _restored(value: bytes | None) -> State:
    if not value:
        return State()
    doc = orjson.loads(value)
    active = {Limit(limit): Judged(is_active=True) for limit in doc["active"]}
    return State(is_lost=doc["lost"], judged=active)
