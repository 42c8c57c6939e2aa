"""Texts on their way: what a channel is asked to deliver, what came in, what a delivery report says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.alarm import Priority, QueueClass

if TYPE_CHECKING:
    from datetime import datetime


class Delivery(NamedTuple):
    """One text to one address by one channel, as a channel receives it. Give its fields by name.

    ``address`` is E.164 for sms and voice, an address for email, a URL for chat and webhook.
    ``attempt`` counts from 0. ``repeat`` is true when an earlier attempt is in doubt: the text already carries
    the mark "(repeat)". ``avoid`` names the modem or server that failed last; use another one if there is one.
    ``token`` is what an answer refers to (see ``domain.token``): mail carries it in its Message-ID; empty when nobody
    is asked to acknowledge.
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
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message somebody sent to us (an SMS, a mail). ``reference`` makes storing it idempotent.

    Of a mail ``text`` is only what its writer added, never what he quotes. ``tokens`` are the acknowledge tokens of the
    mails it answers to, the nearest first. ``automatic`` says why no person wrote it (an out-of-office note, a bounce,
    a mailing list); what a machine wrote is stored and never acknowledges.
    """

    channel: str
    sender: str
    text: str
    received_at: datetime
    reference: str
    by: str = ""
    subject: str = ""
    tokens: tuple[str, ...] = ()
    automatic: str = ""


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
