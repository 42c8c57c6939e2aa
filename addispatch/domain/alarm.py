"""What a source reports. Built by sources (through ``addispatch.sdk``), read by every stage of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

#: Longest accepted alarm text, in characters: twenty SMS segments and some; longer is cut and marked.
MAX_TEXT_CHARS = 4000
#: Longest accepted id, key, source name and audience name, in characters.
MAX_NAME_CHARS = 200
#: Most audiences one alarm may name in ``to``.
MAX_TO_COUNT = 50

_EMPTY: Mapping[str, object] = MappingProxyType({})


class Priority(StrEnum):
    """How urgent an alarm is (four levels, as ISA-18.2 plants use them)."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    rank: int
    """0 for critical to 3 for low: smaller is more urgent."""


#: Priorities by rank: ``BY_RANK[0]`` is critical.
BY_RANK = tuple(Priority)
for _rank, _priority in enumerate(BY_RANK):
    _priority.rank = _rank


class QueueClass(IntEnum):
    """Which deliveries leave first; within a class they leave in the order they came (SPEC, Objects)."""

    EMERGENCY = 0
    ALARM = 1
    NOTICE = 2
    REPORT = 3
    #: What is said about an emergency pause itself: all that leaves while it lasts.
    PAUSE = 4


class AlarmState(StrEnum):
    """Whether the condition began or ended."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Mark:
    """A small value a source wants stored in the same transaction as its alarm.

    ``name`` says whose and what (for example ``retained:plant/1/alarm``), ``value`` is at most 256 bytes.
    The mqtt source keeps the last payload hash of a topic this way.
    """

    name: str
    value: bytes


class Alarm(NamedTuple):
    """One report of a condition by a source. Give its fields by name.

    ``id`` makes it idempotent: the same (source, id) is stored once, however often it arrives.
    ``key`` names the condition: a raise with the key of an open case adds to that case.
    ``to`` names audiences directly and so replaces routing.
    ``topic`` and ``data`` are what routes match and templates read.
    ``is_stated``: the source said the state itself; else words like "back to normal" may exempt the text (SPEC 5.6).
    ``fingerprint`` and ``path`` are for transports that redeliver without an id (MQTT): the hash of the publish
    and the connection it came by; see ``pipeline.redelivery``.
    ``is_shared``: in a cluster the other node hears it, too.
    ``is_worse``: told again though the case of its key is open, also with the same priority.
    """

    text: str
    source: str
    id: str | None = None
    key: str | None = None
    priority: Priority = Priority.MEDIUM
    state: AlarmState = AlarmState.RAISED
    to: tuple[str, ...] = ()
    topic: str = ""
    ts: datetime | None = None
    ttl_s: float | None = None
    ack_required: bool = False
    is_stated: bool = False
    data: Mapping[str, object] = _EMPTY
    fingerprint: bytes | None = None
    path: str = ""
    is_shared: bool = False
    is_worse: bool = False
    mark: Mark | None = None
