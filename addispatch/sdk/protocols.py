"""Capabilities a plugin's instance may have. Checked by the contract suites in ``addispatch.sdk.testing``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from addispatch.domain.message import Delivery
    from addispatch.domain.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a channel can deliver now, and the reason when it cannot."""

    up: bool
    reason: str = ""


@runtime_checkable
class Channel(Protocol):
    """Delivers texts. Retry, order, rate and failover are the core's (law 5)."""

    name: str

    @property
    def window(self) -> int:
        """How many deliveries may be under way at once, now: modems online, or the size of a connection pool.

        0 pauses the channel: deliveries stay queued. It also bounds what a crash can repeat.
        """

    @property
    def health(self) -> Health:
        """Called often; must not block."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Deliver one text and say what happened; called at most ``window`` times at once.

        Never raise for a failed delivery: return ``Temporary``, ``Permanent`` or ``InDoubt``. Anything raised is a
        bug, logged and treated as ``Temporary``. The core abandons a call after ``deadline_s`` as ``InDoubt``.
        """

    @property
    def deadline_s(self) -> float:
        """How long one ``send`` may take before the core abandons it."""


@runtime_checkable
class Reserving(Protocol):
    """A channel that keeps something back for emergencies: what its rate or quota allows to them alone."""

    @property
    def reserve(self) -> int:
        """How many emergencies (``Delivery.queue_class``) may be under way beyond ``window``, now."""


@runtime_checkable
class Refuser(Protocol):
    """A channel that knows of some addresses that it will never take, as it is configured."""

    def refuses(self, address: str) -> str:
        """Return why nothing goes to the address, in a few words about it; empty when it may.

        Called often and from any thread, also before the start: look at the configuration alone, do nothing, tell
        nobody.
        """


@runtime_checkable
class Source(Protocol):
    """Marker for plugins that raise alarms: they call ``context.accept`` from ``start`` until ``stop``."""

    async def start(self) -> None:
        """Begin to call ``context.accept``."""

    async def stop(self) -> None:
        """Call it no more."""


@runtime_checkable
class ModemReporter(Protocol):
    """An instance that drives modems: ``addispatch modems`` and ``/api/v1/modems`` show what it returns."""

    def modems(self) -> list[dict[str, Any]]:
        """One document per modem: name, state, port, operator, technology, signal, imei, error (CONTRACT.md)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``addispatch doctor``: what was looked at, and what was seen.

    ``problem`` is empty when all is well; ``advice`` says what to do about it, in words of the one who can.
    """

    subject: str
    detail: str = ""
    problem: str = ""
    advice: str = ""


@runtime_checkable
class Examiner(Protocol):
    """An instance that can be examined: asked by ``addispatch doctor`` of a running daemon, or before its start."""

    async def examine(self) -> list[Finding]:
        """Look closely, change nothing, and be back within 20 s; called on a started or a not yet started instance."""


@runtime_checkable
class StatusReporter(Protocol):
    """An instance with something to say in ``addispatch plugins``, for example ``connected to mqtt://…``."""

    def status_line(self) -> str:
        """One short line, present tense."""
