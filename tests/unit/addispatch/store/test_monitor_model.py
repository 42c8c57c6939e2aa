"""Models of monitors: the keys of the probe beside those of every monitor."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from addispatch.sdk import ProbeKeys
from addispatch.store.monitor_model import MonitorEntry, monitor_model, own_keys


class TcpKeys(ProbeKeys):
    host: str
    port: int


PROBES = {"tcp": TcpKeys}


def test_keys_of_the_probe_are_checked_with_the_others():
    model = monitor_model({"probe": "tcp"}, PROBES)
    assert model.model_validate({"name": "a", "probe": "tcp", "host": "h", "port": 1}).port == 1
    with pytest.raises(ValidationError):
        model.model_validate({"name": "a", "probe": "tcp", "host": "h", "port": 1, "unknown": 1})
    assert monitor_model({"probe": "tcp"}, PROBES) is model, "made once"


def test_without_a_known_probe_it_is_the_common_part():
    assert monitor_model({"probe": "tcp"}, None) is MonitorEntry
    assert monitor_model({}, PROBES) is MonitorEntry
    assert monitor_model(7, PROBES) is MonitorEntry
    with pytest.raises(ValueError, match="'tpc' is a probe of no plugin here"):
        monitor_model({"probe": "tpc"}, PROBES)


def test_own_keys_are_those_every_monitor_has():
    assert {"name", "interval_s", "hihi"} <= own_keys()
    assert "host" not in own_keys()
