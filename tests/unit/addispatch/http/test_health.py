from __future__ import annotations


async def test_health_and_readiness_need_no_token(remote, running):
    assert (await remote.get("/healthz")).json() == {"status": "ok"}
    assert (await remote.get("/readyz")).status_code == 200
    running.operations.is_ready = False
    answer = await remote.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "ledger is not writable")


async def test_a_writer_that_stands_still_is_not_healthy(remote, running):
    running.operations.failure = running.store_error
    assert (await remote.get("/healthz")).status_code == 503


async def test_metrics_are_prometheus_text(remote):
    answer = await remote.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE addispatch_alarms_accepted_total counter" in answer.text
