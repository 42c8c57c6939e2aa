"""Whether the SIM can still pay: from what the network refuses, and from a USSD balance if one is configured.

Used by the actor. Codes: 3GPP TS 24.011 annex E-2, as ``+CMS ERROR`` gives them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from addispatch.sdk import Severity
from addispatch_plugins.modem.link import RefusedError

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.modem.config import ModemConfig
    from addispatch_plugins.modem.link import Link

#: What operators answer to a SIM that may not send: operator determined barring, call barred, facility rejected.
BARRED_CMS = frozenset({8, 10, 29})
#: What some of them answer instead: worth asking for the balance.
SUSPECT_CMS = BARRED_CMS | {21, 50, 69}
#: So many refusals in a row are no accident.
BARRED_AFTER = 3
#: How long such a SIM is spared before one text tries it again: the first time, and later on.
SPARE_S = (60.0, 300.0)
#: How often the balance is asked for, and how often at most after refusals.
BALANCE_S, SUSPECT_BALANCE_S = 86_400.0, 600.0


class Credit:
    """One SIM's. Times are those of the event loop, in seconds."""

    def __init__(self, context: Context, config: ModemConfig) -> None:
        #: The balance as a number, None when it is not known.
        self.balance: float | None = None
        self._context, self._config = context, config
        self._pattern = re.compile(config.credit_pattern)
        self._refusals = self._spared_times = 0
        self._spared_until_s = 0.0
        self._asked_s: float | None = None
        self._is_suspect = False
        self._told = self._low = self._barred = ""

    def sent(self) -> None:
        """A text went out: it can pay."""
        self._refusals = self._spared_times = 0
        self._spared_until_s = 0.0
        self._barred = ""
        self._report()

    def refused(self, cms: int | None, now_s: float) -> bool:
        """Take note of what the network answered to a text; return whether the SIM is to be spared from now on."""
        if cms is None:
            return False
        self._is_suspect = self._is_suspect or cms in SUSPECT_CMS
        if cms not in BARRED_CMS:
            return False
        self._refusals += 1
        if self._refusals < BARRED_AFTER:
            return False
        self._refusals = BARRED_AFTER - 1  # the one that tries it again decides
        self._spared_until_s = now_s + SPARE_S[min(self._spared_times, len(SPARE_S) - 1)]
        self._spared_times += 1
        self._barred = f"it has no credit, or is barred: the operator refused {BARRED_AFTER} texts in a row"
        self._report()  # until a text goes, and not only while it is spared
        return True

    def problem(self, now_s: float) -> str:
        """Why it cannot send now, empty if it can or may try again."""
        if now_s >= self._spared_until_s:
            return ""
        known = "" if self.balance is None else f"; the balance is {self.balance:g}"
        return f"no credit, or the operator has barred the SIM: it refused {BARRED_AFTER} texts in a row{known}"

    def is_due(self, now_s: float) -> bool:
        """Whether the balance is to be asked for now."""
        if not self._config.credit_ussd:
            return False
        if self._asked_s is None:
            return True
        return now_s - self._asked_s >= (SUSPECT_BALANCE_S if self._is_suspect else BALANCE_S)

    async def ask(self, link: Link, now_s: float) -> None:
        """Ask the operator for the balance, and say what is wrong with it; up to half a minute, unless stopped."""
        self._asked_s, self._is_suspect = now_s, False
        try:
            text = await link.ussd(self._config.credit_ussd)
        except RefusedError as error:
            self._tell(f"its balance cannot be asked for: {error}", is_bad=False)
            return
        if text is None:  # something more urgent came
            self._is_suspect = True
            return
        found = self._pattern.search(text)
        if not found:
            answer = f"the operator answered {text[:160]!r}" if text else "the operator did not answer"
            self._tell(f"its balance cannot be read: {answer}", is_bad=False)
            return
        self.balance = float((found[1] if self._pattern.groups else found[0]).replace(",", "."))
        least = self._config.credit_least
        self._tell("" if self.balance >= least else f"its credit is {self.balance:g}, less than {least:g}", is_bad=True)

    def _report(self) -> None:
        problem = self._barred or self._low
        shown = f"modem {self._config.name}: {problem}" if problem else ""
        self._context.condition(f"modem {self._config.name} credit", shown, grace_s=0)

    def _tell(self, problem: str, *, is_bad: bool) -> None:
        self._low = problem if is_bad else ""
        self._report()
        if problem and problem != self._told:
            text = f"Modem {self._config.name}: {problem}"
            self._context.event(text, severity=Severity.WARNING, kind="modem_credit", modem=self._config.name)
        self._told = problem
