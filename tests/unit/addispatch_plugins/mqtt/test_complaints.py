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


async def test_long_topics_and_reasons_are_cut(context):
    Complaints(context).add("bad", "x" * 5000, "y" * 5000)
    assert len(context.events[0].text) < 320
