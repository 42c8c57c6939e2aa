"""Reading once: by a monitor's name, or by a probe and its keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipelines import ADMIN
from probes import DialKeys, Dials
from tale import Tale, group, people, settings

from addispatch.domain.errors import Refused

TEAM = people("Adam") + settings("Adam") + group("Team", "Adam", policy="")


class Open(Dials):
    async def explain(self, keys, timeout_s):
        return [("as it is", str(self._shown.get(keys.dial)))]


async def read_once(tale, request, probe):
    found = {} if probe is None else {"dial": probe}
    tale.node.host.probes = lambda: found
    tale.node.host.probe_keys = lambda: {"dial": DialKeys}
    return await tale.operations.monitor_test(ADMIN, request)


async def test_what_a_probe_would_see(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        dials = Open(tale, {"boiler": 92.5})
        doc = await read_once(tale, {"probe": "dial", "dial": "boiler"}, dials)
        assert (doc["value"], doc["problem"], doc["details"]) == (92.5, "", [{"as": "as it is", "value": "92.5"}])
        doc = await read_once(tale, {"probe": "dial", "dial": "pump"}, Open(tale, hidden={"pump"}))
        assert (doc["value"], doc["problem"]) == (None, "no answer")


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "probe", "is missing"),
        ({"probe": "dail"}, "probe", 'did you mean "dial"'),
        ({"probe": "dial"}, "dial", "is missing"),
        ({"probe": "dial", "dial": "x", "hots": 1}, "hots", "is no option"),
        ({"probe": "dial", "dial": "x", "timeout_s": 600}, "timeout_s", "up to 20"),
        ({"name": "Boiler"}, "name", "there is no monitor"),
        ({"name": "Boiler", "dial": "x"}, "name", "goes alone"),
    ],
)
async def test_what_is_asked_wrongly(tmp_path: Path, request_, field, problem) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        with pytest.raises(Refused, match=problem) as refused:
            await read_once(tale, request_, Dials(tale))
        assert refused.value.field == field


async def test_a_plugin_that_does_not_run_is_named(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        with pytest.raises(Refused, match="does not run"):
            await read_once(tale, {"probe": "dial", "dial": "x"}, None)
