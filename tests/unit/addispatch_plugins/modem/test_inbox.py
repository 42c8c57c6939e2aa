"""The inbox over a memory that is a list: grouping, parking, committing, deleting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch.sdk.testing import FakeClock, Intake, RecordingContext
from addispatch_plugins.modem import inbox as module
from addispatch_plugins.modem.inbox import Entry, Inbox, put_together

JANE = "+6598765432"


def entry(
    location, text="hello", *, part=1, parts=1, group=-1, number=JANE, sent_at="2026-11-23T16:00:00+08:00", **more
):
    fields = {"report": False, "reference": -1, "status": -1, **more}
    return {
        "location": location, "number": number, "text": text, "sent_at": sent_at, "group": group, "part": part,
        "parts": parts, **fields,
    }  # fmt: skip


class Memory:
    def __init__(self, *entries, unreadable=()):
        self.entries, self.unreadable, self.deleted = list(entries), list(unreadable), []

    async def read(self):
        return list(self.entries), self.unreadable

    async def delete(self, locations):
        self.deleted += locations
        self.entries = [entry for entry in self.entries if entry["location"] not in locations]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def context(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(module, "COMMIT_WAIT_S", 0.05)
    async with RecordingContext(tmp_path, clock=clock) as context:
        yield context


@pytest.fixture
def inbox(context):
    return Inbox(context, "sim1")


async def test_committed_messages_are_deleted(inbox, context):
    memory = Memory(entry(1, "A123"), entry(2, "B456", number="+6591234567"))
    await inbox.poll(memory, "imsi")
    assert [(message.sender, message.text, message.by) for message in context.messages] == [
        (JANE, "A123", "sim1"),
        ("+6591234567", "B456", "sim1"),
    ]
    assert memory.deleted == [1, 2]


async def test_what_is_being_committed_stays_and_is_handed_over_once(inbox, context):
    context.intake = Intake.HOLD
    memory = Memory(entry(1))
    await inbox.poll(memory, "imsi")
    await inbox.poll(memory, "imsi")
    assert len(context.messages) == 1
    assert memory.deleted == []
    context.release()
    await inbox.poll(memory, "imsi")
    assert len(context.messages) == 1
    assert memory.deleted == [1]


async def test_what_could_not_be_stored_is_handed_over_again(inbox, context):
    context.intake = Intake.FAIL
    memory = Memory(entry(1))
    await inbox.poll(memory, "imsi")
    assert memory.deleted == []
    context.intake = Intake.ACCEPT
    await inbox.poll(memory, "imsi")
    assert memory.deleted == [1]
    first, second = context.messages
    assert first.reference == second.reference


async def test_a_crash_between_commit_and_delete_gives_the_same_reference(context):
    for _daemon in range(2):
        await Inbox(context, "sim1").poll(Memory(entry(7)), "imsi")
    assert context.messages[0].reference == context.messages[1].reference


@pytest.mark.parametrize("change", [{"number": "+6500000000"}, {"text": "b"}, {"sent_at": "2026-11-23T16:00:01+08:00"}])
async def test_another_message_has_another_reference(context, change):
    await Inbox(context, "sim1").poll(Memory(entry(1, text="a")), "imsi")
    await Inbox(context, "sim1").poll(Memory(entry(1, **{"text": "a", **change})), "imsi")
    assert context.messages[0].reference != context.messages[1].reference


async def test_missing_parts_are_waited_for_ten_minutes(inbox, context, clock):
    memory = Memory(entry(1, "one ", part=1, parts=3, group=5), entry(2, "three", part=3, parts=3, group=5))
    await inbox.poll(memory, "imsi")
    clock.forward(minutes=9)
    await inbox.poll(memory, "imsi")
    assert context.messages == []
    clock.forward(minutes=1)
    await inbox.poll(memory, "imsi")
    assert context.messages[0].text == "one [...]three (incomplete: 2 of 3 parts came)"
    assert sorted(memory.deleted) == [1, 2]


async def test_a_late_part_completes_the_message(inbox, context, clock):
    memory = Memory(entry(1, "one ", part=1, parts=2, group=5))
    await inbox.poll(memory, "imsi")
    clock.forward(minutes=5)
    memory.entries.append(entry(2, "two", part=2, parts=2, group=5))
    await inbox.poll(memory, "imsi")
    assert [message.text for message in context.messages] == ["one two"]


async def test_delivery_reports(inbox, context):
    statuses = {1: 0, 2: 0x41, 3: 0x21, 4: 0x62, 5: 1}
    memory = Memory(*(entry(n, report=True, reference=40 + n, status=status) for n, status in statuses.items()))
    await inbox.poll(memory, "imsi")
    assert [(report.reference, report.delivered) for report in context.reports] == [
        ("41", True),
        ("42", False),
        ("44", False),
    ]
    assert sorted(memory.deleted) == [1, 2, 3, 4, 5]


async def test_unreadable_messages_are_told_once(inbox, context):
    memory = Memory(entry(1), unreadable=[4])
    await inbox.poll(memory, "imsi")
    await inbox.poll(memory, "imsi")
    assert [event.text for event in context.events] == [
        "Modem sim1 holds a message that cannot be read, in memory slot 4"
    ]
    assert memory.deleted == [1]


def entries_of(*raw):
    return [Entry(**fields) for fields in raw]


def test_a_group_number_used_again_starts_another_message():
    old = [entry(n, f"old{n}", part=n, parts=2, group=9) for n in (1, 2)]
    new = [entry(n + 2, f"new{n}", part=n, parts=2, group=9, sent_at="2026-11-23T17:00:00+08:00") for n in (1, 2)]
    messages = put_together(entries_of(*new, *old))
    assert sorted(message.text for message in messages) == ["new1new2", "old1old2"]


def test_a_part_the_network_brought_twice_is_deleted_with_the_other():
    twice = [entry(1, "one ", part=1, parts=2, group=9), entry(2, "one ", part=1, parts=2, group=9)]
    (message,) = put_together(entries_of(*twice, entry(3, "two", part=2, parts=2, group=9)))
    assert message.text == "one two"
    assert sorted(message.locations) == [1, 2, 3]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([JANE, "+6591234567"]),
            st.integers(0, 3),
            st.lists(st.text(min_size=1), min_size=1, max_size=4),
        ),
        max_size=5,
        unique_by=lambda message: (message[0], message[1], len(message[2])),
    ),
    st.randoms(),
)
def test_parts_in_any_order_come_together(messages, random):
    raw = [
        entry(0, text, part=part, parts=len(texts), group=group, number=number)
        for number, group, texts in messages
        for part, text in enumerate(texts, start=1)
    ]
    random.shuffle(raw)
    raw = [{**fields, "location": location} for location, fields in enumerate(raw, start=1)]
    found = put_together(entries_of(*raw))
    assert sorted((m.first.number, m.text) for m in found) == sorted((n, "".join(texts)) for n, _g, texts in messages)
    assert sorted(place for message in found for place in message.locations) == list(range(1, len(raw) + 1))
    assert all(message.complete for message in found)
