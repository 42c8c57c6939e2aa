"""What users read: every derived state by its name, pages without gaps, keys as CONTRACT has them."""

from __future__ import annotations

import pytest
from channels import ScriptedChannel, keeper, open_sending
from ledgers import new_delivery, open_case, open_ledger
from pipelines import ADAM, book, group, person, until

from addispatch.domain.addressbook import Mode
from addispatch.domain.alarm import Priority
from addispatch.domain.case import Case, Clear, Note
from addispatch.domain.delivery import RetryRules
from addispatch.domain.events import WARNING, Said
from addispatch.domain.policy import Policy
from addispatch.domain.receipt import InDoubt, Permanent, Sent
from addispatch.store import queries

CASE_KEYS = {
    "id", "code", "text", "priority", "key", "source", "state", "level", "opened_at", "acknowledged_at", "acknowledged_by",
    "closed_at", "deliveries", "acknowledgements", "owner",
}  # fmt: skip
DELIVERY_KEYS = {
    "id", "recipient", "to", "channel", "state", "attempts", "reference", "error", "modem", "sent_at", "delivered_at",
}  # fmt: skip


def test_times():
    assert queries.time_text(1_767_268_800_123) == "2026-01-01T12:00:00.123Z"
    assert queries.time_text(None) is None


async def page(ledger, query, *args):
    return await ledger.read(lambda c: query(c, *args))


@pytest.fixture
async def zoo(tmp_path):
    """A ledger with a delivery in each state there is."""
    climber = person("Bo", "sms", "email", mode=Mode.LADDER, sms="+6591", email=("bo@x",))
    directory = book(ADAM, climber, *(person(n, "sms", sms=f"+{n}") for n in ("a", "b", "c", "d", "e")))
    rules = RetryRules(resend_in_doubt={Priority.LOW: False})
    sms = ScriptedChannel("sms", 1)
    async with open_sending(tmp_path, sms, ScriptedChannel("email", 0), directory=directory, rules=rules) as node:

        async def one(name, receipt=None, **fields):
            if receipt is not None:
                sms.script.append(receipt)
            count = len(sms.begun)
            await node.accept(name, to=(name,), **fields)
            if receipt is not None:
                await until(lambda: len(sms.begun) > count)
                await node.quiet()

        await one("a", Sent(reference="r1", by="sim1"))
        await one("b", Permanent("no such number"))
        await one("c", InDoubt("silence"), priority=Priority.LOW)
        sms.gate.clear()
        await node.accept("under way", to=("d",))
        await until(lambda: sms.under_way)
        await node.accept("Bo", to=("Bo",))  # queued and held
        await node.accept("old", to=("e",), ttl_s=1)
        node.clock.forward(seconds=2)
        await keeper(node, tmp_path).sweep()
        yield node


async def test_every_state_has_its_name_and_is_found_by_it(zoo):
    everything = (await page(zoo.ledger, queries.deliveries, None, 50, None))["deliveries"]
    states = {(d["recipient"], d["channel"]): d["state"] for d in everything}
    assert states == {
        ("a", "sms"): "sent", ("b", "sms"): "failed", ("c", "sms"): "in_doubt", ("d", "sms"): "sending",
        ("Bo", "sms"): "queued", ("Bo", "email"): "held", ("e", "sms"): "expired",
    }  # fmt: skip
    for state in (*set(states.values()), "delivered", "cancelled", "filtered", "undelivered"):
        found = (await page(zoo.ledger, queries.deliveries, state, 50, None))["deliveries"]
        assert found == [d for d in everything if d["state"] == state], state


async def test_counts(zoo):
    counts = await page(zoo.ledger, queries.counts)
    assert (counts["queued"], counts["sending"], counts["in_doubt"]) == (1, 1, 1)
    assert counts["open"] == 3
    assert counts["by_class"] == {1: 1}


async def test_attempts_are_counted_when_they_begin(zoo):
    found = {
        d["recipient"]: d["attempts"]
        for d in (await page(zoo.ledger, queries.deliveries, None, 50, None))["deliveries"]
    }
    assert (found["a"], found["b"], found["d"], found["e"]) == (1, 1, 1, 0)


