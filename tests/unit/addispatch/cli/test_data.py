from __future__ import annotations

import pytest

CASE_ID = "0190b0f2-1111-5222-8333-444455556666"


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("status", "warnings"), ("cases", "cases"), ("deliveries", "deliveries"), ("received", "received"),
        ("events", "events"), ("modems", "modems"), ("plugins", "plugins"), ("why --text hot", "plan"),
        ("directory export", "recipient"), ("token list", "tokens"),
    ],
)  # fmt: skip
async def test_json_is_one_document(addispatch, command, key):
    done = await addispatch(*command.split(), "--json")
    assert (done.code, done.err) == (0, "")
    assert key in done.doc


async def test_status_fits_one_screen(addispatch):
    done = await addispatch("status")
    assert done.out.splitlines() == [
        "Warning  node-a  addispatch 0.1.0, up 3 h 12 min",
        "[!] sms is down: no modem",
        "plugins   enabled mqtt; config_error smtp",
        "channels  sms down",
        "modems    sim1 online 13(Poor) Singtel (HSPA 3.5G)",
        "queue     2 queued, 1 sending, the oldest for 1 min 15 s",
        "cases     1 open (1 waits for an acknowledgement), 0 acknowledged",
        "clock     13:55:09 Asia/Singapore",
        "ledger    /data/ledger.db, 121 KiB",
    ]


async def test_lists_are_aligned_columns(addispatch):
    lines = (await addispatch("cases", "--state", "open", "-n", "5")).out.splitlines()
    assert lines[0].split() == ["CODE", "PRIORITY", "STATE", "OPENED", "FOR", "TEXT"]
    assert lines[1].startswith("A123  high      open ")
    assert lines[1].endswith("CriticalAlarms  Pump 3 is hot")
    assert lines[2:] == ["times: Asia/Singapore", "more: --cursor more"]


async def test_parameters_reach_the_daemon(addispatch, running):
    await addispatch("cases", "--state", "open", "--limit", "7", "--cursor", "9")
    await addispatch("why", "--source", "mqtt", "--topic", "plant/1", "--text", "hot", "--to", "Adam, Jane")
    assert ("cases", "open", 7, "9") in running.operations.calls
    asked = {"text": "hot", "source": "mqtt", "topic": "plant/1", "to": ["Adam", "Jane"]}
    assert running.operations.calls[-1] == ("why", asked)


async def test_why_says_it_in_words(addispatch):
    assert (await addispatch("why", "--text", "hot")).out.splitlines() == [
        "A high alarm from mqtt: hot",
        "It goes to CriticalAlarms, by route plant: 1 message(s).",
        "CHANNEL  TO                  WHEN     SMS  TEXT",
        "sms      Adam (+6591234567)  at once  1    Pump 3 is hot",
    ]
    assert "Nobody would be told" in (await addispatch("why", "--text", "nobody")).out


async def test_the_others(addispatch):
    assert "sms to" not in (await addispatch("deliveries")).out
    assert "13(Poor)  Singtel (HSPA 3.5G)  /dev/ttyUSB0" in (await addispatch("modems")).out
    assert "config_error  0.1.0    host is missing" in (await addispatch("plugins")).out
    assert (await addispatch("received")).out.splitlines()[1].endswith("+6591234567  sim1  A123 on my way")


async def test_times_are_those_of_the_node_and_its_zone_is_named_once(addispatch):
    for command in ("cases", "deliveries", "received", "token list", "roll-call A123"):
        shown = (await addispatch(*command.split())).out
        assert shown.count("times: Asia/Singapore") == 1, command
    assert "23 Nov 13:5" in (await addispatch("cases")).out.replace("2026-11-23", "23 Nov 13:5")


async def test_a_refusal_is_one_line_and_1(addispatch):
    done = await addispatch("cases", "--state", "sideways")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: state: must be open, acknowledged or closed\n"
