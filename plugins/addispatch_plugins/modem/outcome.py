"""What became of a call: from what the modem said to a receipt, and where a fault lies. Pure; used by the link.

Nothing the called party does has a meaning: taken, declined and left to ring are all the same, the phone rang.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from addispatch.sdk import InDoubt, Sent, Temporary
from addispatch_plugins.modem.faults import Fault

if TYPE_CHECKING:
    from addispatch.sdk import Receipt

_CME = re.compile(r"\+CME ERROR: ?(\d+)")
#: 3GPP TS 27.007 9.2: SIM missing, locked, broken, wrong.
_SIM_CME = frozenset({10, 11, 12, 13, 14, 15, 17, 18})
_NETWORK_CME = frozenset({30, 31, 32})
_CME_WORDS = {
    3: "the modem does not make calls",
    4: "the modem does not make calls",
    10: "no SIM card in the modem",
    11: "the SIM is locked",
    12: "the SIM is blocked",
    13: "the SIM card does not work",
    30: "no mobile network",
    31: "the mobile network did not answer",
    32: "the mobile network takes emergency calls only",
}
_WORDS = {
    "BUSY": "the number is busy or declined",
    "NO CARRIER": "the call was not put through",
    "NO ANSWER": "the phone could not be reached",
    "NO DIALTONE": "no mobile network",
    "NO DIAL TONE": "no mobile network",
    "ERROR": "the modem refused to dial",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the child knows when a call is over; see ``dial.Call.run``."""

    placed: bool
    listed: bool
    rang: bool
    end: str
    stopped: bool
    lost: bool

    def receipt(self, by: str) -> Receipt:
        """``Sent`` when it rang, as far as one can know: a modem without a list of calls only says that it dials."""
        if self.rang:
            return Sent(by=by)
        if self.end:
            return Temporary(self._words(), by=by)
        if self.lost:
            return InDoubt("the connection to the modem broke during the call", by)
        if self.stopped:
            return InDoubt("the call was ended before it was known whether the phone rang", by)
        if self.listed:
            return InDoubt("the modem did not say that the phone rang", by)
        if not self.placed:
            return InDoubt("the modem did not say whether it dialled", by)
        return Sent(by=by)

    def fault(self) -> Fault | None:
        """What to do about the modem."""
        code = self._cme()
        if self.lost:
            return Fault.LINK
        if code in _SIM_CME:
            return Fault.SIM
        if code in _NETWORK_CME or self.end.startswith("NO DIAL"):
            return Fault.NETWORK
        return None

    def _cme(self) -> int | None:
        found = _CME.fullmatch(self.end)
        return int(found[1]) if found else None

    def _words(self) -> str:
        code = self._cme()
        words = _WORDS.get(self.end, "the modem refused to dial") if code is None else _CME_WORDS.get(code, "")
        shown = self.end.lstrip("+")[:40]
        return f"{words or 'the modem refused to dial'} ({shown})"
