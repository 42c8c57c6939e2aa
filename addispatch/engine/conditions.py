"""System alerts with a beginning and an end (SPEC 7): what is wrong with addispatch itself, told to those who asked.

The core and the plugins report how things stand; a tick tells what is due: once it has lasted, again while it lasts,
and when it is over. All that is due at once goes out as one message, over the channels that work. What was told is kept
in the ledger, so that a restart neither repeats it nor forgets to tell its end. Made by ``engine.node``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from addispatch.domain.condition import Condition, Telling
from addispatch.domain.events import INFO, SEVERE, Said
from addispatch.pipeline.alert import alerted, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.pipeline.desk import Desk
    from addispatch.runtime.clock import Clock
    from addispatch.store.ledger import Ledger
    from addispatch.store.transaction import Transaction

MARK = "condition:"
#: A condition of the last process that nobody has looked at since the start, after so long, is forgotten.
FORGET_S = 600.0
#: Most conditions at once: plugins name them.
MAX_COUNT = 1000
#: Most conditions spelt out in one message.
MOST_LINES = 5
#: Longest problem, in characters.
MAX_CHARS = 300


class Conditions:
    """All conditions of a node. ``report`` and ``tell_due`` are called in the loop."""

    def __init__(
        self, node: str, ledger: Ledger, clock: Clock, desk: Callable[[], Desk], broken: Callable[[], frozenset[str]]
    ) -> None:
        """``broken`` names the channels that cannot send now."""
        self._node, self._ledger, self._clock, self._desk, self._broken = node, ledger, clock, desk, broken
        self._known: dict[str, Condition] = {}
        self._unseen: set[str] = set()
        self._began_s = clock.monotonic_s()

    def load(self) -> None:
        """Take up what the last process told."""
        for name, value in self._ledger.marks.items():
            if name.startswith(MARK) and value:
                doc = orjson.loads(value)
                condition = Condition(told_at_ms=doc["told_at_ms"], told_count=doc["told_count"])
                self._known[name.removeprefix(MARK)] = condition.reported(doc["problem"], 0, self._clock.monotonic_s())
        self._unseen = {name for name, condition in self._known.items() if condition.problem}

    def report(self, name: str, problem: str, *, grace_s: float = 60.0) -> None:
        """Say how a condition stands; see ``sdk.Context.condition``."""
        self._unseen.discard(name)
        known = self._known.get(name)
        if known is None and (not problem or len(self._known) >= MAX_COUNT):
            return
        problem = " ".join(problem.split())[:MAX_CHARS]
        self._known[name] = (known or Condition()).reported(problem, grace_s, self._clock.monotonic_s())

    def bad(self) -> dict[str, str]:
        """Return what is wrong now, by name."""
        now_s = self._clock.monotonic_s()
        return {name: condition.problem for name, condition in self._known.items() if condition.is_bad(now_s)}

    @property
    def unseen(self) -> frozenset[str]:
        """What the last process told of and nobody has looked at since the start."""
        return frozenset(self._unseen)

    async def tell_due(self) -> None:
        """Tell what is due, in one message: a tick."""
        now_s, now_ms = self._clock.monotonic_s(), self._clock.now_ms()
        if now_s - self._began_s > FORGET_S:
            for name in self._unseen:  # its plugin is gone, and so is its problem
                self._known[name] = self._known[name].reported("", 0, now_s)
            self._unseen.clear()
        due = [
            (name, condition, telling)
            for name, condition in self._known.items()
            if name not in self._unseen and (telling := condition.due(now_s, now_ms))
        ]
        if due:
            told = await self._ledger.submit(lambda transaction: self._tell(transaction, due, now_ms))
            for name, condition in told.items():
                known = self._known[name]  # it may have changed meanwhile
                self._known[name] = condition.reported(known.problem, known.grace_s, known.since_s)
        for name in [name for name, one in self._known.items() if not one.problem and one.due(now_s, now_ms) is None]:
            if _is_old(self._known[name], now_ms):
                del self._known[name]

    def _tell(
        self, transaction: Transaction, due: list[tuple[str, Condition, Telling]], now_ms: int
    ) -> dict[str, Condition]:
        """In the writer's thread: the events, the marks, the message."""
        lines: list[str] = []
        told: dict[str, Condition] = {}
        for name, condition, telling in due:
            after = told[name] = condition.told(telling, now_ms)
            is_over = telling is Telling.OVER
            line = f"{name} is all right again" if is_over else condition.problem
            lines.append(line)
            transaction.event(now_ms, Said(f"System alert: {line}", INFO if is_over else SEVERE, "SystemAlert"))
            transaction.marks[f"{MARK}{name}"] = orjson.dumps(
                {"problem": condition.problem, "told_at_ms": after.told_at_ms, "told_count": after.told_count}
            )
        self.send(transaction, lines, now_ms)
        return told

    def send(self, transaction: Transaction, lines: list[str], now_ms: int) -> int:
        """Queue one message to the system-alert recipients, by the channels that work where there is one."""
        desk = self._desk()
        shown = lines[:MOST_LINES] + ([f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else [])
        text = f"addispatch {self._node}: " + ("; ".join(shown) if len(shown) > 1 else shown[0])
        return tell(transaction, desk, alerted(desk), text, now_ms, subject=text[:78], avoid=self._broken())


def _is_old(condition: Condition, now_ms: int) -> bool:
    """Whether a condition that is over need not be remembered any more."""
    return condition.told_at_ms is None or not 0 <= now_ms - condition.told_at_ms < 24 * 3_600_000
