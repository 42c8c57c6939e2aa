"""Texts on their way: what a channel is asked to deliver, what came in, what a delivery report says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from addispatch.domain.alarm import Priority, QueueClass

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One text to one address by one channel, as a channel receives it.

    ``address`` is E.164 for sms and voice, an address for email, a URL for chat and webhook.
    ``attempt`` counts from 0. ``repeat`` is true when an earlier attempt is in doubt: the text already carries
    the mark "(repeat)". ``avoid`` names the modem or server that failed last; use another one if there is one.
    """

    id: str
    case_id: str
    channel: str
    address: str
    text: str
    subject: str = ""
    recipient: str = ""
    priority: Priority = Priority.MEDIUM
    queue_class: QueueClass = QueueClass.ALARM
    attempt: int = 0
    repeat: bool = False
    avoid: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message somebody sent to us (an SMS, a mail). ``reference`` makes storing it idempotent."""

    channel: str
    sender: str
    text: str
    received_at: datetime
    reference: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What the network says later about a text that was sent (3GPP TS 23.040 status report, mail bounce)."""

    channel: str
    address: str
    reference: str
    delivered: bool
    at: datetime
    reason: str = ""
    by: str = ""
