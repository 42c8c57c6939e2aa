"""What a channel says happened to one delivery (law 5: never a bool). Returned by channels, read by dispatch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """The channel handed the text over (SMSC or mail server took it).

    ``reference`` identifies it for a later delivery report (TP-MR of the last part, Message-ID);
    ``by`` names the modem or server that carried it; ``parts`` counts SMS segments.
    """

    reference: str = ""
    by: str = ""
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Temporary:
    """Surely not handed over, worth another try; ``retry_after_s`` is the least wait the channel asks for.

    ``other`` says that another modem or server than ``by`` can take it now: it is tried again at once (see
    ``Delivery.avoid``). ``parts`` counts the SMS segments that left before one could not.
    """

    reason: str
    retry_after_s: float | None = None
    by: str = ""
    other: bool = False
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Permanent:
    """Surely not handed over, and no try will help (no such number, refused address).

    ``parts`` counts the SMS segments that left before one was refused.
    """

    reason: str
    by: str = ""
    parts: int = 0


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It may or may not have been handed over (time-out after the text went out): the core decides on a repeat."""

    reason: str
    by: str = ""


Receipt = Sent | Temporary | Permanent | InDoubt
