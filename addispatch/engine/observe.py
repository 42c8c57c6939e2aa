"""Sets the gauges Prometheus shows: queue, plugins, channels, modems, the loop's lag. A tick of the node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from addispatch.domain.alarm import QueueClass
from addispatch.engine.status import channel_docs
from addispatch.store import queries

if TYPE_CHECKING:
    from addispatch.engine.node import Node

Doc = dict[str, Any]

#: What a modem without a known signal shows (3GPP TS 27.007 8.5).
UNKNOWN_SIGNAL = 99


async def observe(node: Node) -> Doc:
    """Look once at everything that is a level and not a count; returns the counts of the ledger."""
    metrics, loop = node.metrics, asyncio.get_running_loop()
    due_s = loop.time() + 0.01
    await asyncio.sleep(0.01)
    metrics.loop_lagged(max(loop.time() - due_s, 0.0))
    counts = await node.ledger.read(queries.counts)
    by_class = counts["by_class"]
    for queue_class in QueueClass:
        metrics.queue_length(queue_class.name.lower(), by_class.get(int(queue_class), 0))
    for plugin in node.host.report():
        metrics.plugin_up(plugin["name"], up=plugin["status"] == "enabled")
    for channel in channel_docs(node):
        metrics.channel_up(channel["name"], up=channel["up"])
    for modem in node.host.modems():
        signal = modem.get("signal")
        metrics.modem_signal(modem["name"], signal if isinstance(signal, int) else UNKNOWN_SIGNAL)
    if (twin := node.twin) is not None:
        states = {
            "peer_up": twin.rules.has_peer,
            "settled": twin.rules.is_settled,
            "active": twin.rules.is_active,
            "directory_same": twin.rules.has_peer and twin.replication.rules.is_synced,
        }
        paths_up = sum(not problem for problem in twin.peer.paths.values())
        unclean = len(twin.rules.entries.unclean)
        messages = {**twin.link.counts(), "unread record": twin.merging.unread_count}
        metrics.cluster(states, unclean=unclean, paths_up=paths_up, messages=messages)
    return counts
