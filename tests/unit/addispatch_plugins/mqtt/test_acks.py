"""Acknowledgements by MQTT: what they ask for, one after another, confirmed to the broker only when they are stored."""

import asyncio

import pytest

from addispatch.sdk import Refused, StoreError
from addispatch.sdk.testing import EmptyOperations
from addispatch_plugins.mqtt import acks as module
from addispatch_plugins.mqtt.acks import Acks, request
from addispatch_plugins.mqtt.complaints import Complaints
from addispatch_plugins.mqtt.payload import MAX_PAYLOAD_BYTES

TOPIC = "addispatch/default/ack"


class Operations(EmptyOperations):
    def __init__(self):
        self.asked = []
        self.actors = []
        self.failures = []

    async def acknowledge(self, actor, request):
        self.actors.append(actor)
        self.asked.append(request)
        if self.failures:
            raise self.failures.pop(0)
        return {"cases": [], "answer": ""}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 0.01)


@pytest.fixture
async def acks(by_hand):
    """Acknowledgements that are worked off."""
    by_hand.operations = Operations()
    found = Acks(by_hand, Complaints(by_hand))
    by_hand.supervise("acknowledgements", found.run)
    return found


async def until(condition):
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0.001)


# -- what is asked -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "asked"),
    [
        (b"A123 on my way", {"text": "A123 on my way"}),
        (b"no A123, B456", {"text": "no A123, B456"}),
        (b"  A123\n", {"text": "  A123\n"}),
        (b'"A123 on my way"', {"text": '"A123 on my way"'}),
        (b"5", {"text": "5"}),
        (b"", {"text": ""}),
        (b"A123 \xff", {"text": "A123 \ufffd"}),
        (b'["A123"]', {"text": '["A123"]'}),
        (
            b'{"code":"A123","by":"jane","comment":"on my way"}',
            {"codes": ["A123"], "by": "jane", "comment": "on my way"},
        ),
        (b'{"code":" A123, B456 ,"}', {"codes": ["A123", "B456"]}),
        (b'{"codes":["A123"],"action":"decline","by":null}', {"codes": ["A123"], "action": "decline"}),
        (b'{"case":"7","recipients":["Adam"],"action":"ack"}', {"case": "7", "recipients": ["Adam"], "action": "ack"}),
        (b'{"code":null,"case":"7"}', {"case": "7"}),
        (b'{"code":""}', {"codes": []}),
        (b"{}", {}),
    ],
)
def test_a_payload_as_a_request(payload, asked):
    assert request(payload) == asked


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b'{"code":5}', "code"),
        (b'{"code":["A123"]}', "code"),
        (b'{"kode":"A123"}', "kode"),
        (b'{"code":"A123","codes":["B456"]}', "code"),
        (b'{"text":"A123"}', "text"),
        (b'{"code":"A123"', "payload"),
        (b'{"comment":"\\ud800"}', "payload"),
        (b"[" * 100 + b"]" * 100, "payload"),
        (b"x" * (MAX_PAYLOAD_BYTES + 1), "payload"),
    ],
)
def test_a_bad_payload_names_what_is_wrong(payload, field):
    with pytest.raises(Refused) as caught:
        request(payload)
    assert caught.value.field == field
    assert len(str(caught.value)) < 300


# -- how they are worked off ---------------------------------------------------------------------------------------------


async def test_each_is_confirmed_once_it_is_stored_and_in_order(acks, door, by_hand):
    messages = [door.message(TOPIC, b"A%d" % number) for number in range(100, 103)]
    for message in messages:
        acks.take(door, message)
    assert door.link.acknowledged == []
    await until(lambda: len(door.link.acknowledged) == 3)
    assert door.link.acknowledged == messages
    assert [asked["text"] for asked in by_hand.operations.asked] == ["A100", "A101", "A102"]
    assert {(actor.name, actor.role, actor.via) for actor in by_hand.operations.actors} == {
        ("mqtt", "operator", "mqtt")
    }


async def test_one_that_cannot_be_stored_is_tried_until_it_is_and_the_others_wait(acks, door, by_hand):
    by_hand.operations.failures = [StoreError("the disk is full")] * 3
    first, second = door.message(TOPIC, b"A100"), door.message(TOPIC, b"A101")
    acks.take(door, first)
    acks.take(door, second)
    await until(lambda: len(by_hand.operations.asked) >= 2)
    assert door.link.acknowledged == []
    await until(lambda: len(door.link.acknowledged) == 2)
    assert [asked["text"] for asked in by_hand.operations.asked] == ["A100"] * 4 + ["A101"]


async def test_one_that_is_refused_is_confirmed_and_told(acks, door, by_hand):
    by_hand.operations.failures = [Refused("codes", "there is no case with the code A100")]
    acks.take(door, door.message(TOPIC, b"A100"))
    acks.take(door, door.message(TOPIC, b'{"code":5}'))
    acks.take(door, good := door.message(TOPIC, b"A101"))
    await until(lambda: good in door.link.acknowledged)
    assert len(door.link.acknowledged) == 3
    assert [(event.kind, event.text) for event in by_hand.events] == [
        ("ack_refused", f"MQTT {TOPIC}: codes: there is no case with the code A100"),
        ("ack_refused", f'MQTT {TOPIC}: code: must be text ({{"code":5}})'),
    ]


@pytest.mark.parametrize("payload", ["{code} on my way", '{{"code": "{code}", "by": "bo"}}', '{{"codes": ["{code}"]}}'])
async def test_of_those_refused_each_code_is_told(acks, door, by_hand, payload):
    wanted = [f"A{number}" for number in range(100, 105)]
    by_hand.operations.failures = [Refused("by", "Bo was not told of it")] * 10
    for code in (*wanted, *wanted):
        acks.take(door, message := door.message(TOPIC, payload.format(code=code).encode()))
    await until(lambda: message in door.link.acknowledged)
    assert len(by_hand.events) == 5, "the same one again within a minute is counted"
    for code, event in zip(wanted, by_hand.events, strict=True):
        assert code in event.text
        assert "by: Bo was not told of it" in event.text


@pytest.mark.parametrize("is_trial", [False, True])
async def test_a_retained_one_is_old_news_and_a_trial_acts_on_nothing(acks, door, by_hand, settle, is_trial):
    by_hand.is_trial = is_trial
    message = door.message(TOPIC, b"A100", retain=not is_trial)
    acks.take(door, message)
    assert door.link.acknowledged == [message]
    await settle()
    assert by_hand.operations.asked == []


async def test_what_is_too_much_stays_with_the_broker(by_hand, door, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    by_hand.operations = Operations()
    waiting = Acks(by_hand, Complaints(by_hand))
    messages = [door.message(TOPIC, b"A%d" % number) for number in range(100, 103)]
    for message in messages:
        waiting.take(door, message)
    by_hand.supervise("acknowledgements", waiting.run)
    await until(lambda: len(door.link.acknowledged) == 2)
    assert door.link.acknowledged == messages[:2], "unconfirmed, the third one comes again"


async def test_one_that_comes_while_another_is_acted_on_is_not_forgotten(acks, door, by_hand):
    gate = asyncio.Event()
    acknowledge = by_hand.operations.acknowledge

    async def slow(actor, asked):
        await gate.wait()
        return await acknowledge(actor, asked)

    by_hand.operations.acknowledge = slow
    acks.take(door, door.message(TOPIC, b"A100"))
    await asyncio.sleep(0.01)
    acks.take(door, door.message(TOPIC, b"A101"))
    gate.set()
    await until(lambda: len(door.link.acknowledged) == 2)
