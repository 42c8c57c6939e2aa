"""What Prometheus gets to see at ``/metrics``. Made by ``addispatch.app``, fed by pipeline, engine, store and host.

Children of labelled metrics are kept, because looking them up costs more than counting. Their number is bounded: some
labels come from outside (the source named in a topic), and each value costs memory for ever.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

#: Most different label values of one metric; further ones are counted as ``other``.
MAX_CHILDREN_COUNT = 200

_DELIVERY_BUCKETS_S = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
_COMMIT_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5)
_BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)
_LAG_BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class _Family:
    """A labelled metric with its children kept by their label values."""

    __slots__ = ("_children", "_metric")

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Any] = {}

    def __call__(self, *labels: str) -> Any:
        """Return the child for these label values."""
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= MAX_CHILDREN_COUNT:
                labels = ("other",) * len(labels)
            child = self._children[labels] = self._metric.labels(*labels)
        return child


class Metrics:
    """All metrics of one daemon, in a registry of their own. Call from the loop's thread or any other."""

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        count, gauge, spread = self._count, self._gauge, self._spread
        self._accepted = count("alarms_accepted", "Alarms made durable", "source")
        self._refused = count("alarms_refused", "Alarms not accepted", "reason")
        self._deliveries = count("deliveries", "Attempts that ended, by outcome", "channel", "outcome")
        self._queue = gauge("queue_length", "Deliveries waiting or under way", "class")
        self._delivery_s = spread("delivery_seconds", "From accepting the alarm to sent", _DELIVERY_BUCKETS_S)
        self._commit_s = spread("ledger_commit_seconds", "Duration of a ledger commit", _COMMIT_BUCKETS_S)
        self._batch_rows = spread("ledger_batch_rows", "Rows written by one commit", _BATCH_BUCKETS)
        self._plugin_up = gauge("plugin_up", "1 if the plugin runs", "plugin")
        self._channel_up = gauge("channel_up", "1 if the channel can deliver", "channel")
        self._modem_signal = gauge("modem_signal", "Signal as AT+CSQ gives it: 0 to 31, 99 unknown", "modem")
        self._disk_free = Gauge(
            "addispatch_disk_free_bytes", "Free for us on the ledger's disk", registry=self._registry
        )
        self._cluster = gauge("cluster_state", "1 if so: peer_up, settled, active, directory_same", "what")
        self._unclean = Gauge(
            "addispatch_cluster_unclean_entries", "Cases the other node has not confirmed", registry=self._registry
        )
        self._paths_up = Gauge(
            "addispatch_cluster_paths_up", "Brokers between the nodes that are connected", registry=self._registry
        )
        self._confirmed = count("cluster_confirmed", "Alarms confirmed, by how many nodes hold them", "copies")
        self._link = count("cluster_messages", "Messages between the nodes, by what became of them", "outcome")
        self._link_before: dict[str, int] = {}
        self._lag_s = spread("event_loop_lag_seconds", "How late the event loop ran a timer", _LAG_BUCKETS_S)

    def alarm_accepted(self, source: str, count: int = 1) -> None:
        """Count alarms that are durable."""
        self._accepted(source).inc(count)

    def alarm_refused(self, reason: str) -> None:
        """Count an alarm that was not accepted; ``reason`` is a field name or another short word."""
        self._refused(reason).inc()

    def delivery_ended(self, channel: str, outcome: str, count: int = 1) -> None:
        """Count attempts; ``outcome`` is sent, temporary, permanent, in_doubt or a final state."""
        self._deliveries(channel, outcome).inc(count)

    def delivered_after(self, seconds: float) -> None:
        """Note how long a delivery took from accepting its alarm to ``Sent``."""
        self._delivery_s.observe(seconds)

    def queue_length(self, queue_class: str, length: int) -> None:
        """Set the number of deliveries not yet final in a queue class."""
        self._queue(queue_class).set(length)

    def ledger_committed(self, seconds: float, rows: int) -> None:
        """Note a commit: its duration and how many rows it wrote."""
        self._commit_s.observe(seconds)
        self._batch_rows.observe(rows)

    def plugin_up(self, plugin: str, *, up: bool) -> None:
        """Set whether a plugin runs."""
        self._plugin_up(plugin).set(up)

    def channel_up(self, channel: str, *, up: bool) -> None:
        """Set whether a channel can deliver."""
        self._channel_up(channel).set(up)

    def modem_signal(self, modem: str, signal: int) -> None:
        """Set a modem's signal: 0 to 31, 99 unknown (3GPP TS 27.007 8.5)."""
        self._modem_signal(modem).set(signal)

    def cluster(self, states: dict[str, bool], *, unclean: int, paths_up: int, messages: dict[str, int]) -> None:
        """Set how the pair is; ``messages`` counts since the start, by outcome."""
        for what, holds in states.items():
            self._cluster(what).set(holds)
        self._unclean.set(unclean)
        self._paths_up.set(paths_up)
        for outcome, total in messages.items():
            self._link(outcome).inc(total - self._link_before.get(outcome, 0))
        self._link_before = dict(messages)

    def confirmed(self, copies: int) -> None:
        """Count an alarm that was confirmed when so many nodes held it."""
        self._confirmed(str(copies)).inc()

    def disk_free(self, size_bytes: int) -> None:
        """Set how much is free on the ledger's disk."""
        self._disk_free.set(size_bytes)

    def loop_lagged(self, seconds: float) -> None:
        """Note how late the event loop ran a timer."""
        self._lag_s.observe(seconds)

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def _count(self, name: str, text: str, *labels: str) -> _Family:
        return _Family(Counter(f"addispatch_{name}", text, labels, registry=self._registry))

    def _gauge(self, name: str, text: str, *labels: str) -> _Family:
        return _Family(Gauge(f"addispatch_{name}", text, labels, registry=self._registry))

    def _spread(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"addispatch_{name}", text, registry=self._registry, buckets=buckets)
