"""make_delivery: every delivery has an id of its own."""

from addispatch.sdk import Priority
from addispatch.sdk.testing import make_delivery


def test_ids_differ_and_fields_can_be_given():
    first = make_delivery("sms", "+6591234567")
    second = make_delivery("sms", "+6591234567", "text", priority=Priority.CRITICAL, attempt=2)
    assert first.id != second.id
    assert (second.text, second.priority, second.attempt) == ("text", Priority.CRITICAL, 2)
