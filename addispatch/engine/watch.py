"""Looks at how the node itself stands and reports it as conditions (SPEC 7). A tick of ``engine.node``.

Plugins report what is theirs (``sdk.Context.condition``); here is what only the core sees: channels that cannot send,
plugins that are off, a queue that does not move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addispatch.engine.status import QUEUE_AGE_S, channels_down, plugins_off

if TYPE_CHECKING:
    from addispatch.engine.node import Node

#: Grace time of a channel, as of what plugins report: what has one cause is told in one message.
CHANNEL_S = 60.0
QUEUE = "queue"


class Watch:
    """``look`` is the tick."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seen: set[str] = set()
        self._began_s = node.clock.monotonic_s()

    def look(self, counts: dict[str, Any]) -> None:
        """Report how things stand; ``counts`` are those of ``queries.counts``."""
        node = self._node
        found = {f"plugin {name}": (f"plugin {name} is off: {why}", 0.0) for name, why in plugins_off(node).items()}
        for reason, names in channels_down(node).items():
            found[f"channel {', '.join(names)}"] = (reason, CHANNEL_S)
        oldest_ms = counts["oldest_queued_at_ms"]
        waits_s = (node.clock.now_ms() - oldest_ms) / 1000 if oldest_ms is not None else 0.0
        if waits_s > QUEUE_AGE_S and not node.ledger.is_paused:
            found[QUEUE] = (f"the oldest queued message waits for {waits_s / 60:.0f} minutes", 0.0)
        self._seen |= found.keys() | self._left_over()
        for name in self._seen:
            problem, grace_s = found.get(name, ("", 0.0))
            node.conditions.report(name, problem, grace_s=grace_s)

    def _left_over(self) -> set[str]:
        """What the last process told of and is looked at here: its end is told, too. Channels take a while to come."""
        is_settled = self._node.clock.monotonic_s() - self._began_s >= CHANNEL_S
        ours = ("plugin ", "channel ") if is_settled else ("plugin ",)
        return {name for name in self._node.conditions.unseen if name == QUEUE or name.startswith(ours)}
