"""The gauges follow what is there."""

from __future__ import annotations

from pipelines import ADMIN

from addispatch.engine.observe import observe


async def test_levels_are_shown(running, monkeypatch):
    channel = running.host.channels()["log"]
    monkeypatch.setattr(type(channel), "window", 0)
    for priority in ("low", "critical", "critical"):
        await running.operations.raise_alarm(ADMIN, {"text": "hot", "priority": priority})
    monkeypatch.setattr(
        running.host, "modems", lambda: [{"name": "sim1", "signal": 17}, {"name": "sim2", "signal": None}]
    )
    await observe(running)
    shown = running.metrics.render().decode()
    for line in (
        'addispatch_queue_length{class="emergency"} 2.0',
        'addispatch_queue_length{class="alarm"} 1.0',
        'addispatch_plugin_up{plugin="log"} 1.0',
        'addispatch_plugin_up{plugin="mqtt"} 0.0',
        'addispatch_channel_up{channel="log"} 1.0',
        'addispatch_modem_signal{modem="sim1"} 17.0',
        'addispatch_modem_signal{modem="sim2"} 99.0',
    ):
        assert line in shown, line
