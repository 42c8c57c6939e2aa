"""Notices: answers to who wrote, and what happened to a case for those who know of it (SPEC 5.3, 5.4).

Used by ``enqueue`` (returned to normal), by acknowledging and by escalation. Each has a key that follows from what it
tells, so that nobody is told the same twice, whoever works it out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from addispatch.domain.addressbook import DEFAULT_CHANNELS
from addispatch.domain.alarm import QueueClass
from addispatch.domain.case import NOTICE_CYCLE, DeliveryKey, DeliveryState, Fact
from addispatch.domain.case_state import asks
from addispatch.domain.delivery import Kind
from addispatch.domain.text import fit_sms
from addispatch.store.rows import NewDelivery

if TYPE_CHECKING:
    from addispatch.domain.case import Case
    from addispatch.pipeline.desk import Desk
    from addispatch.store.transaction import Entry, Transaction

#: How much of the alarm's text a notice repeats, in characters.
ABOUT_CHARS = 60
#: Longest notice by SMS.
MOST_SEGMENTS = 3
#: Channels that carry words, the first choice first.
_WORDS = DEFAULT_CHANNELS
#: How well a channel worked, the best first; one the network could not use comes last.
_RANKS = {Fact.DELIVERED: 0, Fact.SENT: 1, Fact.UNDELIVERED: 3}


class Notice(NamedTuple):
    """What is told. ``mark`` names the occasion: the same mark to the same person is the same notice."""

    text: str
    mark: str
    subject: str = ""
    urgency: QueueClass = QueueClass.NOTICE


class Address(NamedTuple):
    """Where one person is told."""

    recipient_id: str
    recipient: str
    channel: str
    address: str


def about(case: Case) -> str:
    """The beginning of the alarm's text."""
    return beginning(case.head.body or case.head.text) if case.head else ""


def beginning(text: str) -> str:
    """Return a text on one line, cut visibly."""
    text = " ".join(text.split())
    return text if len(text) <= ABOUT_CHARS else f"{text[: ABOUT_CHARS - 3].rstrip()}..."


def send(
    transaction: Transaction,
    entry: Entry,
    notice: Notice,
    to: Iterable[Address],
    told: set[tuple[str, str]],
    now_ms: int,
) -> int:
    """Queue a notice to each address that has not got it; ``told`` spans sibling cases. Returns how many."""
    level = _level(notice)
    rows: list[NewDelivery] = []
    for who in to:
        key = DeliveryKey(NOTICE_CYCLE, level, who.recipient_id, who.channel, who.address)
        if key in entry.case.deliveries or (who.channel, who.address) in told:
            continue
        told.add((who.channel, who.address))
        text = fit_sms(notice.text, MOST_SEGMENTS) if who.channel == "sms" else notice.text
        subject = notice.subject if who.channel == "email" else ""
        rows.append(
            NewDelivery(key, who.recipient, text, int(notice.urgency), now_ms, subject=subject, kind=Kind.NOTICE)
        )  # fmt: skip
    if rows:
        transaction.add_deliveries(entry, rows, now_ms)
    return len(rows)


def _level(notice: Notice) -> int:
    """The level of a notice's deliveries: the same for the same occasion."""
    return zlib.crc32(notice.mark.encode()) & 0x7FFF_FFFF


def has_been_told(case: Case, notice: Notice, ids: Iterable[str]) -> bool:
    """Whether one of these recipients has got the notice."""
    level, wanted = _level(notice), set(ids)
    return any(
        key.cycle == NOTICE_CYCLE and key.level == level and key.recipient in wanted and state.fact >= Fact.SENT
        for key, state in case.deliveries.items()
    )


def informed(case: Case, desk: Desk, names: dict[str, str], *, but: str = "") -> list[Address]:
    """Return where those who know of the case are told, one address each: the channel that worked (SPEC 5.4).

    ``names`` are the recipients' names by id. Who has the text in flight right now hears of it when it is sent.
    """
    best: dict[str, tuple[tuple[int, int], Address]] = {}
    for key, state in asks(case):
        if not state.was_tried or key.recipient == but or _is_in_flight(state):
            continue
        found = _address(key, desk, names.get(key.recipient, ""))
        if found is not None:
            rank = (_RANKS.get(state.fact, 2), _WORDS.index(found.channel) if found.channel in _WORDS else len(_WORDS))
            if key.recipient not in best or rank < best[key.recipient][0]:
                best[key.recipient] = (rank, found)
    in_flight = {key.recipient for key, state in asks(case) if _is_in_flight(state)}
    return [address for who, (_, address) in best.items() if who not in in_flight]


def _is_in_flight(state: DeliveryState) -> bool:
    return state.fact is Fact.NONE and not state.is_pending


def _address(key: DeliveryKey, desk: Desk, name: str) -> Address | None:
    """Where to write to somebody who was reached so; who was only called is written to if he can be."""
    if key.channel != "voice":
        return Address(key.recipient, name or key.address, key.channel, key.address)
    return way_to(desk, key.recipient)


def way_to(desk: Desk, recipient_id: str) -> Address | None:
    """The first way to write to a recipient of the address book; None if there is none."""
    person = desk.person(recipient_id)
    if person is None:
        return None
    for channel in person.channels or _WORDS:
        if channel in desk.provided and channel != "voice":
            for address in person.addresses(channel)[:1]:
                return Address(person.id, person.name, channel, address)
    return None
