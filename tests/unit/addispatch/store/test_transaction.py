"""Transactions: what is stored joins exactly as the domain's merge does; claims are exclusive, urgent ones first."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import new_case, new_delivery, now_ms, open_case, open_ledger
from strategies import asking_heads, cases

from addispatch.domain.alarm import QueueClass
from addispatch.domain.case import Case, CaseState, DeliveryState, Fact, Note, Phase, merge
from addispatch.domain.case_state import KEPT_ACKNOWLEDGED_MS, state_of
from addispatch.domain.delivery import Kind
from addispatch.domain.events import MAX_LINE_CHARS, Said
from addispatch.store import lookup, queries, waiting
from addispatch.store import transaction as transaction_module
from addispatch.store.rows import DeliveryChange

PARTS = (new_delivery("adam", "sms"), new_delivery("jane", "email"))
states = st.builds(DeliveryState, st.sampled_from(Fact), st.integers(0, 3), st.sampled_from(Phase))
heads = st.just({"key": "boiler"}) | asking_heads.map(
    lambda head: {n: v for n, v in head._asdict().items() if n not in {"alarm_id", "opened_at_ms"}}
)
deltas = st.lists(st.tuples(cases, st.dictionaries(st.sampled_from([p.key for p in PARTS]), states)), max_size=4)


@settings(max_examples=40, deadline=None)
@given(deltas, heads)
def test_the_ledger_joins_as_the_domain_does(steps, head):
    async def run() -> None:
        with TemporaryDirectory() as name:
            async with open_ledger(Path(name)) as ledger:
                case = new_case(PARTS, **head)
                seq = await ledger.submit(lambda tx: tx.open_case(case, None, PARTS, now_ms()).seq)
                expected = case
                for partial, parts in steps:
                    delta = Case(
                        id=case.id, owner=partial.owner, position=partial.position, codes=partial.codes,
                        acks=partial.acks, declines=partial.declines, comments=partial.comments,
                        clears=partial.clears, closings=partial.closings, repeats=partial.repeats, deliveries=parts,
                    )  # fmt: skip
                    expected = merge(expected, delta)
                    await ledger.submit(lambda tx, d=delta: tx.join(tx.entry(seq), d, now_ms()))
            async with open_ledger(Path(name)) as ledger:
                stored = await ledger.submit(lambda tx: tx.entry(seq).case)
                assert stored == expected
                state = await ledger.submit(
                    lambda tx: tx.connection.exec_driver_sql("SELECT state, reason FROM cases").one()
                )
                assert tuple(state) == tuple(value and value.value for value in state_of(expected))

    asyncio.run(run())


async def test_a_claim_takes_urgent_deliveries_first_then_the_oldest(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        at_ms = now_ms() - 1000
        wanted = [(QueueClass.REPORT, 0), (QueueClass.ALARM, 5), (QueueClass.ALARM, 2), (QueueClass.EMERGENCY, 9)]
        for number, (urgency, later) in enumerate(wanted):
            part = new_delivery(queue_class=int(urgency), due_at_ms=at_ms + later, text=f"{urgency.name} {later}")
            await open_case(ledger, part, number=number)
        claims = await ledger.submit(lambda tx: tx.claim_due("log", 3, now_ms()))
        assert [c.text for c in claims] == ["EMERGENCY 9", "ALARM 2", "ALARM 5"]
        rest = await ledger.submit(lambda tx: tx.claim_due("log", 3, now_ms()))
        assert [c.text for c in rest] == ["REPORT 0"]
        assert await ledger.submit(lambda tx: tx.claim_due("log", 3, now_ms())) == []


async def test_a_claim_leaves_what_is_not_due_and_tells_when_it_is(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        later_ms = now_ms() + 60_000
        await open_case(ledger, new_delivery(due_at_ms=later_ms))
        assert await ledger.submit(lambda tx: tx.claim_due("log", 9, now_ms())) == []
        assert await ledger.submit(lambda tx: tx.next_due_ms("log")) == later_ms
        assert await ledger.submit(lambda tx: tx.next_due_ms("sms")) is None


async def test_an_older_state_changes_nothing(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        part = new_delivery()
        await open_case(ledger, part)

        def join(state):
            def unit(tx):
                return tx.change(tx.entry(1), part.key, DeliveryChange(state, error=state.fact.name), now_ms())

            return ledger.submit(unit)

        assert await join(DeliveryState(Fact.SENT))
        assert not await join(DeliveryState(Fact.CANCELLED))
        row = await ledger.read(lambda c: c.exec_driver_sql("SELECT fact, error FROM deliveries").one())
        assert tuple(row) == (int(Fact.SENT), "SENT")


async def test_what_is_sent_is_not_due_again_because_another_node_counts_an_attempt_more(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        case, key = await open_case(ledger, new_delivery(due_at_ms=now_ms() - 1)), new_delivery().key
        seq = await ledger.submit(lambda tx: lookup.by_id(tx, case.id).seq)
        sent = DeliveryChange(DeliveryState(Fact.SENT), sent_at_ms=now_ms())
        await ledger.submit(lambda tx: tx.change(tx.entry(seq), key, sent, now_ms()))
        doubted = DeliveryChange(DeliveryState(Fact.NONE, 1), due_at_ms=now_ms() - 1, repeat=True)
        await ledger.submit(lambda tx: tx.change(tx.entry(seq), key, doubted, now_ms()))
        assert await ledger.submit(lambda tx: tx.claim_due("log", 3, now_ms())) == []
        state = await ledger.submit(lambda tx: tx.entry(seq).case.deliveries[key])
        assert state == DeliveryState(Fact.SENT, 1)


async def test_an_open_case_is_found_by_source_and_key(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(), key="boiler", ack_required=True)
        await open_case(ledger, new_delivery(), number=2, key="boiler", source="other", ack_required=True)

        def find(source, key):
            return ledger.submit(lambda tx: [e.case.head.source for e in tx.open_with_key(source, key)])

        assert await find("mqtt", "boiler") == ["mqtt"]
        assert await find("mqtt", "pump") == []


async def test_a_code_is_taken_while_its_case_is_open_and_a_while_longer(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(state=DeliveryState(Fact.SENT)), code="A123")
        assert await ledger.submit(lambda tx: tx.entry(1).case and state_of(tx.entry(1).case)[0]) is CaseState.CLOSED
        assert await ledger.submit(lambda tx: lookup.code_is_taken(tx, "A123", now_ms() - 1000))
        assert not await ledger.submit(lambda tx: lookup.code_is_taken(tx, "A123", now_ms() + 1000))
        assert not await ledger.submit(lambda tx: lookup.code_is_taken(tx, "B456", 0))


async def test_a_message_is_stored_once_by_its_reference(tmp_path):
    values = {"reference": "x", "channel": "sms", "sender": "+65", "text": "ok", "received_at_ms": 1, "carrier": ""}
    async with open_ledger(tmp_path) as ledger:
        assert await ledger.submit(lambda tx: tx.add_received(values))
        assert not await ledger.submit(lambda tx: tx.add_received(values))


async def test_thousands_of_cases_more_than_the_cache_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(transaction_module, "CACHE_COUNT", 4096)
    async with open_ledger(tmp_path) as ledger:
        many = [new_case([part], n) for n, part in enumerate([new_delivery()] * 9000)]
        part = new_delivery()
        await asyncio.gather(*(ledger.submit(lambda tx, c=c: tx.open_case(c, None, [part], now_ms())) for c in many))

        def send_all(tx):
            claims = tx.claim_due("log", 9000, now_ms())
            for claim in claims:
                state = DeliveryState(Fact.SENT)
                tx.change(tx.entry(claim.case_seq), claim.key, DeliveryChange(state), now_ms())
            return len(claims)

        assert await ledger.submit(send_all) == 9000
        states = await ledger.read(lambda c: c.exec_driver_sql("SELECT DISTINCT state, reason FROM cases").all())
        assert [tuple(row) for row in states] == [("closed", "sent")]


async def test_what_was_tried_before_goes_before_what_is_new_however_long_the_queue(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        part = new_delivery(text="first")
        await open_case(ledger, part)
        for number in range(2, 6):
            await open_case(ledger, new_delivery(text=f"new {number}"), number=number)
        (first,) = await ledger.submit(lambda tx: tx.claim_due("log", 1, now_ms()))
        again = DeliveryChange(DeliveryState(Fact.NONE, 1), due_at_ms=now_ms() + 5)
        await ledger.submit(lambda tx: tx.change(tx.entry(first.case_seq), first.key, again, now_ms()))
        assert [c.text for c in await ledger.submit(lambda tx: tx.claim_due("log", 1, now_ms() - 1000))] == []
        claims = await ledger.submit(lambda tx: tx.claim_due("log", 2, now_ms() + 10))
        assert [c.text for c in claims] == ["first", "new 2"]


async def test_queued_sending_held_and_in_doubt_are_told_apart(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        for number, name in enumerate(("queued", "sending", "held", "doubt")):
            await open_case(
                ledger, new_delivery(name, text=name, due_at_ms=None if name == "held" else number + 1), number=number
            )

        def arrange(tx):
            first = {claim.text: claim for claim in tx.claim_due("log", 9, 100)}
            doubt, queued = first["doubt"], first["queued"]
            held = DeliveryState(Fact.NONE, 0, Phase.SENDING)
            tx.change(
                tx.entry(queued.case_seq), queued.key, DeliveryChange(DeliveryState(Fact.NONE, 1), due_at_ms=5), 100
            )
            tx._change_delivery(tx.entry(doubt.case_seq), doubt.key, DeliveryChange(held, error="in doubt"))

        await ledger.submit(arrange)
        views = {}
        for state in ("queued", "sending", "held", "in_doubt"):
            page = await ledger.read(lambda c, state=state: queries.deliveries(c, state, 10, None))
            views[state] = [(d["text"], d["state"]) for d in page["deliveries"]]
        assert views == {
            "queued": [("queued", "queued")],
            "sending": [("sending", "sending")],
            "held": [("held", "held")],
            "in_doubt": [("doubt", "in_doubt")],
        }
        counts = await ledger.read(queries.counts)
        assert (counts["queued"], counts["sending"], counts["in_doubt"]) == (1, 1, 1)


# -- what escalation needs -----------------------------------------------------------------------------------------------

POLICY = {"ack_required": True, "policy": "{}"}


async def column(ledger, name, table="cases"):
    return await ledger.read(lambda c: c.exec_driver_sql(f"SELECT {name} FROM {table} ORDER BY seq").scalars().all())


async def test_a_step_that_is_set_is_stored_once_and_told_after_the_commit(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        told = []
        ledger.on_work = lambda transaction: told.append(transaction.next_at_ms)
        case = new_case([], **POLICY)
        await ledger.submit(lambda tx: tx.open_case(case, "A123", [], now_ms(), 900) and None)

        def unit(tx):
            entry = tx.entry(1)
            for at_ms in (500, 700, None, 700):
                tx.set_next(entry, at_ms)
            return entry.next_at_ms

        assert await ledger.submit(unit) == 700
        assert await column(ledger, "next_at_ms") == [700]
        await ledger.submit(lambda tx: tx.set_next(tx.entry(1), 700))
        await ledger.submit(lambda tx: tx.set_next(tx.entry(1), None))
        assert await column(ledger, "next_at_ms") == [None]
        await ledger.submit(lambda _tx: None)
        assert told == [900, 500], "the earliest; not what is set to nothing, nor what stays"
    async with open_ledger(tmp_path) as ledger:
        assert (await ledger.submit(lambda tx: tx.entry(1))).next_at_ms is None


async def test_a_case_that_is_acknowledged_has_no_next_step_and_a_day_to_return_to_normal(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        part = new_delivery(due_at_ms=None)
        case = await open_case(ledger, part, code="A123", key="boiler", **POLICY)
        ack = Case(id=case.id, acks=frozenset({Note(5, "adam", "sms")}))

        def unit(tx):
            entry = tx.entry(1)
            tx.set_next(entry, 77)
            changed = tx.join(entry, ack, 1000)
            return changed, entry.next_at_ms, entry.state[0], set(tx.answered)

        assert await ledger.submit(unit) == (True, None, CaseState.ACKNOWLEDGED, {1})
        assert await column(ledger, "close_at_ms") == [1000 + KEPT_ACKNOWLEDGED_MS]
        assert not await ledger.submit(lambda tx: tx.join(tx.entry(1), ack, 2000)), "and the second time nothing"
        assert await column(ledger, "close_at_ms") == [1000 + KEPT_ACKNOWLEDGED_MS]


async def test_what_a_delivery_says_can_be_changed(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        part = new_delivery(kind=Kind.ASK)
        await open_case(ledger, part, **POLICY)
        await ledger.submit(lambda tx: tx.set_text(tx.entry(1), part.key, "cold", Kind.PLAIN))
        (claim,) = await ledger.submit(lambda tx: tx.claim_due("log", 1, now_ms()))
        assert (claim.text, claim.kind, type(claim.kind)) == ("cold", Kind.PLAIN, Kind)


async def test_deliveries_that_are_added_are_found_and_wake_their_channels(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(), **POLICY)
        due, held = new_delivery("jane", "sms", kind=Kind.NOTICE), new_delivery("jane", "email", due_at_ms=None)

        def unit(tx):
            entry = tx.entry(1)
            tx.add_deliveries(entry, [due, held], now_ms())
            tx.change(entry, held.key, DeliveryChange(DeliveryState(Fact.CANCELLED)), now_ms())
            return set(tx.channels), waiting.last_queued_ms(tx, entry)

        channels, queued_ms = await ledger.submit(unit)
        assert channels == {"sms"}
        assert abs(queued_ms - now_ms()) < 5000
    async with open_ledger(tmp_path) as ledger:
        case = (await ledger.submit(lambda tx: tx.entry(1))).case
        assert case.deliveries[due.key] == DeliveryState()
        assert case.deliveries[held.key].fact is Fact.CANCELLED


async def test_in_a_pause_nothing_is_claimed_and_deadlines_count_from_its_begin(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(due_at_ms=1))
        part = new_delivery("jane", due_at_ms=5000, expires_at_ms=9000)
        case = new_case([part], 2)

        def unit(tx):
            tx.paused_at_ms = 3000
            tx.open_case(case, None, [part], 5000)
            return tx.claim_due("log", 9, 9999), tx.next_due_ms("log"), tx.waits_from_ms(5000)

        assert await ledger.submit(unit) == ([], None, 3000)
        assert await ledger.submit(lambda tx: tx.paused_at_ms) == 3000, "also for the next transaction"
        assert await column(ledger, "due_at_ms", "deliveries") == [1, 3000]
        assert (await column(ledger, "expires_at_ms", "deliveries"))[1] == 7000


async def test_what_is_forgotten_is_read_anew(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await open_case(ledger, new_delivery(), **POLICY)

        def unit(tx):
            before = tx.entry(1)
            tx.forget()
            return tx.entry(1) is before, tx.entry(1).case == before.case

        assert await ledger.submit(unit) == (False, True)


async def test_an_endless_event_is_cut(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        await ledger.submit(lambda tx: tx.event(1, Said("x" * 10_000)))
        (text,) = await column(ledger, "text", "events")
        assert text == "x" * (MAX_LINE_CHARS - 3) + "..."
