"""Whether the mailbox can be used: events when that changes, and the pause before the next try. Used by ``poller``."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from addispatch.sdk import Severity

if TYPE_CHECKING:
    from addispatch.sdk import Context
    from addispatch_plugins.mailbox.config import MailboxConfig
    from addispatch_plugins.mailbox.session import MailboxTrouble

#: Pause after the first failure, doubled each time up to the longest, in seconds. Logins that are refused again and
#: again lock the mailbox.
FIRST_PAUSE_S, FIRST_LOGIN_PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0, 300.0


class Outage:
    """One event when it begins, one when it becomes severe, one when it is over."""

    def __init__(self, config: MailboxConfig, context: Context) -> None:
        self._context, self._grace_s = context, config.grace_s
        self._server = f"Escalation Ack {config.kind.upper()} server {config.host}"
        self._since_s: float | None = None
        self._pause_s = 0.0
        self._is_severe = False
        self.reason = ""

    @property
    def lasts_s(self) -> float:
        """Since when the mailbox cannot be used, in seconds; 0 if it can."""
        return 0.0 if self._since_s is None else self._context.clock.monotonic_s() - self._since_s

    def failed(self, trouble: MailboxTrouble) -> float:
        """Tell of a failure; return the pause before the next try, in seconds."""
        self.reason = str(trouble)
        if self._since_s is None:
            self._since_s, self._pause_s = self._context.clock.monotonic_s(), 0.0
            self._tell(f"{self._server} not available. Error:{self.reason}", Severity.WARNING, trouble)
        left_s = self._grace_s - self.lasts_s
        if left_s <= 0 and not self._is_severe:
            self._is_severe = True
            text = f"{self._server} not available for {_words(self.lasts_s)}. Error:{self.reason}"
            self._tell(text, Severity.SEVERE, trouble)
        first_s = FIRST_LOGIN_PAUSE_S if trouble.is_login else FIRST_PAUSE_S
        self._pause_s = min(max(self._pause_s * 2, first_s), LONGEST_PAUSE_S)
        pause_s = self._pause_s * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret
        # The end of the grace time is looked at on time.
        return pause_s if self._is_severe or left_s <= 0 else min(pause_s, left_s + 0.1)

    def worked(self) -> None:
        """Tell of a success."""
        if self._since_s is None:
            return
        text = f"{self._server} available again after {_words(self.lasts_s)}"
        self._since_s, self._is_severe, self.reason = None, False, ""
        self._context.event(text, kind="mailbox", up=True)

    def _tell(self, text: str, severity: Severity, trouble: MailboxTrouble) -> None:
        self._context.event(text, severity=severity, kind="mailbox", up=False, login_refused=trouble.is_login)


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
