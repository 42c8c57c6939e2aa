"""Third stage: what keeps a text from somebody. For now the hook alone: no filter is installed yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from addispatch.domain.addressbook import Recipient
from addispatch.domain.alarm import Alarm


class Filter(Protocol):
    """Says why a recipient must not be told of an alarm by a channel, or an empty string."""

    def __call__(self, alarm: Alarm, recipient: Recipient, channel: str) -> str:
        """Return the reason; it is stored with the delivery and shown."""


def filtered(filters: Sequence[Filter], alarm: Alarm, recipient: Recipient, channel: str) -> str:
    """Return the first reason, or an empty string."""
    for one in filters:
        if reason := one(alarm, recipient, channel):
            return reason
    return ""
