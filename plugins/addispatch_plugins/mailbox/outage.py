"""Whether the mailbox can be used: who hears of changes, and the pause before the next try. Used by ``poller``."""

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
    """One event when it begins and one when it is over; a system alert when it lasts longer than ``grace_s``."""

    def __init__(self, config: MailboxConfig, context: Context) -> None:
        self._context, self._grace_s = context, config.grace_s
        self._server = f"Escalation Ack {config.kind.upper()} server {config.host}"
        self._since_s: float | None = None
        self._name = f"mailbox {config.host}"
        self._pause_s = 0.0
        self.reason = ""

    @property
    def lasts_s(self) -> float:
        """Since when the mailbox cannot be used, in seconds; 0 if it can."""
        return 0.0 if self._since_s is None else self._context.clock.monotonic_s() - self._since_s

    def failed(self, trouble: MailboxTrouble) -> float:
        """Tell of a failure; return the pause before the next try, in seconds."""
        self.reason = str(trouble)
        text = f"{self._server} not available. Error:{self.reason}"
        if self._since_s is None:
            self._since_s, self._pause_s = self._context.clock.monotonic_s(), 0.0
            data = {"up": False, "login_refused": trouble.is_login}
            self._context.event(text, severity=Severity.WARNING, kind="mailbox", **data)
        self._context.condition(self._name, text, grace_s=self._grace_s)
        first_s = FIRST_LOGIN_PAUSE_S if trouble.is_login else FIRST_PAUSE_S
        self._pause_s = min(max(self._pause_s * 2, first_s), LONGEST_PAUSE_S)
        return self._pause_s * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret

    def worked(self) -> None:
        """Tell of a success."""
        self._context.condition(self._name, "")
        if self._since_s is None:
            return
        text = f"{self._server} available again after {_words(self.lasts_s)}"
        self._since_s, self.reason = None, ""
        self._context.event(text, kind="mailbox", up=True)


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
