"""What the other node told is joined; a record that cannot be read is left out alone, counted, and told now and then."""

from __future__ import annotations

import copy
import re
from types import SimpleNamespace

import orjson
import pytest
from duet import open_duet
from pipelines import group, until
from rooms import PHONE_ADAM, PHONE_JANE, usual

from addispatch.cluster.events import Merge
from addispatch.engine.merging import Merging

OPS = (PHONE_ADAM, PHONE_JANE, usual(), group("Ops", "Adam", "Jane", policy="usual"))


@pytest.fixture
async def duet(tmp_path):
    async with open_duet(tmp_path, *OPS) as duet:
        yield duet


def merging(room):
    said = []
    node = SimpleNamespace(clock=room.clock, ledger=room.ledger, desk=lambda: room.desk, say=said.append)
    made = Merging(node)
    made.failed_count = 0

    def failed():
        made.failed_count += 1

    def take(docs):
        made.take(Merge(tuple(docs), "s1", "b1"), peer="node-a", peer_has_sms=True, failed=failed)

    return said, made, take


async def said_by(room, *texts):
    for text in texts:
        await room.accept(text, to=("Ops",))


def without(doc, name):
    return {key: value for key, value in doc.items() if key != name}


def head(**fields):
    return lambda doc: doc | {"h": doc["h"] | fields}


def delivery(doc, **fields):
    first, *rest = doc["d"]
    return doc | {"d": [first | fields, *rest]}


WRONG = {
    "a number": lambda _doc: 7,
    "no digest": lambda doc: without(doc, "g"),
    "a head with a field of tomorrow": head(tomorrow=1),
    "a priority of tomorrow": head(priority=99),
    "a text that is none": head(text=["hot"]),
    "a text of a message that is none": lambda doc: delivery(doc, c=["Adam", {"a": 1}, "", 1, 0, 0]),
    "a fact of tomorrow": lambda doc: delivery(doc, s=[99, 0, 0]),
    "a key that is too short": lambda doc: delivery(doc, k=[0, 0]),
    "a number that is too large": lambda doc: doc | {"n": 1 << 80},
    "no deliveries": lambda doc: without(doc, "d"),
    "marks that are none": lambda _doc: {"marks": {"monitor:m1": 5}},
}


async def test_the_others_of_its_message_count(duet):
    await said_by(duet.a, "first", *WRONG, "last")
    docs = [orjson.loads(record) for records in duet.said["s1"] for record in records]
    said, made, take = merging(duet.b)
    take([WRONG.get(doc["h"]["text"], dict)(copy.deepcopy(doc)) for doc in docs])
    await until(lambda: made.unread_count == len(WRONG))
    assert made.failed_count == len(WRONG), "nobody waits for them"
    await duet.b.unit(lambda _tx: None)
    assert sorted(case["text"] for case in await duet.b.cases()) == ["first", "last"]
    line = r"Cluster: left out a record of node-a that cannot be read: \w+; bring both to one version"
    assert all(re.fullmatch(line, event.line) for event in said)
    assert 1 < len(said) < len(WRONG), "those of one kind are told once"
    take(docs)
    await until(duet.b.cases)
    await duet.b.unit(lambda _tx: None)
    assert len(await duet.b.cases()) == len(docs), "when they can be read they are taken"


async def test_it_is_counted_each_time_and_told_once_a_minute(duet):
    said, made, take = merging(duet.b)
    for _ in range(5):
        take([7])
    await until(lambda: made.unread_count == 5)
    assert len(said) == 1
    duet.b.clock.forward(seconds=61)
    take([7])
    await until(lambda: made.unread_count == 6)
    assert said[1].line.endswith("TypeError (5 times); bring both to one version")
