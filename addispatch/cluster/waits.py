"""Who waits until the other node holds an alarm (law 1), and which of its questions wait. Pure; used by ``node``."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch.cluster.messages import Digests

#: Most questions that wait; the other node asks again.
QUESTIONS_COUNT = 256
#: A join that is not done after so long will never be: a question waits no longer for it.
STUCK_S = 5.0


class Waits:
    """Tokens, and the entries each of them waits for: by id the digest that will do."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[float, dict[str, int]]] = {}
        self._by_entry: dict[str, set[int]] = {}

    def add(self, token: int, until_s: float, wanted: dict[str, int]) -> None:
        """Somebody waits, at most so long."""
        self._waiting[token] = (until_s, wanted)
        for ident in wanted:
            self._by_entry.setdefault(ident, set()).add(token)

    def held(self, ident: str, theirs: int, digest: int | None) -> list[int]:
        """The other node has an entry in this state, ours is ``digest``: return who need not wait any more."""
        done = []
        for token in list(self._by_entry.get(ident, ())):
            wanted = self._waiting[token][1]
            if theirs in (wanted[ident], digest):
                del wanted[ident]
                self._unlink(ident, token)
                if not wanted:
                    self.end(token)
                    done.append(token)
        return done

    def overdue(self, now_s: float) -> list[int]:
        """Whose time is over."""
        return [token for token, (until_s, _) in self._waiting.items() if now_s >= until_s]

    def all(self) -> list[int]:
        """Everybody."""
        return list(self._waiting)

    def end(self, token: int) -> None:
        """Somebody waits no more."""
        _, wanted = self._waiting.pop(token)
        for ident in list(wanted):
            self._unlink(ident, token)

    def _unlink(self, ident: str, token: int) -> None:
        waiters = self._by_entry.get(ident)
        if waiters is not None:
            waiters.discard(token)
            if not waiters:
                del self._by_entry[ident]


class Questions:
    """What the other node asks while records of its own are still being joined: the answer comes after them.

    An earlier one would say that they did not come, and they would be sent again, to a node that is slow already.
    """

    def __init__(self) -> None:
        self._begun_count = self._done_count = 0
        self._moved_s = float("-inf")
        self._waiting: deque[tuple[int, Digests]] = deque(maxlen=QUESTIONS_COUNT)

    def begun(self, now_s: float) -> None:
        """Some records are being joined."""
        if self._begun_count == self._done_count:
            self._moved_s = now_s
        self._begun_count += 1

    def holds(self, question: Digests, now_s: float) -> bool:
        """Whether the question waits for what is being joined."""
        if now_s - self._moved_s >= STUCK_S:
            self._done_count = self._begun_count
        if self._done_count == self._begun_count:
            return False
        self._waiting.append((self._begun_count, question))
        return True

    def forget(self) -> None:
        """Whoever asked is not there any more: what it had says nothing about the one that is."""
        self._waiting.clear()

    def done(self, now_s: float) -> list[Digests]:
        """Some records are joined, in the order they came: return the questions that waited for them."""
        self._done_count, self._moved_s = min(self._done_count + 1, self._begun_count), now_s
        ready = []
        while self._waiting and self._waiting[0][0] <= self._done_count:
            ready.append(self._waiting.popleft()[1])
        return ready
