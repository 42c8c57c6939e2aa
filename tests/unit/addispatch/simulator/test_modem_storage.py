"""A modem's memory: numbered slots."""

from __future__ import annotations

from datetime import UTC, datetime

from addispatch.simulator.modem_storage import READ, UNREAD, Storage
from addispatch.simulator.pdu import Deliver
from addispatch.simulator.pdu_body import Body


def test_takes_the_lowest_free_slot() -> None:
    storage = Storage(3)
    message = Deliver("+6591234567", Body("hi"), datetime(2026, 11, 23, tzinfo=UTC))
    assert [storage.add(message) for _ in range(3)] == [1, 2, 3]
    assert storage.full
    storage.slots[1].status = READ
    del storage.slots[2]
    assert not storage.full
    assert storage.add(message) == 2
    assert [storage.slots[index].status for index in (1, 2, 3)] == [READ, UNREAD, UNREAD]
