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
#: So long after the start modems may be on their way without a warning, in seconds; most need 5 to 20.
MODEMS_UP_S = 30.0
_ON_THE_WAY = frozenset({"probing", "initialising", "sim_check"})
#: Names of conditions that ``engine.watch`` makes of what is looked at here anew.
_LOOKED_AT = ("channel ", "plugin ", "queue")


def status_doc(node: Node, counts: Doc) -> Doc:
    """Put together what the parts say; ``warnings`` are sentences, the worst first."""
    now_ms = node.clock.now_ms()
    oldest_ms = counts.pop("oldest_queued_at_ms")
    by_class = {QueueClass(number).name.lower(): count for number, count in counts.pop("by_class").items()}
    oldest_s = (now_ms - oldest_ms) / 1000 if oldest_ms is not None else None
    channels = channel_docs(node)
    plugins = node.host.report()
    wrong = warnings(node, oldest_ms)
    return {
        "state": f"Warning: {wrong[0]}" if wrong else "Server running",
        "warnings": wrong,
        "conditions": [{"name": name, "problem": problem} for name, problem in node.conditions.bad().items()],
        "node": node.name,
        "cluster": node.cluster,
        "pair": node.twin.peer.brief() if node.twin is not None and node.is_started else None,
        "version": __version__,
        "started_at": time_text(node.started_at_ms),
        "time": time_text(now_ms),
        "timezone": node.config.node.timezone,
        "uptime_s": node.clock.monotonic_s() - node.started_monotonic_s,
        "cases": {key: counts[key] for key in ("open", "acknowledged", "unacknowledged")},
        "queue": {key: counts[key] for key in ("queued", "sending", "in_doubt")},
        "queue_by_class": by_class,
        "queue_oldest_s": oldest_s,
        "channels": channels,
        "plugins": [{key: doc.get(key) for key in ("name", "status", "reason", "status_line")} for doc in plugins],
        "modems": node.host.modems(),
        "monitors": _monitor_counts(node),
        "ledger": node.ledger_doc(),
        "paused": node.ledger.is_paused,
    }


def _monitor_counts(node: Node) -> Doc:
    """How many monitors this node watches, how many are in alarm, and how many are down."""
    words = [one.word for one in node.monitoring.watched]
    return {"watched": len(words), "alarm": words.count("alarm"), "down": words.count("down")}


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


def channels_down(node: Node) -> dict[str, list[str]]:
    """Why channels cannot send: the names of those with each reason."""
    found: dict[str, list[str]] = {}
    for doc in channel_docs(node):
        if not doc["up"]:
            # The banner of the modems says enough; others name their channel.
            found.setdefault(
                doc["reason"] if _is_banner(doc["reason"]) else f"{doc['name']} is down: {doc['reason']}", []
            ).append(doc["name"])
    return found


def _is_banner(reason: str) -> bool:
    return reason.startswith("No working modem")


def _modems_are_coming(node: Node) -> bool:
    """Whether the start is so fresh that modems without a fault yet are still on their way."""
    if node.clock.monotonic_s() - node.started_monotonic_s > MODEMS_UP_S:
        return False
    return any(modem.get("state") in _ON_THE_WAY for modem in node.host.modems())


def _conditions(node: Node, told: list[str]) -> list[str]:
    """What else is wrong: what was told already, in the same or in newer words, is left out."""
    said = "".join(told)
    modems = {f"modem {doc.get('name')}" for doc in node.host.modems()} if any(map(_is_banner, told)) else set()
    return [
        problem
        for name, problem in node.conditions.bad().items()
        if problem not in said and name not in modems and not name.startswith(_LOOKED_AT)
    ]


def plugins_off(node: Node) -> dict[str, str]:
    """Plugins that should run and do not, and why."""
    return {doc["name"]: doc["reason"] for doc in node.host.report() if doc["status"] not in ("enabled", "disabled")}


def warnings(node: Node, oldest_ms: int | None) -> list[str]:
    """What is wrong, in sentences, the worst first; ``oldest_ms`` is since when the oldest message is queued."""
    found: list[str] = []
    if pause := pause_of(node.ledger.marks):
        since = node.pipeline.desk.clock_text(int(str(pause["at_ms"])))
        found.append(f"EMERGENCY PAUSE since {since} by {pause['by']}: nothing is sent until 'addispatch resume'")
    if node.ledger.problem:
        found.append(f"{node.ledger.problem}. New alarms are not taken until it can be written again.")
    found += [text for text in (node.ledger.intake_problem, node.disk.warning) if text]
    found += node.app_warnings
    if node.directory_problem:
        found.append(node.directory_problem)
    if node.twin is not None and node.is_started and (problem := node.twin.peer.problem):
        found.append(f"Replication Error. {node.twin.peer.other} Status: Disconnected. {problem}")
    down = channels_down(node)
    if _modems_are_coming(node):
        down = {reason: names for reason, names in down.items() if not _is_banner(reason)}
    found += down
    found += [f"plugin {name} is off: {reason}" for name, reason in plugins_off(node).items()]
    waits_s = (node.clock.now_ms() - oldest_ms) / 1000 if oldest_ms is not None else 0.0
    if waits_s > QUEUE_AGE_S:
        found.append(f"the oldest queued message waits for {waits_s / 60:.0f} minutes")
    found += _conditions(node, found)
    if not node.has_audience:
        found.append("the directory is empty: nobody would be told of an alarm")
    return found
