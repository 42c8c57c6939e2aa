"""What happened, in the past tense: one class per kind of event, whose ``line`` is what an operator reads.

Written to the ledger in the same transaction as the change they tell of; shown by ``events``, SSE and MQTT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from addispatch.domain.monitor import SOURCE as MONITOR

#: Severities as the ledger stores them: nothing, [!], [!!!].
INFO, WARNING, SEVERE = 0, 1, 2
SEVERITIES = ("info", "warning", "severe")

#: Longest event line, in characters.
MAX_LINE_CHARS = 600


class Event(Protocol):
    """Anything with a severity, a kind (its class name unless it says otherwise) and a line."""

    @property
    def severity(self) -> int: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> str: ...  # noqa: D102


class _Named:
    """Gives an event class its kind: the class's name."""

    __slots__ = ()
    kind: ClassVar[str]
    severity: ClassVar[int] = INFO

    def __init_subclass__(cls, severity: int = INFO) -> None:
        cls.kind = cls.__name__
        cls.severity = severity


@dataclass(frozen=True)
class AlarmAccepted(_Named):
    """An alarm opened a case."""

    source: str
    text: str
    audience: str
    deliveries_count: int

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.source}: {self.text} -> {self.audience} ({self.deliveries_count} to send)"


@dataclass(frozen=True)
class AlarmAdded(_Named):
    """A raise with the key of an open case was added to it."""

    key: str
    audience: str
    times: int

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.key}: raised again, {self.times} times now, open for {self.audience}"


@dataclass(frozen=True)
class AlarmCleared(_Named):
    """The condition of a key returned to normal, or is watched no more."""

    source: str
    key: str
    closed_count: int

    @property
    def line(self) -> str:
        """One line."""
        what = {0: "no open case", 1: "its case is closed"}.get(self.closed_count, f"{self.closed_count} cases closed")
        # A monitor's alarm may end because it is watched no more; what was told stands in an event of its own.
        over = "is over" if self.source == MONITOR else "returned to normal"
        return f"{self.source}: {self.key} {over}, {what}"


@dataclass(frozen=True)
class AlarmRefused(_Named, severity=WARNING):
    """An alarm was not taken, and why."""

    source: str
    problem: str

    @property
    def line(self) -> str:
        """One line."""
        return f"Alarm from {self.source} refused. {self.problem}"


@dataclass(frozen=True)
class AlarmUnrouted(_Named, severity=WARNING):
    """No route took an alarm; it went to the fallback instead."""

    source: str
    text: str
    fallback: str

    @property
    def line(self) -> str:
        """One line."""
        return (
            f"No route reaches anybody for the alarm from {self.source}: {self.text}. Sent to {self.fallback} instead."
        )


@dataclass(frozen=True)
class AlarmReachesNobody(_Named, severity=SEVERE):
    """An alarm has nobody to tell: no route, no default group, no system-alert recipient, or nobody with an address."""

    source: str
    text: str
    why: str

    @property
    def line(self) -> str:
        """One line."""
        return f"NOBODY TOLD about the alarm from {self.source}: {self.text}. {self.why}"


@dataclass(frozen=True)
class AudienceUnreachable(_Named, severity=WARNING):
    """Nobody in an audience can be told, but somebody else is."""

    source: str
    audience: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.source}: {self.audience} has nobody with a usable address; others are told."


@dataclass(frozen=True)
class AudienceUnknown(_Named, severity=WARNING):
    """A name in ``to`` is neither group nor recipient nor address."""

    source: str
    name: str
    hint: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.source}: nobody is called {self.name!r}. {self.hint}"


@dataclass(frozen=True)
class TemplateFailed(_Named, severity=WARNING):
    """A template failed; the raw text goes out instead."""

    template: str
    problem: str

    @property
    def line(self) -> str:
        """One line."""
        return f"Template {self.template} failed, sending the raw text. {self.problem}"


@dataclass(frozen=True)
class DeliverySent(_Named):
    """A channel took a text."""

    channel: str
    recipient: str
    by: str
    repeat: bool
    about: str

    @property
    def line(self) -> str:
        """One line."""
        by = f" by {self.by}" if self.by else ""
        return f"{self.channel} to {self.recipient} sent{by}{' (repeat)' if self.repeat else ''}: {self.about}"


@dataclass(frozen=True)
class DeliveryRetried(_Named):
    """A try did not succeed; another one follows."""

    channel: str
    recipient: str
    reason: str
    wait_s: float

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} to {self.recipient} not sent yet: {self.reason}. Next try in {self.wait_s:.0f} s."


@dataclass(frozen=True)
class DeliveryInDoubt(_Named, severity=WARNING):
    """A text may or may not have gone out."""

    channel: str
    recipient: str
    reason: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} to {self.recipient}: {self.reason}"


