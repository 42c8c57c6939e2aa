from __future__ import annotations

import os


async def test_send_says_what_happens(addispatch, running):
    running.operations.delivery_states = ["queued"]
    done = await addispatch(
        "send", "--to", "Adam,+6598765432", "--priority", "high", "--key", "p3", "Pump", "is", "hot"
    )
    assert done.code == 0
    assert done.out.splitlines() == [
        "case A123 for CriticalAlarms open: 1 delivery queued",
        "  sms to Adam (+6591234567): queued by sim1",
    ]
    assert running.operations.alarms == [
        {"text": "Pump is hot", "to": ["Adam", "+6598765432"], "source": "cli", "priority": "high", "key": "p3"}
    ]


async def test_a_text_that_is_not_utf_8_goes_out(addispatch, running):
    done = await addispatch("send", "--to", "Adam", os.fsdecode(b"98 \xb0C, \xe4\xf6 in \xe2\x82\xac"))
    assert (done.code, done.err) == (0, "")
    assert running.operations.alarms[0]["text"] == "98 �C, �� in €"


async def test_odd_bytes_elsewhere_are_no_trace(addispatch):
    for arguments in (["cases", "--state", "\udcb0"], ["token", "remove", "\udcb0"], ["why", "--text", "\udcb0"]):
        assert "Traceback" not in (await addispatch(*arguments)).err


async def test_wait_shows_the_outcome(addispatch, running):
    running.operations.delivery_states = ["queued", "sending", "sent"]
    done = await addispatch("send", "--to", "Adam", "--wait", "--json", "hot")
    assert done.code == 0
    assert done.doc["cases"][0]["deliveries"][0]["state"] == "sent"
    assert done.doc["id"] == "a1"


async def test_a_delivery_that_fails_is_1_when_waiting(addispatch, running):
    running.operations.delivery_states = ["queued", "failed"]
    assert (await addispatch("send", "--to", "Adam", "--wait", "hot")).code == 1


async def test_waiting_ends(addispatch, running):
    running.operations.delivery_states = ["queued"]
    assert (await addispatch("send", "--to", "Adam", "--wait", "--timeout", "0.1", "hot")).code == 1


async def test_a_refused_alarm_is_one_line(addispatch):
    done = await addispatch("send", "--to", "Adam", "")
    assert (done.code, done.err) == (1, "error: text: is missing\n")
