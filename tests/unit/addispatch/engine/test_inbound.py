"""What people and networks tell us: stored once, told, and joined into the delivery it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from channels import ScriptedChannel, open_sending
from pipelines import BrokenDisk

from addispatch.domain.errors import StoreError
from addispatch.domain.message import DeliveryReport, Incoming
from addispatch.domain.receipt import Sent, Temporary
from addispatch.engine.inbound import received, reported
from addispatch.store import queries

AT = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


def message(text="on my way", reference="sim1:7") -> Incoming:
    return Incoming(channel="sms", sender="+6591234567", text=text, received_at=AT, reference=reference, by="sim1")


def report(*, delivered=True, reference="1", address="Adam", at=AT, by="") -> DeliveryReport:
    reason = "" if delivered else "no such number"
    return DeliveryReport(
        channel="log", address=address, reference=reference, delivered=delivered, at=at, reason=reason, by=by
    )


@pytest.fixture
async def node(tmp_path):
    async with open_sending(tmp_path, ScriptedChannel()) as node:
        yield node


@pytest.fixture
async def sent(node):
    await node.accept()
    await node.quiet()
    return node


async def messages(node):
    return (await node.ledger.read(lambda c: queries.received(c, 50, None)))["received"]


async def test_a_message_is_stored_once_and_told(node):
    for _ in range(2):
        await received(node.ledger, node.clock, message(), lambda: node.pipeline.desk)
    await received(node.ledger, node.clock, message(reference="sim1:8"), lambda: node.pipeline.desk)
    assert [(m["text"], m["sender"], m["modem"], m["received_at"]) for m in await messages(node)] == [
        ("on my way", "+6591234567", "sim1", "2026-01-01T12:00:30.000Z")
    ] * 2
    assert [e["text"] for e in await node.events("MessageReceived")] == ["sms from +6591234567: on my way"] * 2


async def test_a_message_is_clean(node):
    await received(node.ledger, node.clock, message("\x1b[2Jhello\u202e\0 " + "x" * 9000), lambda: node.pipeline.desk)
    (stored,) = await messages(node)
    assert stored["text"].startswith("[2Jhello x")
    assert len(stored["text"]) == 4000


async def test_a_message_that_is_not_durable_is_not_confirmed(node):
    with BrokenDisk(node.ledger), pytest.raises(StoreError):
        await received(node.ledger, node.clock, message(), lambda: node.pipeline.desk)
    assert await messages(node) == []


async def test_a_report_of_delivery(sent):
    await reported(sent.ledger, sent.clock, report(), lambda: sent.pipeline.desk)
    (delivery,) = await sent.deliveries()
    assert (delivery["state"], delivery["delivered_at"], delivery["error"]) == (
        "delivered",
        "2026-01-01T12:00:30.000Z",
        None,
    )
    assert delivery["sent_at"]
    assert (await sent.events("DeliveryReported"))[0]["text"] == "log to Adam delivered"


async def test_a_report_of_failure_and_then_of_success(sent):
    await reported(sent.ledger, sent.clock, report(delivered=False), lambda: sent.pipeline.desk)
    (delivery,) = await sent.deliveries()
    assert (delivery["state"], delivery["error"]) == ("undelivered", "no such number")
    assert (await sent.events("DeliveryReported"))[0]["text"] == "log to Adam NOT delivered no such number"
    await reported(sent.ledger, sent.clock, report(), lambda: sent.pipeline.desk)
    await reported(sent.ledger, sent.clock, report(delivered=False), lambda: sent.pipeline.desk)
    assert (await sent.deliveries())[0]["state"] == "delivered"
    assert len(await sent.events("DeliveryReported")) == 2


@pytest.mark.parametrize("foreign", [{"reference": "99"}, {"address": "Jane"}])
async def test_a_report_that_belongs_to_nothing_changes_nothing(sent, foreign):
    await reported(sent.ledger, sent.clock, report(**foreign), lambda: sent.pipeline.desk)
    assert (await sent.deliveries())[0]["state"] == "sent"
    assert await sent.events("DeliveryReported") == []


async def test_references_are_used_again_so_old_deliveries_do_not_count(sent):
    sent.clock.forward(days=3, seconds=1)
    await reported(sent.ledger, sent.clock, report(at=AT + timedelta(days=3)), lambda: sent.pipeline.desk)
    assert (await sent.deliveries())[0]["state"] == "sent"


async def test_the_latest_delivery_with_the_reference_is_meant(tmp_path):
    channel = ScriptedChannel("log", 1, Sent(reference="7"), Sent(reference="7"))
    async with open_sending(tmp_path, channel) as node:
        for text in ("old", "new"):
            await node.accept(text)
            await node.quiet()
        await reported(node.ledger, node.clock, report(reference="7"), lambda: node.pipeline.desk)
        assert [(d["text"], d["state"]) for d in await node.deliveries()] == [("old", "sent"), ("new", "delivered")]


async def two_sent(folder, *receipts):
    """A node that sent "old" and "new" with these receipts, 256 texts after each other."""
    channel = ScriptedChannel("log", 1, *receipts)
    async with open_sending(folder, channel) as node:
        for text in ("old", "new"):
            await node.accept(text)
            await node.forward(seconds=60)
        yield node


async def told(node, **what):
    await reported(node.ledger, node.clock, report(**what), lambda: node.pipeline.desk)
    return {d["text"]: d["state"] for d in await node.deliveries()}


async def test_each_modem_counts_its_own_references(tmp_path):
    async for node in two_sent(tmp_path, Sent("7", by="sim1"), Sent("7", by="sim2")):
        assert await told(node, reference="7", by="sim3") == {"old": "sent", "new": "sent"}
        assert await told(node, reference="7", by="sim1") == {"old": "delivered", "new": "sent"}
        assert await told(node, reference="7", by="sim2") == {"old": "delivered", "new": "delivered"}


async def test_a_reference_used_again_does_not_confirm_the_old_text(tmp_path):
    async for node in two_sent(tmp_path, Sent("7", by="sim1"), Sent("7", by="sim1")):
        for _ in range(2):
            assert await told(node, reference="7", by="sim1") == {"old": "sent", "new": "delivered"}


async def test_the_one_sent_last_is_meant_whenever_it_was_queued(tmp_path):
    async for node in two_sent(tmp_path, Temporary("busy", 90), Sent("7", by="sim1"), Sent("7", by="sim1")):
        await node.forward(seconds=90)
        assert await told(node, reference="7", by="sim1") == {"old": "delivered", "new": "sent"}


async def test_a_report_for_another_part_than_the_last_confirms_nothing(tmp_path):
    async for node in two_sent(tmp_path, Sent("5", by="sim1"), Sent("8", by="sim1", parts=3)):
        assert await told(node, reference="7", by="sim1") == {"old": "sent", "new": "sent"}
        assert await told(node, reference="8", by="sim1") == {"old": "sent", "new": "delivered"}
