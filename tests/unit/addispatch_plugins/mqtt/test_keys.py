"""The keys of ``mqtt_silence``."""

import pytest
from pydantic import ValidationError

from addispatch.store.monitor_model import own_keys
from addispatch_plugins.mqtt import plugin
from addispatch_plugins.mqtt.keys import SilenceKeys


def test_a_filter_is_kept_as_the_broker_knows_it():
    keys = SilenceKeys(topic="plant/{site}/+/alive/#", max_silence_s=60)
    assert (keys.topic, keys.source) == ("plant/+/+/alive/#", "60 plant/+/+/alive/#")
    assert keys.model_dump() == {"topic": "plant/+/+/alive/#", "max_silence_s": 60}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"topic": "a/#/b", "max_silence_s": 60}, "only at the end"),
        ({"topic": "", "max_silence_s": 60}, "topic"),
        ({"topic": "a", "max_silence_s": 0.5}, "greater than or equal to 1"),
        ({"topic": "a"}, "max_silence_s"),
    ],
)
def test_mistakes(keys, problem):
    with pytest.raises(ValidationError, match=problem):
        SilenceKeys(**keys)


def test_no_key_is_one_that_every_monitor_has():
    assert not own_keys() & set(plugin.probes["mqtt_silence"].model_fields)
