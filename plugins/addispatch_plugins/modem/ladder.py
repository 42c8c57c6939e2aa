"""What to do about a modem that fails again and again: which rung comes next. Pure; used by the actor."""

from __future__ import annotations

from enum import StrEnum


class Rung(StrEnum):
    """The rungs of the ladder, from gentle to rough. After the last one other modems are all that is left."""

    REBUILD = "rebuild"
    """A new process: always done."""
    RESET = "reset"
    """AT+CFUN=1,1, or off and on: by AT commands, when gammu has let go of the port."""
    REOPEN = "reopen"
    """The port came back after a reset."""
    REBIND = "rebind"
    """As if pulled out and put in again: the USB port is bound anew, by another program with the right to."""


#: Failures in a row after which a rung is climbed, and after which it begins again from the first.
RESET_AFTER, REBIND_AFTER, AGAIN_AFTER = 3, 5, 8
#: A modem that was reset needs time to come up: the pause is that after so many failures.
ROUGH_PAUSES = 2
#: So many texts in a row that a modem which looks well could not send, before it is reset.
SICK_AFTER = 5


class Ladder:
    """Counts failures in a row. One modem's."""

    def __init__(self, *, may_rebind: bool) -> None:
        self._may_rebind = may_rebind
        self._failures = self._unsent = self._rounds = self._in_a_row = 0
        #: How many pauses were made in a row: the next is longer.
        self.pauses = 0
        #: What rough rung was climbed last and is to be followed by ``REOPEN``.
        self.rough: Rung | None = None
        #: How many times each rung was climbed.
        self.counts: dict[Rung, int] = dict.fromkeys(Rung, 0)

    def failed(self, *, can_reset: bool, sick: bool = False) -> Rung:
        """Return what to do about a failure of the connection.

        ``can_reset`` is false where a reset makes no sense: no port, no right to it, a SIM that wants hands. ``sick``
        is a modem that answers and looks well but does not send: it is reset at once.
        """
        rung = Rung.REBUILD
        self._in_a_row += 1
        if can_reset:
            self._failures = max(self._failures + 1, RESET_AFTER if sick else 0)
            if self._failures == RESET_AFTER:
                rung = Rung.RESET
            elif self._failures == REBIND_AFTER:
                rung = Rung.REBIND if self._may_rebind else Rung.RESET
            elif self._failures >= AGAIN_AFTER:
                self._failures, self._rounds = 0, self._rounds + 1
        self.counts[rung] += 1
        if rung is not Rung.REBUILD:
            self.pauses = max(self.pauses, ROUGH_PAUSES)
        self.rough = None if rung is Rung.REBUILD else rung
        return rung

    @property
    def is_shaky(self) -> bool:
        """Whether it failed so often that being online for a moment is no recovery."""
        return self._in_a_row >= RESET_AFTER

    def is_news(self, rung: Rung) -> bool:
        """Whether to tell it: the new processes of a modem that stays broken are not told one by one."""
        return rung is not Rung.REBUILD or (self._rounds == 0 and self.pauses < AGAIN_AFTER)

    def reopened(self) -> bool:
        """Whether a rough rung was climbed before this connection; says so once."""
        rough, self.rough = self.rough, None
        if rough is not None:
            self.counts[Rung.REOPEN] += 1
        return rough is not None

    def unplugged(self) -> None:
        """Begin anew when somebody pulled the plug; not when the port went because of us."""
        if self.rough is None:
            self.lasted()

    def lasted(self) -> None:
        """Begin anew: the connection held for long, or a text went out."""
        self._failures = self._rounds = self._in_a_row = self.pauses = 0

    def sent(self) -> None:
        """Begin anew: a text went out."""
        self.lasted()
        self._unsent = 0

    def unsent(self) -> bool:
        """Count a text that did not go for no clear reason; return whether the modem is to be called sick."""
        self._unsent += 1
        if self._unsent < SICK_AFTER:
            return False
        self._unsent = 0
        return True
