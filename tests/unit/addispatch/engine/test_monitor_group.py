"""Who is read with whom; that groups are read at all is in test_monitoring.py."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

from probes import DialKeys, watched

from addispatch.engine.monitor_group import Group, Groups, keys_of
from addispatch.sdk import ProbeKeys


def test_first_readings_are_spread_over_the_interval_and_at_the_same_place_each_time():
    groups = [Group(f"device {n}", None, 10.0, 1.0) for n in range(1000)]
    phases = sorted(group.phase_s for group in groups)
    assert [group.phase_s for group in groups] == [Group(g.name, None, 10.0, 1.0).phase_s for g in groups]
    assert 0 <= phases[0] < phases[-1] < 10
    assert max(b - a for a, b in itertools.pairwise(phases)) < 0.2


class One:
    """What of a ``Monitored`` counts here."""

    def __init__(self, name: str, **options: Any) -> None:
        self.monitor, self.keys, self.group = watched(name, **options), None, None


def one_of(name: str, **options: Any) -> Any:
    return One(name, **options)


def put(groups: Groups, one: Any, probe: Any) -> Group:
    probes = {"dial": probe} if probe else {}
    one.group = groups.find(one, probes, {"dial": DialKeys})
    one.group.members.append(one)
    return one.group  # type: ignore[no-any-return]


def test_device_interval_and_time_out_make_a_group_and_the_last_one_takes_it_along():
    groups, probe = Groups(), SimpleNamespace(group=lambda keys: keys.device)
    a, b, c = one_of("A", device="plc"), one_of("B", device="plc"), one_of("C", device="plc", interval_s=2.0)
    assert put(groups, a, probe) is put(groups, b, probe) is not put(groups, c, probe)
    both = a.group
    groups.take_out([a, c])
    assert list(groups) == [both]
    assert (both.members, a.group) == ([b], None)
    groups.take_out([b])
    assert list(groups) == []


def test_without_its_probe_a_monitor_is_alone_and_a_probe_started_anew_is_another():
    groups = Groups()
    a, b = one_of("A", device="plc"), one_of("B", device="plc")
    assert put(groups, a, None) is not put(groups, b, None)
    assert a.keys is None
    first, second = (SimpleNamespace(group=lambda keys: keys.device) for _ in range(2))
    groups.take_out([a, b])
    assert put(groups, a, first) is not put(groups, b, second)
    assert a.group.name == b.group.name, "read at the same times as before"


def test_keys_know_whose_they_are():
    class Asking(ProbeKeys):
        """Keys that note their context."""

        dial: str
        device: str = ""

        def model_post_init(self, context: Any) -> None:
            seen.append(context)

    seen: list[Any] = []
    keys_of(Asking, watched("Boiler"))
    assert seen == [{"monitor": "Boiler"}]


def test_keys_that_are_not_taken_any_more_are_that_monitor_s_trouble_alone():
    class Other(ProbeKeys):
        """Keys of another version."""

        place: int

    groups, probe, one = Groups(), SimpleNamespace(group=lambda keys: keys.device), one_of("Boiler")
    group = groups.find(one, {"dial": probe}, {"dial": Other})
    assert group.probe is None
    assert group.problem == "the probe dial does not take its keys any more: place, dial, device"
    assert groups.find(one_of("Boiler"), {"dial": probe}, {"dial": DialKeys}).problem == ""
    assert groups.find(one_of("Boiler"), {}, {}).problem == "no plugin provides the probe dial"
