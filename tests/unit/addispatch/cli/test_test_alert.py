from __future__ import annotations


async def test_it_says_who_is_told_by_what_and_what_waits(addispatch):
    done = await addispatch("test-alert")
    assert (done.code, done.out.splitlines()) == (0, [
        "CHANNEL  TO    ADDRESS           NOW",
        "sms      Adam  +6591234567       sms is down: no modem",
        "email    Adam  adam@example.com  queued",
        "'addispatch deliveries' shows what becomes of it.",
    ])  # fmt: skip


async def test_nobody_to_tell_is_said_plainly_and_1(addispatch, running):
    running.operations.has_alerted, running.operations.alert_problem = False, "system_alert_to is empty"
    done = await addispatch("test-alert")
    assert (done.code, done.out) == (1, "Nobody is told: system_alert_to is empty\n")
    as_json = await addispatch("test-alert", "--json")
    assert (as_json.code, as_json.doc["told"]) == (1, [])