@dataclass(frozen=True)
class DeliveryFailed(_Named, severity=WARNING):
    """A text will not be sent any more."""

    channel: str
    recipient: str
    reason: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} to {self.recipient} FAILED: {self.reason}"


@dataclass(frozen=True)
class DeliveryExpired(_Named, severity=WARNING):
    """A text was not sent in its time."""

    channel: str
    recipient: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} to {self.recipient} expired before it could be sent"


@dataclass(frozen=True)
class DeliveryCancelled(_Named):
    """A text is not needed any more."""

    channel: str
    recipient: str
    reason: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} to {self.recipient} cancelled: {self.reason}"


@dataclass(frozen=True)
class DeliveryReported(_Named):
    """The network says what became of a text."""

    channel: str
    recipient: str
    delivered: bool
    reason: str

    @property
    def line(self) -> str:
        """One line."""
        what = "delivered" if self.delivered else "NOT delivered"
        return f"{self.channel} to {self.recipient} {what} {self.reason}".rstrip()


@dataclass(frozen=True)
class CaseClosed(_Named):
    """A case ended otherwise than by being sent."""

    audience: str
    text: str
    reason: str

    @property
    def line(self) -> str:
        """One line."""
        return f"Case for {self.audience} closed ({self.reason}): {self.text}"


@dataclass(frozen=True)
class AlarmExempt(_Named):
    """A text needs no acknowledgement because of a word in it."""

    text: str
    keyword: str

    @property
    def line(self) -> str:
        """One line."""
        return f"exempt by keyword {self.keyword!r}, needs no acknowledgement: {self.text}"


@dataclass(frozen=True)
class AlarmOpenedClosed(_Named):
    """An alarm came after the news that its condition had returned to normal."""

    source: str
    key: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.source}: {self.key} was raised late, it had returned to normal already: nobody is told"


@dataclass(frozen=True)
class _Answered(_Named):
    """Somebody answered; ``verb`` says how."""

    verb: ClassVar[str] = ""
    code: str
    audience: str
    by: str
    via: str
    comment: str

    @property
    def line(self) -> str:
        """One line."""
        comment = f": {self.comment}" if self.comment else ""
        return f"{self.code} for {self.audience} {self.verb} by {self.by} ({self.via}){comment}"


class CaseAcknowledged(_Answered):
    """Somebody acknowledged."""

    verb = "acknowledged"


class CaseDeclined(_Answered):
    """Somebody cannot come."""

    verb = "declined"


@dataclass(frozen=True)
class CaseCommented(_Named):
    """Somebody said something about a case."""

    code: str
    by: str
    via: str
    comment: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.code} comment by {self.by} ({self.via}): {self.comment}"


@dataclass(frozen=True)
class CaseEscalated(_Named, severity=WARNING):
    """Nobody acknowledged in time: the next level is told."""

    code: str
    audience: str
    step: str
    deliveries_count: int
    why: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.code} for {self.audience} escalates, {self.why}: {self.step} ({self.deliveries_count} to send)"


@dataclass(frozen=True)
class LevelUnreachable(_Named, severity=WARNING):
    """A level reaches nobody: the next one follows at once."""

    code: str
    audience: str
    step: str
    why: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.code} for {self.audience}: {self.step} reaches nobody ({self.why}); the next one follows now"


@dataclass(frozen=True)
class ChainEnded(_Named, severity=SEVERE):
    """Everybody was asked and nobody acknowledged."""

    code: str
    audience: str
    text: str

    @property
    def line(self) -> str:
        """One line."""
        return f"NOBODY ACKNOWLEDGED {self.code} for {self.audience}, all levels were told: {self.text}"


@dataclass(frozen=True)
class ReplyRefused(_Named, severity=WARNING):
    """A reply did not count, and why."""

    channel: str
    sender: str
    why: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} from {self.sender} does not count: {self.why}"


@dataclass(frozen=True)
class SenderLocked(_Named, severity=SEVERE):
    """Too many wrong codes came from a number."""

    sender: str
    until: str

    @property
    def line(self) -> str:
        """One line."""
        return f"Too many wrong codes from {self.sender}: its codes are ignored {self.until}"


@dataclass(frozen=True)
class AnswersStopped(_Named, severity=WARNING):
    """Somebody wrote so often that he is not answered for a while; what he writes counts as before."""

    channel: str
    sender: str
    count: int
    until: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} to {self.sender}: {self.count} answers in an hour are enough, none before {self.until}"


@dataclass(frozen=True)
class MessageReceived(_Named):
    """Somebody sent us a message."""

    channel: str
    sender: str
    text: str

    @property
    def line(self) -> str:
        """One line."""
        return f"{self.channel} from {self.sender}: {self.text}"


@dataclass(frozen=True)
class Said:
    """A free event: from a plugin, or from the daemon about itself."""

    line: str
    severity: int = INFO
    kind: str = "Said"
