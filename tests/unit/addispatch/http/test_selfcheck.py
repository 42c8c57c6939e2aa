from __future__ import annotations


async def test_the_doctor_answers_with_findings(local, running):
    running.operations.findings = [{"subject": "disk", "detail": "", "problem": "full", "advice": "make room"}]
    answer = (await local.get("/api/v1/doctor")).json()
    assert (answer["ok"], answer["findings"]) == (False, running.operations.findings)


async def test_a_test_alert_says_who_is_told(local, running):
    answer = await local.post("/api/v1/test-alert")
    assert answer.status_code == 200
    assert [way["channel"] for way in answer.json()["told"]] == ["sms", "email"]
    assert running.operations.calls == [("test_alert",)]
