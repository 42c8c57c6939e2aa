"""How cases are found: by id, code, alarm, address, and by what is due; never a case of somebody else."""

from __future__ import annotations

import uuid

import pytest
from ledgers import new_case, new_delivery, now_ms, open_case, open_ledger

from addispatch.domain.case import Case, CloseReason, Closing, DeliveryState, Fact, Phase
from addispatch.domain.delivery import Kind
from addispatch.domain.ids import ordered_id
from addispatch.store import lookup
from addispatch.store.rows import DeliveryChange

PAST = new_delivery(state=DeliveryState(Fact.SENT), due_at_ms=None)


def asking(recipient="adam", channel="sms", **changes):
    return new_delivery(recipient, channel, kind=Kind.ASK, **changes)


async def seqs(ledger, find, *args):
    found = await ledger.submit(lambda tx: find(tx, *args))
    return [entry.seq for entry in found]


async def close(ledger, seq, at_ms):
    def unit(tx):
        entry = tx.entry(seq)
        tx.join(entry, Case(id=entry.case.id, closings=frozenset({Closing(at_ms, CloseReason.OPERATOR)})), at_ms)

    await ledger.submit(unit)


async def test_a_mark_of_this_transaction_comes_before_the_stored_one(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        assert await ledger.submit(lambda tx: lookup.mark(tx, "a")) == b""
        await ledger.submit(lambda tx: tx.marks.update(a=b"1", b=b"2"))

        def unit(tx):
            tx.marks["a"] = b""
            return lookup.mark(tx, "a"), lookup.mark(tx, "b")

        assert await ledger.submit(unit) == (b"", b"2"), "an emptied one is empty"


async def test_by_id(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        case = await open_case(ledger, new_delivery())
        assert (await ledger.submit(lambda tx: lookup.by_id(tx, case.id))).seq == 1
        assert await ledger.submit(lambda tx: lookup.by_id(tx, str(uuid.uuid4()))) is None
        with pytest.raises(ValueError, match="hexadecimal"):
            await ledger.submit(lambda tx: lookup.by_id(tx, "no id"))


async def test_a_case_of_the_same_transaction_is_found(tmp_path):
    """What is collected is written before it is looked for."""
    async with open_ledger(tmp_path) as ledger:
        part = asking(due_at_ms=5)
        case = new_case([part], ack_required=True)

        def unit(tx):
            entry = tx.open_case(case, "A123", [part], 1000, 77)
            return (
                lookup.by_id(tx, case.id) is entry,
                lookup.with_code(tx, "A123", 0),
                lookup.asked_at(tx, {part.key.address}),
                lookup.due_cases(tx, 77, 9),
                lookup.next_case_ms(tx),
                [row.key for row in lookup.told(tx, entry)],
            )

        by_id, *others, next_ms, told = await ledger.submit(unit)
        assert by_id
        assert all(len(found) == 1 for found in others)
        assert (next_ms, told) == (77, [part.key])


async def test_a_code_stands_for_what_is_open_or_closed_lately_the_newest_first(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        for number in range(1, 4):
            await open_case(ledger, new_delivery(), number=number, code="A123", ack_required=True)
        await open_case(ledger, new_delivery(), number=4, code="B456", ack_required=True)
        await open_case(ledger, new_delivery(), number=5)
        await close(ledger, 1, 1000)
        await close(ledger, 2, 2000)
        assert await seqs(ledger, lookup.with_code, "A123", 2000) == [3, 2]
        assert await seqs(ledger, lookup.with_code, "A123", 1000) == [3, 2, 1]
        assert await seqs(ledger, lookup.with_code, "C789", 0) == []


async def test_the_cases_of_one_alarm_this_one_first(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        alarm = ordered_id(now_ms(), 9)
        other = ordered_id(now_ms(), 10)
        for number, ident in enumerate((alarm, other, alarm, alarm), 1):
            await open_case(ledger, new_delivery(), number=number, code="A123", ack_required=True, alarm_id=ident)
        await close(ledger, 3, now_ms())
        find = lambda tx, seq: lookup.of_alarm(tx, tx.entry(seq))  # noqa: E731
        assert await seqs(ledger, find, 1) == [1, 4, 3]
        assert await seqs(ledger, find, 4) == [4, 3, 1]
        assert await seqs(ledger, find, 2) == [2]
        await open_case(ledger, new_delivery(), number=5, alarm_id=alarm)
        assert await seqs(ledger, find, 5) == [5], "without a code it stands alone"


async def test_whom_a_case_asked_while_it_is_open(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        both = (asking("adam"), asking("adam", "email"))
        await open_case(ledger, *both, number=1, ack_required=True)
        await open_case(ledger, new_delivery("adam", "sms"), number=2, ack_required=True)
        await open_case(ledger, asking("jane"), number=3, ack_required=True)
        await open_case(ledger, asking("adam"), number=4, ack_required=True)
        await open_case(ledger, asking("adam"), number=5, ack_required=True)
        await close(ledger, 5, 1000)
        addresses = {part.key.address for part in both}
        assert await seqs(ledger, lookup.asked_at, addresses) == [1, 4], "each once, the oldest first"
        assert await seqs(ledger, lookup.asked_at, set()) == []
        assert await seqs(ledger, lookup.last_asked, both[0].key.address) == [5], "open or not"
        assert await seqs(ledger, lookup.last_asked, "+1") == []


async def test_what_is_due_the_longest_due_first(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        for number, next_ms in enumerate((30, 10, None, 20, 99), 1):
            await open_case(ledger, new_delivery(), number=number, ack_required=True)
            await ledger.submit(lambda tx, seq=number, next_ms=next_ms: tx.set_next(tx.entry(seq), next_ms))
        due = lambda now, most: ledger.submit(lambda tx: lookup.due_cases(tx, now, most))  # noqa: E731
        assert [await due(30, 9), await due(30, 2), await due(9, 9)] == [[2, 4, 1], [2, 4], []]
        assert await ledger.submit(lookup.next_case_ms) == 10
        for number in (1, 2, 4, 5):
            await ledger.submit(lambda tx, seq=number: tx.set_next(tx.entry(seq), None))
        assert await ledger.submit(lookup.next_case_ms) is None


async def test_a_case_is_put_off_without_being_read(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(), ack_required=True)
        await ledger.submit(lambda tx: tx.set_next(tx.entry(1), 5))
        await ledger.submit(lambda tx: tx.connection.exec_driver_sql("UPDATE cases SET extra = 'broken'") and None)
        await ledger.submit(lambda tx: lookup.put_off(tx, 1, 77))
        assert await ledger.submit(lookup.next_case_ms) == 77
        await ledger.submit(lambda tx: tx.connection.exec_driver_sql("UPDATE cases SET extra = NULL") and None)
        assert (await ledger.submit(lambda tx: tx.entry(1))).next_at_ms == 77, "the one in memory is forgotten"


async def test_the_rows_of_a_case_in_the_order_in_which_they_were_made(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        first, second = asking("jane", rung=2), new_delivery("adam", text="cold")
        await open_case(ledger, first, second)
        await ledger.submit(
            lambda tx: tx.change(tx.entry(1), first.key, DeliveryChange(DeliveryState(Fact.SENT), sent_at_ms=77), 77)
        )
        assert await ledger.submit(lambda tx: lookup.told(tx, tx.entry(1))) == [
            (first.key, "Jane", 77, "hot", 2, Kind.ASK), (second.key, "Adam", None, "cold", 0, Kind.PLAIN),
        ]  # fmt: skip


async def test_what_is_queued_or_held_the_newest_first_in_chunks(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        parts = [new_delivery(str(number), due_at_ms=None if number == 1 else 5) for number in range(5)]
        await open_case(ledger, *parts)

        def arrange(tx):
            tx.change(tx.entry(1), parts[2].key, DeliveryChange(DeliveryState(Fact.SENT)), 9)
            (claim,) = tx.claim_due("log", 1, 9)
            return claim.key.recipient

        assert await ledger.submit(arrange) == "0"
        first = await ledger.submit(lambda tx: lookup.unsent(tx, 2**62, 2))
        assert [key.recipient for _, _, key in first] == ["4", "3"]
        rest = await ledger.submit(lambda tx: lookup.unsent(tx, first[-1][0], 2))
        assert [key.recipient for _, _, key in rest] == ["1"], "held; 2 is sent, 0 is under way"


async def test_what_waits_for_an_operator(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        parts = [new_delivery(str(number), due_at_ms=5) for number in range(3)]
        await open_case(ledger, *parts)
        await ledger.submit(lambda tx: len(tx.claim_due("log", 2, 9)))
        held = DeliveryChange(DeliveryState(Fact.NONE, 0, Phase.SENDING), error="in doubt, held")
        await ledger.submit(lambda tx: tx.change(tx.entry(1), parts[0].key, held, 9))
        assert await ledger.submit(lambda tx: lookup.held(tx, tx.entry(1))) == {parts[0].key}
