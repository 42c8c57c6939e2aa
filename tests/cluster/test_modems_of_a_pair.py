"""What one node's modem cannot send, the other's does (CLUSTER, HANDOVER; SPEC 8): real daemons, channels with a switch."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from pair import open_pair
from switch_plugin import drop_in, switch

pytestmark = [pytest.mark.debian, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DIRECTORY = """
[[recipient]]
name = "Adam"
sms = "91234567"
[[recipient]]
name = "Chief"
sms = "92345678"
[[policy]]
name = "critical"
[[group]]
name = "Critical"
members = ["Adam"]
policy = "critical"
[settings]
system_alert_to = ["Chief"]
"""


async def sms_of(node, case_id):
    case = await node.get(f"/cases/{case_id}")
    return [d for d in case["deliveries"] if d["channel"] == "sms"]


async def sent_by(node, words, count=1):
    """Wait until this node, and not the other one, has sent so many texts with the words."""
    async with asyncio.timeout(20):
        while len([e for e in await node.events(words) if e["kind"] == "DeliverySent"]) < count:
            await asyncio.sleep(0.1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    async with open_pair(folder, extra=drop_in(folder), directory=DIRECTORY) as pair:
        yield pair


@pytest_asyncio.fixture(loop_scope="module")
async def pair(shared):
    """The pair, together; each test has texts of its own."""
    await shared.up()
    return shared


async def test_whoever_was_texted_hears_which_number_answers_now(pair):
    case = (await pair.a.raises("flood", "Critical", priority="high"))["cases"][0]
    await sent_by(pair.a, "flood")
    async with asyncio.timeout(10):
        while [d["state"] for d in await sms_of(pair.b, case["id"])] != ["sent"]:
            await asyncio.sleep(0.05)
    await pair.a.kill()
    await sent_by(pair.b, "flood")
    texts = [d["text"] for d in await sms_of(pair.b, case["id"])]
    assert len(texts) == 2
    assert texts[1] == f"(now from this number) {texts[0]}"
    await pair.a.start()


async def test_a_node_without_a_modem_lets_the_other_send(pair):
    switch(pair.a.data).touch()
    await pair.b.cluster(lambda doc: doc["peer"]["channels"]["sms"] == "down")
    case = (await pair.a.raises("fire", "Critical", priority="high"))["cases"][0]
    await sent_by(pair.b, "fire")
    assert not [e for e in await pair.a.events("fire") if e["kind"] == "DeliverySent"]
    await pair.a.event("Handed over")
    assert (await pair.a.get(f"/cases/{case['id']}"))["owner"] == "b"
    # Its own trouble is told by the other one's modem, too.
    await pair.a.post("/test-alert", {})
    await sent_by(pair.b, "test")
