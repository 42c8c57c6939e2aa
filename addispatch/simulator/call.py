"""How a call goes on: what the network tells the two who are in it. Used by the network, modems and phones."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Progress(StrEnum):
    """What happened to a call; those that end it are written as a modem says them (ITU-T V.250 5.7.1)."""

    ALERTING = "alerting"
    """The other phone rings."""
    ANSWERED = "answered"
    BUSY = "BUSY"
    """In another call, or declined."""
    NO_CARRIER = "NO CARRIER"
    """Out of reach, or the other side hung up."""
    NO_ANSWER = "NO ANSWER"
    """It rang as long as the network lets it."""

    @property
    def ends(self) -> bool:
        """Whether the call is over."""
        return self in {Progress.BUSY, Progress.NO_CARRIER, Progress.NO_ANSWER}


class CallState(IntEnum):
    """``<stat>`` of AT+CLCC (3GPP TS 27.007, 7.18)."""

    ACTIVE, HELD, DIALLING, ALERTING, INCOMING = range(5)


class WhenCalled(StrEnum):
    """What a phone's owner does when it rings."""

    RING = "ring"
    """Let it ring."""
    ANSWER = "answer"
    DECLINE = "decline"
    BUSY = "busy"
    """It does not ring at all: the owner talks to somebody."""
