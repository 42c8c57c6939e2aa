"""One monitor as it runs: what was read, what it came to, what is still to be told. Made by ``engine.monitoring``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from addispatch.domain.alarm import Alarm, AlarmState, Mark, Priority
from addispatch.domain.errors import Refused
from addispatch.domain.events import INFO, SEVERE, WARNING, Said
from addispatch.domain.judgement import Change, Reading, Rules, State, Verdict, judge, would_hold
from addispatch.domain.monitor import SOURCE
from addispatch.domain.monitor_memory import Memory, unpacked
from addispatch.domain.parents import MAX_PARENTS
from addispatch.pipeline.check import clean_text
from addispatch.runtime.template import Template, TemplateError
from addispatch.store.queries import time_text

if TYPE_CHECKING:
    import asyncio

    from addispatch.domain.monitor import Monitor
    from addispatch.domain.result import Accepted
    from addispatch.engine.monitor_group import Group
    from addispatch.engine.node import Node
    from addispatch.engine.teller import Teller
    from addispatch.sdk.probe import Probe

#: Under which mark the ledger keeps what a monitor told.
MARK = "monitor:"
#: What was seen last is written at most each minute (``engine.monitoring``), and so seldom if it is always the same.
CALM_MS = 600_000
#: Most alarms of one monitor that wait to be told while the ledger takes none; the oldest are dropped, with an event.
MAX_UNTOLD = 20


@dataclass(slots=True, eq=False)
class News:
    """A change that is to be told, and what is remembered once it is; ``plain`` are our own words for it."""

    alarm: Alarm
    is_over: bool
    memory: Memory
    plain: str
    is_said: bool = False


class Monitored:
    """State, counters, and the alarms."""

    __slots__ = (
        "_failing_since_s", "_node", "_raised_by", "_saved", "_teller", "_telling", "_told", "_untold",
        "_zone", "behind_count",
        "group", "is_suppressed", "keys", "latency_s", "monitor", "ok_count", "parent", "read_at_ms", "read_count",
        "state", "value_at_ms",
    )  # fmt: skip

    def __init__(self, monitor: Monitor, node: Node, teller: Teller) -> None:
        self.monitor = monitor
        self.keys: Any = None
        #: With whom it is read; None as long as it is not.
        self.group: Group | None = None
        self.parent: Monitored | None = None
        #: How many are behind this one, near or far.
        self.behind_count = 0
        known = unpacked(node.ledger.marks.get(self.mark_name))
        self.state = known.state
        self.read_count, self.ok_count = known.read_count, known.ok_count
        self.latency_s: float | None = None if known.latency_ms is None else known.latency_ms / 1000
        self.read_at_ms, self.value_at_ms = known.read_at_ms, known.value_at_ms
        self.is_suppressed = False
        self._node, self._teller = node, teller
        self._zone = ZoneInfo(node.config.node.timezone)
        self._failing_since_s: float | None = None
        self._untold: deque[News] = deque(maxlen=MAX_UNTOLD)
        self._telling = False
        #: By which rules its alarm was raised, if by others than now.
        self._raised_by: Rules | None = None
        #: What was told, and what the ledger knows of the rest.
        self._told = self._saved = known

    @property
    def mark_name(self) -> str:
        """Under which mark the ledger keeps it."""
        return f"{MARK}{self.monitor.id}"

    def is_watched_as(self, monitor: Monitor, probe: Probe | None) -> bool:
        """Whether it is read by this probe, by a definition that says the same."""
        group = self.group
        if group is None or group.probe is not probe or (self.keys is None and probe is not None):
            return False
        return self.monitor is monitor or self.monitor == monitor

    def changed(self, monitor: Monitor) -> Monitored:
        """Go on with another definition. Under another name its alarms are others: the old ones are over."""
        if monitor.name != self.monitor.name:
            self.end(f"is called {monitor.name} now")
            self.state = State()
        elif monitor.to != self.monitor.to:
            self.end("others are told of it from now on")
            self.state = State()
        elif self.state.active and self._raised_by is None and monitor.rules != self.monitor.rules:
            self._raised_by = self.monitor.rules
        if (monitor.name, monitor.probe, monitor.keys) != (self.monitor.name, self.monitor.probe, self.monitor.keys):
            self.keys = None  # to be read anew
        self.monitor = monitor
        return self

    def end(self, why: str = "no longer watched") -> None:
        """It is watched no more: what it raised is over, and people hear why. Nobody knows whether all is well."""
        verdicts = [Verdict(Change.CLEARED, self.state.active)] if self.state.active else []
        verdicts += [Verdict(Change.FOUND)] if self.state.is_lost else []
        self.state, self._raised_by = State(value=self.state.value), None
        self._say(verdicts, f"{self.monitor.name}: {why}")

    def take(self, reading: Reading, took_s: float) -> None:
        """Judge a reading and tell what changed."""
        now_s, now_ms = self._node.clock.monotonic_s(), self._node.clock.now_ms()
        self.read_count += 1
        self.read_at_ms = now_ms
        self.latency_s = reading.latency_s if reading.latency_s is not None else took_s
        if reading.problem:
            self._failing_since_s = self._failing_since_s if self._failing_since_s is not None else now_s
        else:
            self.ok_count += 1
            self._failing_since_s = None
        # Few have either, and this runs for each reading.
        self.is_suppressed = (bool(self.monitor.maintenance) and self._is_in_maintenance()) or (
            self.parent is not None and self.is_parent_down()
        )
        self.state, verdicts = judge(self.monitor.rules, self.state, reading, now_s, suppressed=self.is_suppressed)
        if not self.state.problem:
            self.value_at_ms = now_ms
        if verdicts or self._untold:
            self._say(verdicts)

    def _is_in_maintenance(self) -> bool:
        if not self.monitor.maintenance:
            return False
        local = self._node.clock.now().astimezone(self._zone)
        return any(window.covers(local) for window in self.monitor.maintenance)

    def is_parent_down(self) -> bool:
        """Whether what it is behind of is down, or nobody has looked at that since this one went silent.

        Looks up ``MAX_PARENTS`` steps: an older version took more, and circles.
        """
        one = self
        for _ in range(MAX_PARENTS):
            parent = one.parent
            if parent is None:
                return False
            if parent.state.is_lost or parent.state.failed_count:
                return True
            since_s = one._failing_since_s
            if since_s is not None and (parent.state.value_at_s is None or parent.state.value_at_s <= since_s):
                return True
            one = parent
        return False

    # -- telling -------------------------------------------------------------------------------------------------

    @property
    def has_news(self) -> bool:
        """Whether something is not told yet."""
        return bool(self._untold)

    def tell(self) -> None:
        """Tell what waits, if any: also what the ledger did not take when it was told last."""
        if self._untold and not self._telling:
            self._telling = True
            self._teller.want(self)

    def hand_over(self) -> asyncio.Future[Accepted]:
        """Tell the oldest change; called by the ``Teller``. The next one is told when this one is durable."""
        news = self._untold[0]
        try:
            if not news.is_said:
                news.is_said = True
                severity = INFO if news.is_over else WARNING
                self._node.say(Said(f"Monitor {news.alarm.text}", severity, "Monitor"))
            future = self._node.accept(news.alarm)
        except BaseException:
            self._telling = False
            raise
        future.add_done_callback(lambda done: self._handed_over(done, news))
        return future

    def _handed_over(self, done: asyncio.Future[Accepted], news: News) -> None:
        self._telling = False
        error = None if done.cancelled() else done.exception()
        if isinstance(error, Refused):
            self._refused(news, error)
            return
        if done.cancelled() or error is not None:
            return  # the next reading tries again
        self._told = news.memory
        if self._untold and self._untold[0] is news:
            self._untold.popleft()
        if news.is_over and not done.result().cases:
            # Nobody had to acknowledge it, so its case is closed long since: who was told hears of the end, too.
            alarm = news.alarm
            more = Alarm(
                id=f"{alarm.id}/news", text=alarm.text, source=SOURCE, priority=Priority.MEDIUM, to=alarm.to,
                data=alarm.data,
            )  # fmt: skip
            if len(self._untold) < MAX_UNTOLD:  # a new one on the right would be dropped for it
                self._untold.appendleft(
                    News(more, is_over=False, memory=news.memory, plain=news.plain, is_said=True)
                )  # fmt: skip
        self.tell()

    def _refused(self, news: News, error: Refused) -> None:
        """A refusal is final. Our own words are tried; what is told after it must not wait behind it for ever."""
        about = f"Monitor {news.alarm.data['monitor']}"
        if news.alarm.text != news.plain:
            news.alarm = news.alarm._replace(text=news.plain)
            self._node.say(Said(f"{about}: its words were refused ({error}), ours are told instead", WARNING))
        else:
            self._node.say(Said(f"{about}: nobody is told, it was refused ({error}): {news.plain}", SEVERE))
            self._told = news.memory
            if self._untold and self._untold[0] is news:
                self._untold.popleft()
        self.tell()

    def _say(self, verdicts: list[Verdict], why: str = "") -> None:
        """Tell what changed; ``why`` is told instead of what was read."""
        memory = self._untold[-1].memory if self._untold else self._told
        for verdict in verdicts:
            # What is remembered goes with each alarm: after a crash between two of them the second is still told.
            before, is_last = memory, verdict is verdicts[-1]
            memory = memory.told(verdict, self.state) if is_last else memory.told_first(verdict)
            if verdict.change is Change.EASED:
                self._eased(verdict, memory)
            else:
                is_worse = verdict.change is Change.RAISED and before.is_worse(verdict)
                self._note(verdict, memory, why or self._why_over(verdict, is_last=is_last), is_worse=is_worse)
        self.tell()

    def _why_over(self, verdict: Verdict, *, is_last: bool) -> str:
        """Our words about the end of an alarm when nothing is back to normal; empty if it is."""
        if verdict.change not in (Change.CLEARED, Change.RAISED) or verdict.limit is None:
            return ""
        raised_by, self._raised_by = self._raised_by, None
        if verdict.change is Change.RAISED:
            return ""
        if not is_last:
            return self.monitor.passed_on(verdict.limit, self.state.value)
        is_changed = would_hold(raised_by, self.monitor.rules, verdict.limit, self.state.value)
        return self.monitor.changed_limits(self.state.value) if is_changed else ""

    def _eased(self, verdict: Verdict, memory: Memory) -> None:
        """Write an event; of the ledger's memory the next look at all monitors takes care."""
        self._node.say(Said(f"Monitor {self._text(verdict)}", INFO, "Monitor"))
        if self._untold:
            self._untold[-1].memory = memory
        else:
            self._told = memory

    def _note(self, verdict: Verdict, memory: Memory, why: str, *, is_worse: bool) -> None:
        monitor, about = self.monitor, verdict.limit or "contact"
        is_over = verdict.change in (Change.CLEARED, Change.FOUND)
        alarm = Alarm(
            # The same on each node that saw it (CLUSTER, DUTIES). What it is about is in it, so that a node that
            # counts from an older state can repeat an alarm, and never take one for another.
            id=f"{monitor.id}/{memory.number}/{verdict.change}/{about}",
            text=why or self._text(verdict),
            source=SOURCE,
            key=monitor.key(verdict),
            priority=monitor.rules.priority_of(verdict.limit) if verdict.limit else monitor.rules.priority,
            state=AlarmState.CLEARED if is_over else AlarmState.RAISED,
            to=monitor.to,
            ts=self._node.clock.now(),
            is_stated=True,
            is_worse=is_worse,
            mark=Mark(self.mark_name, self._seen(memory).packed),
            data={"monitor": monitor.name, "limit": about},
        )
        if len(self._untold) == MAX_UNTOLD:
            self._node.say(Said(f"Monitor {monitor.name}: a change is not told: {self._untold[0].alarm.text}", WARNING))
        self._untold.append(News(alarm, is_over, memory, why or self._plain(verdict)))

    def _text(self, verdict: Verdict) -> str:
        monitor, state = self.monitor, self.state
        source = monitor.template(verdict)
        if source:
            try:
                text = clean_text(Template(source).render(monitor.fields(verdict, state.value, state.problem)))
                problem = "" if text else "nothing is left of it"
            except TemplateError as error:
                problem = str(error)
            if not problem:
                return text
            self._node.say(Said(f"Monitor {monitor.name}: its template failed: {problem}", WARNING, "TemplateFailed"))
        return self._plain(verdict)

    def _plain(self, verdict: Verdict) -> str:
        monitor, state = self.monitor, self.state
        text = monitor.sentence(verdict, state.value, state.problem)
        behind = self.behind_count
        told = "1 monitor behind it is silent" if behind == 1 else f"{behind} monitors behind it are silent"
        return f"{text}; {told}" if verdict.change is Change.LOST and behind else text

    # -- remembering ---------------------------------------------------------------------------------------------

    def to_remember(self, *, is_last: bool = False) -> bytes | None:
        """Return the mark if it is worth writing: another value or problem, ``CALM_MS`` later, or the last one.

        None while something is being told: that brings the mark with it, and an older one must not come after it.
        """
        if self._untold:
            return None
        seen, saved = self._seen(self._told), self._saved
        if seen == saved:
            return None
        as_saved = replace(
            seen, read_at_ms=saved.read_at_ms, value_at_ms=saved.value_at_ms, latency_ms=saved.latency_ms,
            read_count=saved.read_count, ok_count=saved.ok_count,
        )  # fmt: skip
        if not is_last and as_saved == saved and (seen.read_at_ms or 0) - (saved.read_at_ms or 0) < CALM_MS:
            return None
        self._saved = seen
        return seen.packed

    def _seen(self, told: Memory) -> Memory:
        return replace(
            told, value=self.state.value, value_at_ms=self.value_at_ms, problem=self.state.problem,
            read_at_ms=self.read_at_ms, read_count=self.read_count, ok_count=self.ok_count,
            latency_ms=None if self.latency_s is None else round(self.latency_s * 1000, 1),
        )  # fmt: skip

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
            "value_at": time_text(self.value_at_ms),
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
