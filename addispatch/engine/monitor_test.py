"""Reads once what a monitor watches, or would watch, and shows what was seen. Used by ``engine.operations``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from addispatch.config.explain import did_you_mean, explain
from addispatch.domain.errors import Refused
from addispatch.engine.monitoring import GRACE_S
from addispatch.sdk.probe import Explainer
from addispatch.store.monitor_model import own_keys

if TYPE_CHECKING:
    from addispatch.engine.node import Node
    from addispatch.sdk.operations import Doc
    from addispatch.sdk.probe import Probe

#: Longest time-out of a test, in seconds: somebody waits.
MOST_S = 20.0


async def read_once(node: Node, request: Doc) -> Doc:
    """Read by a monitor's ``name``, or by ``probe`` and its keys; raises ``Refused``."""
    probe, keys, timeout_s = _asked(node, request)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    try:
        async with asyncio.timeout(timeout_s + GRACE_S):
            (reading,) = await probe.read([keys], timeout_s)
    except TimeoutError:
        return {"probe": probe.name, "value": None, "problem": f"no answer within {timeout_s:g} s", "details": []}
    latency_s = reading.latency_s if reading.latency_s is not None else loop.time() - began_s
    return {
        "probe": probe.name,
        "value": reading.value,
        "problem": reading.problem,
        "latency_ms": round(latency_s * 1000, 1),
        "details": await _details(probe, keys, timeout_s),
    }


async def _details(probe: Probe, keys: BaseModel, timeout_s: float) -> list[dict[str, str]]:
    if not isinstance(probe, Explainer):
        return []
    try:
        async with asyncio.timeout(timeout_s + GRACE_S):
            return [{"as": how, "value": value} for how, value in await probe.explain(keys, timeout_s)]
    except TimeoutError:
        return []


def _asked(node: Node, request: Doc) -> tuple[Probe, BaseModel, float]:
    """The probe, its keys and the time-out."""
    if name := request.get("name"):
        if len(request) > 1:
            raise Refused("name", "goes alone: a monitor is tested as it is")
        monitors = node.directory.snapshot.monitors.values()
        monitor = next((one for one in monitors if one.name.casefold() == str(name).casefold()), None)
        if monitor is None:
            hint = did_you_mean(str(name), [one.name for one in monitors])
            raise Refused("name", f"there is no monitor {str(name)[:60]!r}" + (f" ({hint})" if hint else ""))
        return (
            _probe(node, monitor.probe),
            _keys(node, monitor.probe, dict(monitor.keys), monitor.name),
            monitor.timeout_s,
        )
    given = dict(request)
    probe, timeout_s = given.pop("probe", None), given.pop("timeout_s", 5)
    if not isinstance(probe, str):
        raise Refused("probe", "is missing: name a monitor, or a probe and its keys")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)) or not 0 < timeout_s <= MOST_S:
        raise Refused("timeout_s", f"must be a number of seconds up to {MOST_S:g}")
    keys = {key: value for key, value in given.items() if key not in own_keys()}
    return _probe(node, probe), _keys(node, probe, keys), float(timeout_s)


def _probe(node: Node, name: str) -> Probe:
    running = node.host.probes()
    if name in running:
        return running[name]
    if name in node.host.probe_keys():
        raise Refused("probe", f"the plugin that provides {name} does not run: see 'addispatch plugins'")
    raise Refused(
        "probe", f"no plugin that is on provides {name[:40]!r} ({did_you_mean(name, running) or 'there are none'})"
    )


def _keys(node: Node, probe: str, keys: dict[str, Any], monitor: str = "") -> BaseModel:
    model = node.host.probe_keys()[probe]
    try:
        return model.model_validate(keys, context={"monitor": monitor})
    except ValidationError as error:
        first = explain(error, model, keys)[0]
        raise Refused(first.path or "keys", first.problem + (f" ({first.hint})" if first.hint else "")) from None
