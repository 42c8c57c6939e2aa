"""The status document: what an operator looks at first. Called by ``engine.operations``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addispatch import __version__
from addispatch.domain.alarm import QueueClass
from addispatch.store.deadlines import pause_of
from addispatch.store.queries import time_text

if TYPE_CHECKING:
    from addispatch.engine.node import Node

Doc = dict[str, Any]

#: The queue is reported when its oldest message waits longer than this, in seconds.
QUEUE_AGE_S = 300


def status_doc(node: Node, counts: Doc) -> Doc:
    """Put together what the parts say; ``warnings`` are sentences, the worst first."""
    now_ms = node.clock.now_ms()
    oldest_ms = counts.pop("oldest_queued_at_ms")
    by_class = {QueueClass(number).name.lower(): count for number, count in counts.pop("by_class").items()}
    oldest_s = (now_ms - oldest_ms) / 1000 if oldest_ms is not None else None
    channels = channel_docs(node)
    plugins = node.host.report()
    warnings = _warnings(node, channels, plugins, oldest_s)
    return {
        "state": f"Warning: {warnings[0]}" if warnings else "Server running",
        "warnings": warnings,
        "node": node.name,
        "cluster": node.cluster,
        "version": __version__,
        "started_at": time_text(node.started_at_ms),
        "uptime_s": node.clock.monotonic_s() - node.started_monotonic_s,
        "cases": {key: counts[key] for key in ("open", "acknowledged", "unacknowledged")},
        "queue": {key: counts[key] for key in ("queued", "sending", "in_doubt")},
        "queue_by_class": by_class,
        "queue_oldest_s": oldest_s,
        "channels": channels,
        "plugins": [{key: doc.get(key) for key in ("name", "status", "reason", "status_line")} for doc in plugins],
        "modems": node.host.modems(),
        "ledger": node.ledger_doc(),
        "paused": pause_of(node.ledger.marks) is not None,
    }


def channel_docs(node: Node) -> list[Doc]:
    """Each channel with its health and how much of its window is in use."""
    docs: list[Doc] = []
    for name, channel in node.host.channels().items():
        health = channel.health
        lane = node.dispatcher.lanes.get(name)
        docs.append(
            {
                "name": name,
                "up": health.up,
                "reason": health.reason,
                "window": channel.window,
                "in_flight": lane.in_flight if lane else 0,
            }
        )
    return docs


def _warnings(node: Node, channels: list[Doc], plugins: list[Doc], oldest_s: float | None) -> list[str]:
    found: list[str] = []
    if pause := pause_of(node.ledger.marks):
        since = node.pipeline.desk.clock_text(int(str(pause["at_ms"])))
        found.append(f"EMERGENCY PAUSE since {since} by {pause['by']}: nothing is sent until 'addispatch resume'")
    if node.ledger.problem:
        found.append(f"{node.ledger.problem}. New alarms are not taken until it can be written again.")
    found += [text for text in (node.ledger.intake_problem, node.disk.warning) if text]
    found += node.app_warnings
    found += [f"{doc['name']} is down: {doc['reason']}" for doc in channels if not doc["up"]]
    found += [
        f"plugin {doc['name']} is off: {doc['reason']}"
        for doc in plugins
        if doc["status"] not in ("enabled", "disabled")
    ]
    if oldest_s is not None and oldest_s > QUEUE_AGE_S:
        found.append(f"the oldest queued message waits for {oldest_s / 60:.0f} minutes")
    if not node.has_audience:
        found.append("the directory is empty: nobody would be told of an alarm")
    return found
