"""Few events, however many bad messages."""

import pytest

from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch_plugins.mqtt import complaints
from addispatch_plugins.mqtt.complaints import Complaints


@pytest.fixture
async def context(tmp_path):
    return RecordingContext(tmp_path, clock=FakeClock())


async def test_one_per_topic_kind_and_minute_and_the_rest_is_counted(context):
    said = Complaints(context)
    for _ in range(10):
        said.add("bad", "x", "is bad")
    said.add("bad", "y", "is bad")
    said.add("large", "x", "is large")
    assert [event.text for event in context.events] == ["MQTT x: is bad", "MQTT y: is bad", "MQTT x: is large"]
    context.clock.forward(seconds=61)
    said.add("bad", "x", "is bad")
    assert context.events[-1].text == "MQTT x: is bad (9 more like it before)"


async def test_a_flood_over_many_topics_is_bounded(context):
    said = Complaints(context)
    for number in range(5000):
        said.add("bad", f"x/{number}", "is bad")
    assert len(context.events) == complaints.MAX_PER_MINUTE
    assert len(said._known) == complaints.MAX_KNOWN


async def test_what_differs_is_told_apart(context):
    said = Complaints(context)
    for _ in range(2):
        for code in ("A100", "A101"):
            said.add("refused", "ack", "not told of it", code)
    assert [event.text for event in context.events] == [
        "MQTT ack: not told of it (A100)", "MQTT ack: not told of it (A101)",
    ]  # fmt: skip


async def test_what_a_flood_leaves_out_is_summed_up_with_names(context):
    said = Complaints(context)
    for number in range(complaints.MAX_PER_MINUTE + 37):
        said.add("refused", "ack", "unknown code", f"A{number:03}")
    said.add("bad", "x", "is bad")
    said.sum_up()
    first, second = context.events[-2:]
    assert first.text.startswith("MQTT: and 37 more like it (refused), about A060, A061")
    assert first.text.endswith("A096")
    assert second.text == "MQTT: and 1 more like it (bad), about x"
    said.sum_up()
    assert len(context.events) == complaints.MAX_PER_MINUTE + 2, "each is counted once"


async def test_none_is_lost_however_many_there_are(context):
    said = Complaints(context)
    for number in range(5000):
        said.add("refused", "ack", "unknown code", f"{number}")
    said.sum_up()
    assert f"and {5000 - complaints.MAX_PER_MINUTE} more" in context.events[-1].text
    assert len(context.events[-1].text) < 600


async def test_the_sum_comes_by_itself_when_the_minute_is_over(tmp_path, monkeypatch):
    monkeypatch.setattr(complaints, "QUIET_S", 0.05)
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        said = Complaints(context)
        context.supervise("complaints", said.run)
        for _ in range(3):
            said.add("bad", "x", "is bad")
        await context.wait_for_event("and 2 more like it")


async def test_long_topics_and_reasons_are_cut(context):
    Complaints(context).add("bad", "x" * 5000, "y" * 5000)
    assert len(context.events[0].text) < 320