async def test_documents_have_the_keys_of_the_contract(zoo):
    document = (await page(zoo.ledger, queries.cases, None, 50, None))["cases"][-1]
    assert document.keys() >= CASE_KEYS
    (delivery,) = document["deliveries"]
    assert delivery.keys() >= DELIVERY_KEYS
    assert (delivery["to"], delivery["reference"], delivery["modem"], delivery["segments"]) == ("+a", "r1", "sim1", 1)
    one = await page(zoo.ledger, queries.case, document["id"])
    assert one == document
    listed = (await page(zoo.ledger, queries.deliveries, None, 50, None))["deliveries"][-1]
    assert listed == {**delivery, "case_id": document["id"], "code": document["code"]}


@pytest.mark.parametrize("ident", ["", "x", "0" * 31, "0190b0f2-1111-7222-8333-444455556666", "é" * 32])
async def test_no_such_case(zoo, ident):
    assert await page(zoo.ledger, queries.case, ident) is None


async def test_what_was_acknowledged_and_added(tmp_path):
    directory = book(ADAM, Policy(id="p", name="p"), group("Ops", "Adam", policy="p"))
    async with open_sending(tmp_path, ScriptedChannel("sms"), directory=directory) as node:
        await node.accept("hot", key="k", to=("Ops",))
        await node.accept("hotter", key="k", to=("Ops",))

        def acknowledge(tx):
            entry = tx.entry(1)
            notes = frozenset((Note(2000, "Jane", "sms", "me too"), Note(1000, "Adam", "sms", "on my way")))
            tx.join(entry, Case(id=entry.case.id, acks=notes), 2000)

        await node.ledger.submit(acknowledge)
        (case,) = (await page(node.ledger, queries.cases, "acknowledged", 50, None))["cases"]
        assert (case["count"], case["last_text"], case["state"]) == (2, "hotter", "acknowledged")
        assert (case["acknowledged_by"], case["acknowledged_at"]) == ("Adam", "1970-01-01T00:00:01.000Z")
        assert [n["comment"] for n in case["acknowledgements"]] == ["on my way", "me too"]
        assert (await page(node.ledger, queries.counts))["acknowledged"] == 1
        clear = frozenset((Clear(node.clock.now_ms(), "mqtt"),))
        await node.ledger.submit(lambda tx: tx.join(tx.entry(1), Case(id=case["id"], clears=clear), 3000))
        (case,) = (await page(node.ledger, queries.cases, "closed", 50, None))["cases"]
        assert (case["reason"], case["closed_at"]) == ("cleared", "1970-01-01T00:00:03.000Z")


async def test_pages_have_no_gaps_and_no_doubles(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        for number in range(7):
            await open_case(ledger, new_delivery(), number=number, text=f"{number}")
            await ledger.submit(lambda tx, n=number: tx.event(1000 + n, Said(f"{n}", WARNING)))
        for query, key in ((queries.cases, "cases"), (queries.deliveries, "deliveries")):
            seen, cursor = [], None
            while True:
                found = await page(ledger, query, None, 3, cursor)
                seen += [d["id"] for d in found[key]]
                if found["next"] is None:
                    break
                cursor = int(found["next"])
            assert len(set(seen)) == len(seen) == 7
        down = await page(ledger, queries.events, 3, None, None)
        assert [e["text"] for e in down["events"]] == ["6", "5", "4"]
        assert [e["text"] for e in (await page(ledger, queries.events, 3, int(down["next"]), None))["events"]] == [
            "3",
            "2",
            "1",
        ]
        up = await page(ledger, queries.events, 3, None, 2)
        assert [e["text"] for e in up["events"]] == ["2", "3", "4"]
        assert up["next"] == "5"
        assert (await page(ledger, queries.events, 3, None, 7)) == {"events": [], "next": None}


async def test_an_empty_ledger(tmp_path):
    async with open_ledger(tmp_path) as ledger:
        assert await page(ledger, queries.cases, None, 3, None) == {"cases": [], "next": None}
        assert await page(ledger, queries.received, 3, None) == {"received": [], "next": None}
        assert (await page(ledger, queries.counts))["oldest_queued_at_ms"] is None
