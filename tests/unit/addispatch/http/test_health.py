from __future__ import annotations

import pytest


async def test_health_and_readiness_need_no_token(remote, running):
    assert (await remote.get("/healthz")).json() == {"status": "ok"}
    assert (await remote.get("/readyz")).status_code == 200
    running.operations.is_ready = False
    answer = await remote.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "ledger is not writable")


async def test_readiness_can_be_asked_with_channels(remote, running):
    answer = await remote.get("/readyz?needs=email,%20sms")
    assert (answer.status_code, answer.json()["reason"]) == (503, "no modem")
    assert running.operations.needs == ("email", "sms")
    assert (await remote.get("/readyz?needs=email&needs=voice")).status_code == 200
    assert running.operations.needs == ("email", "voice")


@pytest.mark.parametrize("wrong", ["", "sms,", "s ms", "sms/", "x" * 65, ",".join(["sms"] * 21), "%F0%9F%98%80"])
async def test_what_is_no_list_of_channels_is_refused(remote, wrong):
    answer = await remote.get(f"/readyz?needs={wrong}")
    assert (answer.status_code, answer.json()["field"]) == (422, "needs")


async def test_a_writer_that_stands_still_is_not_healthy(remote, running):
    running.operations.failure = running.store_error
    assert (await remote.get("/healthz")).status_code == 503


async def test_metrics_are_prometheus_text(remote):
    answer = await remote.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE addispatch_alarms_accepted_total counter" in answer.text
