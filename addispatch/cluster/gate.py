"""Protection against replay: lets each sealed message in once, and none of another time. Called by ``cluster.link``.

Pure. Everything that comes here was sealed with our key; what must be kept out is what somebody recorded earlier and
plays back, to make a dead peer look alive or an old state look new. (Old entries would do no harm, they merge; old
heartbeats and old answers would.)

A sender's boot is *proven* by a heartbeat that names our own boot, which is random and new with each of our starts: it
was said after we started. Of two boots proven so, the later one is the one that heard more of us.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addispatch.cluster.envelope import Header

#: How far a message may be behind the newest one and still be told from a replay: the slower path reorders.
WINDOW_COUNT = 1024
#: Most (sender, boot) remembered.
MAX_BOOTS_COUNT = 16

#: Heartbeats and last wills are for whoever listens; everything else is addressed.
HEARTBEAT, WILL = "hb", "lw"


class Verdict(StrEnum):
    """What to do with a message: only ``ADMIT`` lets it in."""

    ADMIT = "admitted"
    DUPLICATE = "duplicate"
    REPLAY = "replay"
    UNKNOWN_BOOT = "unknown boot"
    NOT_FOR_ME = "not for me"


class Window:
    """Which of the last ``WINDOW_COUNT`` numbers were seen."""

    __slots__ = ("_bits", "newest")

    def __init__(self) -> None:
        self.newest = 0
        self._bits = 0  # bit i: newest - i was seen

    def look(self, number: int) -> Verdict:
        """Tell whether a number is new, seen, or too old to know; notes nothing."""
        behind = self.newest - number
        if behind < 0:
            return Verdict.ADMIT
        if behind >= WINDOW_COUNT or number <= 0:
            return Verdict.REPLAY
        return Verdict.DUPLICATE if self._bits >> behind & 1 else Verdict.ADMIT

    def take(self, number: int) -> Verdict:
        """The same, and note it as seen."""
        verdict = self.look(number)
        if verdict is Verdict.ADMIT:
            ahead = number - self.newest
            if ahead > 0:
                self._bits = (self._bits << min(ahead, WINDOW_COUNT) | 1) & ((1 << WINDOW_COUNT) - 1)
                self.newest = number
            else:
                self._bits |= 1 << -ahead
        return verdict


class _Boot:
    """What is known of one start of one sender."""

    __slots__ = ("echoed", "has_left", "is_proven", "wills", "window")

    def __init__(self) -> None:
        self.window, self.wills = Window(), Window()
        self.is_proven = self.has_left = False
        self.echoed = 0  # the newest of our numbers it has named


class Gate:
    """One for all paths: the first copy that comes is let in.

    While no boot of a sender is proven, heartbeats are let in all the same: somebody has to speak first. Whoever reads
    one must see whether it names our boot before taking it for life.
    """

    def __init__(self, boot: str, *, store: str, node: str) -> None:
        self._me, self._store, self._node = boot, store, node
        self._boots: dict[tuple[str, str], _Boot] = {}  # the longest unheard first
        self._current: dict[str, str] = {}

    @property
    def boots_count(self) -> int:
        """How many (sender, boot) are remembered."""
        return len(self._boots)

    def current(self, sender: str) -> str | None:
        """The boot of a sender that counts now; None while none is proven."""
        return self._current.get(sender)

    def renew(self, boot: str) -> None:
        """Go on under a new boot of ours; what was left behind stays behind, what was seen stays seen."""
        self._me = boot
        self._current.clear()
        for known in self._boots.values():
            known.is_proven, known.echoed = False, 0

    def seen(self, header: Header, kind: str) -> bool:
        """Tell, before the seal is checked, that a message would be a second copy or a replay, whatever it says."""
        known = self._boots.get((header.sender, header.boot))
        return known is not None and (known.has_left or _window(known, kind).look(header.n) is not Verdict.ADMIT)

    def admit(self, header: Header, kind: str, echoed_boot: str | None = None, echoed_n: int | None = None) -> Verdict:
        """Judge an authentic message of that kind, and note it if it is admitted.

        ``echoed_boot`` and ``echoed_n`` are what a heartbeat says it has heard of us last; without the number any boot
        that names ours counts as the later one.
        """
        if header.sender == self._node or not self._is_for_me(header, kind):
            return Verdict.NOT_FOR_ME
        known = self._boots.get((header.sender, header.boot))
        if known is not None and known.has_left:
            return Verdict.REPLAY
        if kind == HEARTBEAT:
            known = known or self._remember(header)
            verdict = known.window.take(header.n)
            if verdict is Verdict.ADMIT and echoed_boot == self._me:
                self._prove(header, known, echoed_n)
            is_rival = self._current.get(header.sender, header.boot) != header.boot
            return Verdict.UNKNOWN_BOOT if is_rival else verdict
        if known is None or not known.is_proven:
            return Verdict.UNKNOWN_BOOT
        return _window(known, kind).take(header.n)

    def _is_for_me(self, header: Header, kind: str) -> bool:
        if kind in (HEARTBEAT, WILL):
            return True
        return (header.to, header.tstore, header.tboot) == (self._node, self._store, self._me)

    def _remember(self, header: Header) -> _Boot:
        known = self._boots[header.sender, header.boot] = _Boot()
        if len(self._boots) > MAX_BOOTS_COUNT:
            # Of those that do not count now the longest known: the least likely to be heard again.
            others = list(self._boots)[:-1]
            old = next((key for key in others if self._current.get(key[0]) != key[1]), others[0])
            del self._boots[old]
            if self._current.get(old[0]) == old[1]:
                del self._current[old[0]]
        return known

    def _prove(self, header: Header, known: _Boot, echoed_n: int | None) -> None:
        """Take note that a boot named ours; it becomes the current one unless the current one heard more of us."""
        before = self._current.get(header.sender)
        if before is not None and before != header.boot:
            rival = self._boots[header.sender, before]
            if echoed_n is not None and echoed_n <= rival.echoed:
                # Either it is the older one, or so new that it heard nothing later yet: its next one will tell.
                return
            rival.has_left = True
        self._current[header.sender] = header.boot
        known.is_proven = True
        known.echoed = max(known.echoed, echoed_n or 0)


def _window(known: _Boot, kind: str) -> Window:
    # Wills have numbers of their own: they are numbered when a connection is made, and come when it ends.
    return known.wills if kind == WILL else known.window
