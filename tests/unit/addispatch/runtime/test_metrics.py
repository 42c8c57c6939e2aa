from __future__ import annotations

from addispatch.runtime.metrics import MAX_CHILDREN_COUNT, Metrics


def test_everything_counted_shows_up():
    metrics = Metrics()
    metrics.alarm_accepted("mqtt")
    metrics.alarm_accepted("mqtt")
    metrics.alarm_refused("text")
    metrics.delivery_ended("sms", "sent")
    metrics.delivery_ended("email", "permanent", 4)
    metrics.delivered_after(0.3)
    metrics.queue_length("alarm", 7)
    metrics.ledger_committed(0.002, 40)
    metrics.plugin_up("mqtt", up=True)
    metrics.channel_up("sms", up=False)
    metrics.modem_signal("sim1", 13)
    metrics.loop_lagged(0.004)
    metrics.disk_free(5_000_000)
    text = metrics.render().decode()
    for line in (
        'addispatch_alarms_accepted_total{source="mqtt"} 2.0',
        'addispatch_alarms_refused_total{reason="text"} 1.0',
        'addispatch_deliveries_total{channel="sms",outcome="sent"} 1.0',
        'addispatch_deliveries_total{channel="email",outcome="permanent"} 4.0',
        'addispatch_delivery_seconds_bucket{le="0.5"} 1.0',
        'addispatch_queue_length{class="alarm"} 7.0',
        "addispatch_ledger_commit_seconds_count 1.0",
        "addispatch_ledger_batch_rows_sum 40.0",
        'addispatch_plugin_up{plugin="mqtt"} 1.0',
        'addispatch_channel_up{channel="sms"} 0.0',
        'addispatch_modem_signal{modem="sim1"} 13.0',
        "addispatch_disk_free_bytes 5e+06",
        "addispatch_event_loop_lag_seconds_count 1.0",
    ):
        assert line in text.splitlines()
    assert "_created" not in text


def test_labels_from_outside_cannot_grow_without_end():
    metrics = Metrics()
    for number in range(MAX_CHILDREN_COUNT + 500):
        metrics.alarm_accepted(f"source-{number}")
    lines = [line for line in metrics.render().decode().splitlines() if line.startswith("addispatch_alarms_accepted")]
    assert len(lines) == MAX_CHILDREN_COUNT + 1
    assert 'addispatch_alarms_accepted_total{source="other"} 500.0' in lines


def test_two_daemons_in_one_process_do_not_share_metrics():
    one, other = Metrics(), Metrics()
    one.alarm_accepted("mqtt")
    assert "mqtt" not in other.render().decode()
