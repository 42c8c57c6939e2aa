"""What the fate of a text says about its modem: without credit, sick, or fine. Used by the actor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from addispatch_plugins.modem.credit import SUSPECT_CMS
from addispatch_plugins.modem.faults import Fault
from addispatch_plugins.modem.link import SickError

if TYPE_CHECKING:
    from addispatch_plugins.modem.credit import Credit
    from addispatch_plugins.modem.ladder import Ladder

#: Faults that say by themselves what to do.
_CLEAR = frozenset({None, Fault.LINK, Fault.SIM, Fault.MESSAGE, Fault.STORE})
#: The network is in trouble itself, or the called phone is: no sign of a sick modem.
_NOT_SICK_CMS = SUSPECT_CMS | {1, 27, 28, 30, 38, 41, 42, 47}
#: A modem that has no network for so long is reset, and again after as long.
LONELY_S = 900.0
_CODE = re.compile(r"CM[SE] (?:ERROR: ?)?\d+|ERR_\w+")


class Judge:
    """One modem's. ``last_code`` is the code of its last error, for those who want to look it up."""

    def __init__(self, credit: Credit, ladder: Ladder) -> None:
        self.last_code = ""
        self._credit, self._ladder = credit, ladder
        self._lonely_since_s: float | None = None

    def sent(self) -> None:
        """A text went out."""
        self._credit.sent()
        self._ladder.sent()

    def failed(self, reason: str, fault: Fault | None, cms: int | None, now_s: float, *, looks_well: bool) -> bool:
        """A text did not go. Returns whether the SIM has no credit from now on.

        Raises ``SickError`` when a modem that ``looks_well`` failed so often that it is to be set back.
        """
        self.note(reason)
        spared = self._credit.refused(cms, now_s)
        is_unclear = fault not in _CLEAR and cms not in _NOT_SICK_CMS
        if is_unclear and looks_well and self._ladder.unsent():
            raise SickError(f"it looks well, but did not send the last texts: {reason}")
        return spared

    def network(self, problem: str, now_s: float) -> None:
        """Take note of why the modem has no network, if so.

        Raises ``SickError`` when that lasts: some modems find a network again only when their radio starts anew.
        """
        if not problem:
            self._lonely_since_s = None
            return
        if self._lonely_since_s is None:
            self._lonely_since_s = now_s
        elif now_s - self._lonely_since_s >= LONELY_S:
            self._lonely_since_s = None
            raise SickError(f"{problem} for {LONELY_S / 60:g} minutes")

    def note(self, reason: str) -> None:
        """Remember the code in a reason."""
        if found := _CODE.search(reason):
            self.last_code = found[0]
