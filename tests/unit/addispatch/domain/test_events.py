"""Events: each has a kind, a severity and one line an operator can read."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from addispatch.domain import events
from addispatch.domain.events import INFO, SEVERE, WARNING, Said

CLASSES = [
    value
    for value in vars(events).values()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value is not Said
]
SAMPLES = {"str": "boiler", "int": 3, "float": 2.6, "bool": True}


def sample(kind: type):
    return kind(**{field.name: SAMPLES[field.type] for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_event_says_its_kind_in_the_past_tense_and_one_line(kind):
    event = sample(kind)
    assert event.kind == kind.__name__
    assert event.severity in (INFO, WARNING, SEVERE)
    assert event.line
    assert "\n" not in event.line
    assert "{" not in event.line


def test_what_nobody_hears_of_is_severe():
    assert events.AlarmReachesNobody("mqtt", "hot", "Nobody.").severity == SEVERE
    assert events.DeliveryFailed("sms", "Adam", "no").severity == WARNING
    assert events.DeliverySent("sms", "Adam", "sim1", repeat=False, about="hot").severity == INFO


def test_lines_read_like_sentences():
    assert (
        events.DeliverySent("sms", "Adam", "sim1", repeat=True, about="hot").line
        == "sms to Adam sent by sim1 (repeat): hot"
    )
    assert events.DeliveryReported("sms", "Adam", delivered=False, reason="").line == "sms to Adam NOT delivered"
    assert events.AlarmCleared("mqtt", "boiler", 0).line == "mqtt: boiler returned to normal, no open case"
    assert events.AlarmCleared("monitor", "boiler", 1).line == "monitor: boiler is over, its case is closed"


def test_a_free_event_keeps_what_it_is_given():
    said = Said("disk is nearly full", WARNING, "DiskLow")
    assert (said.line, said.severity, said.kind) == ("disk is nearly full", WARNING, "DiskLow")
