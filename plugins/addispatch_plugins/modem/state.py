"""Where a modem stands, since when and why; says so to people. Used by the actor."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from addispatch.sdk import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Context

#: How long a trouble that may pass by itself must last until people are told; one that needs hands is told at once.
GRACE_S = 60.0


class State(StrEnum):
    """Where a modem is on its way to work; ``Modem.reason`` says why it is not online."""

    ABSENT = "absent"
    PROBING = "probing"
    INITIALISING = "initialising"
    SIM_CHECK = "sim_check"
    ONLINE = "online"
    DEGRADED = "degraded"
    BROKEN = "broken"


#: States that last; the others are steps on the way.
SETTLED = frozenset({State.ABSENT, State.ONLINE, State.DEGRADED, State.BROKEN})


class Standing:
    """State and reason of one modem. Only changes are told, and of those only the ones that last."""

    def __init__(self, context: Context, name: str, on_change: Callable[[], None]) -> None:
        self.state, self.reason = State.PROBING, "not started yet"
        self.since = context.clock.now()
        self._context, self._name, self._on_change = context, name, on_change
        self._told: tuple[State, str] | None = None

    def become(
        self, state: State, reason: str, shown: str, *, needs_hands: bool = False, alert: str | None = None
    ) -> None:
        """Take the state; ``shown`` is what the event says after it: the network, or the reason with the port.

        ``alert`` is what people are told instead: nothing when the reason has a condition of its own, something when a
        modem that is online is not to be trusted yet.
        """
        if state != self.state:
            self.since = self._context.clock.now()
        self.state, self.reason = state, reason
        if state in SETTLED:
            self._tell(shown, needs_hands=needs_hands, alert=alert)
        self._on_change()

    @property
    def lasting(self) -> tuple[State, str]:
        """State and reason as they last were before the steps of the try that is under way."""
        if self.state in SETTLED or self._told is None:
            return self.state, self.reason
        return self._told

    def stopped(self) -> None:
        """Note the end of the plugin, which is nobody's trouble."""
        if self.state not in (State.BROKEN, State.ABSENT):
            self.state, self.reason = State.BROKEN, "stopped"

    def _tell(self, shown: str, *, needs_hands: bool, alert: str | None) -> None:
        online = self.state is State.ONLINE
        problem = "" if online else f"modem {self._name} is {self.state}: {shown}"
        problem = problem if alert is None else alert
        self._context.condition(f"modem {self._name}", problem, grace_s=0 if needs_hands else GRACE_S)
        if (self.state, self.reason) == self._told:
            return
        self._told = (self.state, self.reason)
        self._context.event(
            f"Modem {self._name} is {self.state}: {shown}",
            severity=Severity.INFO if online else Severity.WARNING,
            kind="modem",
            modem=self._name,
            state=str(self.state),
        )
