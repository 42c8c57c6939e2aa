"""The keys of monitors: what is wrong is said where it is written."""

import pytest
from pydantic import ValidationError

from addispatch.store.monitor_model import monitor_model, own_keys
from addispatch_plugins.net import plugin
from addispatch_plugins.net.keys import HeartbeatKeys, HttpKeys, PingKeys, TcpKeys


@pytest.mark.parametrize(
    ("model", "keys", "problem"),
    [
        (PingKeys, {"host": "a b"}, "neither a name nor an address"),
        (PingKeys, {"host": ""}, "neither a name nor an address"),
        (PingKeys, {"host": "a", "count": 11}, "less than or equal to 10"),
        (PingKeys, {"host": "a", "value": "status"}, "latency_ms"),
        (TcpKeys, {"host": "a", "port": 0}, "greater than or equal to 1"),
        (TcpKeys, {"host": "a", "port": 1, "expect": "x" * 501}, "at most 500"),
        (HttpKeys, {"url": "ftp://a"}, "must begin with https:// or http://"),
        (HttpKeys, {"url": "http://a:port/"}, "is no web address"),
        (HttpKeys, {"url": "http://a:0/"}, "must begin with"),
        (HttpKeys, {"url": "http://user:pw@a/"}, "not supported"),
        (HttpKeys, {"url": "http://a/ b"}, "without blanks"),
        (HttpKeys, {"url": "http://a/", "status": 99}, "greater than or equal to 100"),
        (HttpKeys, {"url": "http://a/", "status": []}, "at least 1"),
        (HttpKeys, {"url": "http://a/", "match_regex": "(a"}, "no regular expression"),
        (HttpKeys, {"url": "http://a/", "method": "HEAD", "match": "x"}, "HEAD has none"),
        (HttpKeys, {"url": "http://a/", "certificate_days": 7}, "begins with https"),
        (HttpKeys, {"url": "http://a/", "value": "certificate_days"}, "begins with https"),
        (HeartbeatKeys, {"max_silence_s": 0}, "greater than or equal to 1"),
    ],
)
def test_mistakes(model, keys, problem):
    with pytest.raises(ValidationError, match=problem):
        model(**keys)


def test_which_statuses_are_good():
    plain = HttpKeys(url="http://a/")
    assert [plain.is_good(status) for status in (199, 200, 301, 399, 400)] == [False, True, True, True, False]
    assert HttpKeys(url="http://a/", status=503).is_good(503)
    assert not HttpKeys(url="http://a/", status=[200, 204]).is_good(201)


@pytest.mark.parametrize("probe", plugin.probes)
def test_no_key_is_one_that_every_monitor_has(probe):
    assert not own_keys() & set(plugin.probes[probe].model_fields)


@pytest.mark.parametrize(
    "entry",
    [
        {"probe": "ping", "host": "fe80::1%eth0"},
        {"probe": "tcp", "host": "plc-1.lan", "port": 502},
        {"probe": "http", "url": "https://shop.example/?a=1", "status": [200, 204]},
        {"probe": "heartbeat", "max_silence_s": 90_000},
    ],
)
def test_they_stand_beside_those_of_every_monitor(entry):
    model = monitor_model(entry, plugin.probes)
    whole = model.model_validate({"name": "One", **entry}).model_dump(exclude_unset=True)
    assert whole == {"name": "One", **{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}}


def test_a_heartbeat_knows_whose_it_is_from_the_engine_alone():
    keys = HeartbeatKeys.model_validate({"max_silence_s": 5}, context={"monitor": "Backup"})
    assert (keys.monitor, HeartbeatKeys(max_silence_s=5).monitor) == ("Backup", "")
