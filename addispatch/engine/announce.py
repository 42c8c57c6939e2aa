"""What the event log says of a start: version, node, limits, plugins, modems (SPEC 7). Used by ``engine.node``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addispatch import __version__
from addispatch.domain.events import INFO, WARNING, Said

if TYPE_CHECKING:
    from addispatch.engine.node import Node

#: How long modems may take to come up before it is said how many did.
MODEMS_S = 30.0
#: How often they are looked at meanwhile.
LOOK_S = 0.25
#: States of a modem that last; see ``sdk.ModemReporter``.
_SETTLED = frozenset({"absent", "online", "degraded", "broken"})


def dump(node: Node) -> None:
    """Say what started, and with what."""
    config, directory = node.config, node.directory.snapshot
    plugins = [doc["name"] for doc in node.host.report() if doc["status"] == "enabled"]
    limits = f"texts up to {config.limits.max_segments} segments, {config.dispatch.max_attempts} attempts each"
    counted = {
        "recipients": directory.recipients, "groups": directory.groups, "policies": directory.policies,
        "routes": directory.routes, "monitors": directory.monitors,
    }  # fmt: skip
    people = ", ".join(f"{what}: {len(some)}" for what, some in counted.items())
    for line in (
        f"Engine initialized. [Build {__version__}]",
        f"Node {node.name} of cluster {node.cluster}, time zone {config.node.timezone}, data in {config.node.data_dir}",
        f"Directory: {people}; {limits}",
        f"Plugins: {', '.join(plugins) or 'none'}",
        *_cluster(node),
    ):
        node.say(Said(line, INFO, "Start"))


def _cluster(node: Node) -> list[str]:
    if node.twin is None:
        return []
    config, role = node.twin.config, node.twin.role
    mirror = "pending messages are mirrored" if config.mirror else "queue not mirrored"
    return [f"Server Replication Role: [{role.capitalize()}], {config.mode}, {mirror}, {len(config.brokers)} broker(s)"]


async def modems(node: Node) -> None:
    """Say that the service has started, once it is known which modems work."""
    if not node.host.modems():
        node.say(Said("Service Started with no modems enabled!", kind="ServiceStarted"))
        return
    waited_s = 0.0
    while waited_s < MODEMS_S and not all(doc["state"] in _SETTLED for doc in node.host.modems()):
        await asyncio.sleep(LOOK_S)
        waited_s += LOOK_S
    online = [str(doc["name"]) for doc in node.host.modems() if doc["state"] == "online"]
    if online:
        text = f"Service Started! Modems initialized successfully - {', '.join(online)}"
        node.say(Said(text, kind="ServiceStarted"))
    else:
        reasons = "; ".join(f"{doc['name']}: {doc['error'] or doc['state']}" for doc in node.host.modems())
        node.say(Said(f"Service Started. No working modem found. {reasons}", WARNING, "ServiceStarted"))
