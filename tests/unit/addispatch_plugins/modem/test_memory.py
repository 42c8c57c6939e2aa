import pytest

from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch_plugins.modem.inbox import Inbox
from addispatch_plugins.modem.memory import KEEP_S, Memory


class Modem:
    """A memory of ten with entries that nobody can read, and others."""

    def __init__(self, unreadable, others=0):
        self.unreadable, self.others = list(unreadable), others

    async def read(self):
        return [], list(self.unreadable)

    async def delete(self, locations):
        assert locations == []

    async def memory(self):
        return [(len(self.unreadable) + self.others, 10), (0, 20)]

    async def purge(self, locations):
        self.unreadable = [place for place in self.unreadable if place not in locations]
        return dict.fromkeys(locations, "+CMGR: 1,,4 0491FFFF")


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        yield context


async def look(context, modem, inbox, memory):
    await inbox.poll(modem, "imsi")
    await memory.look(modem, inbox)
    return context.conditions["modem sim1 memory"]


@pytest.fixture
def parts(context):
    return context, Inbox(context, "sim1"), Memory(context, "sim1")


async def test_a_memory_that_gets_full_is_told(parts):
    context, inbox, memory = parts
    assert await look(context, Modem([], 7), inbox, memory) == ""
    assert await look(context, Modem([], 8), inbox, memory) == "the memory of modem sim1 holds 8 of 10 messages"
    assert (memory.used, memory.size) == (8, 10)
    assert await look(context, Modem([], 0), inbox, memory) == ""


async def test_what_nobody_can_read_goes_after_a_day_when_room_is_needed(parts):
    context, inbox, memory = parts
    roomy, tight = Modem([1, 2]), Modem([1, 2], 6)
    await look(context, tight, inbox, memory)
    context.clock.forward(seconds=KEEP_S - 1)
    await look(context, tight, inbox, memory)
    assert tight.unreadable == [1, 2]
    context.clock.forward(seconds=1)
    await look(context, roomy, inbox, memory)
    assert roomy.unreadable == [1, 2]
    assert await look(context, tight, inbox, memory) == ""
    assert tight.unreadable == []
    removed = [event.text for event in context.events if "removed" in event.text]
    assert removed == [
        f"Modem sim1 removed a message that cannot be read from memory slot {place}: +CMGR: 1,,4 0491FFFF"
        for place in (1, 2)
    ]


async def test_a_memory_without_any_room_is_cleared_at_once(parts):
    context, inbox, memory = parts
    modem = Modem(range(1, 11))
    assert await look(context, modem, inbox, memory) == ""
    assert modem.unreadable == []


async def test_a_modem_that_does_not_tell(parts):
    context, inbox, memory = parts

    class Silent(Modem):
        async def memory(self):
            return []

    assert await look(context, Silent([]), inbox, memory) == ""
    assert (memory.used, memory.size) == (0, 0)
