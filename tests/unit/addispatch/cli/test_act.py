"""The commands by which an operator acts: what they ask the daemon, what they print, how they end."""

from __future__ import annotations

import pytest


async def test_codes_are_acknowledged(addispatch, running):
    done = await addispatch("ack", "A123, B456", "--by", "Jane", "--comment", "on my way")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == ["A123 acknowledged", "B456 acknowledged", "Thank you, Jane."]
    asked = {"codes": ["A123", "B456"], "by": "Jane", "comment": "on my way"}
    assert running.operations.calls[-1] == ("acknowledge", asked), "what is not given is not sent"


async def test_declining_and_for_whom(addispatch, running):
    done = await addispatch("ack", "A123", "--decline", "--recipients", "Adam,Jane")
    assert done.code == 0
    asked = {"codes": ["A123"], "recipients": ["Adam", "Jane"], "action": "decline"}
    assert running.operations.calls[-1] == ("acknowledge", asked)


async def test_a_comment_of_several_words(addispatch, running):
    done = await addispatch("comment", "A123", "smells", "odd", "--by", "Jane")
    assert (done.code, done.out.splitlines()[0]) == (0, "A123 commented")
    asked = {"codes": ["A123"], "by": "Jane", "comment": "smells odd", "action": "comment"}
    assert running.operations.calls[-1] == ("acknowledge", asked)


async def test_what_is_refused_is_1(addispatch):
    done = await addispatch("ack", "Z999")
    assert (done.code, done.out, done.err) == (1, "", "error: codes: there is no case with the code Z999\n")
    assert (await addispatch("ack", "A123,R000")).code == 1
    assert (await addispatch("ack")).code == 2


async def test_the_roll_call_of_a_recall(addispatch):
    done = await addispatch("roll-call", "A123")
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == "A123 for Fire brigade: 1 acked, 1 pending"
    assert lines[1] == "ANSWER WHO WHEN COMMENT"
    assert lines[2].startswith("acked Adam")
    assert lines[2].endswith("10 min")
    assert lines[3].startswith("pending Jane")


@pytest.mark.parametrize("code", ["Z999", "../cases", "A123/../../cases", "?", "\udcb0", ".."])
async def test_a_code_that_is_no_recall_s(addispatch, code):
    done = await addispatch("roll-call", code)
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1


async def test_pause_and_resume(addispatch, running):
    assert (await addispatch("resume")).out == "It was not paused.\n"
    assert (await addispatch("pause")).out == "Paused: nothing is sent until 'addispatch resume'.\n"
    assert (await addispatch("pause")).out == "Paused already.\n"
    assert (await addispatch("resume")).out == "Resumed.\n"
    assert (await addispatch("resume", "--discard")).out == "Resumed; 3 message(s) were cancelled.\n"
    assert running.operations.calls[-1] == ("resume", True)


async def test_cancelling_and_unlocking(addispatch):
    assert (await addispatch("cancel-pending")).out == "3 message(s) cancelled\n"
    assert (await addispatch("unlock", "+6591234567")).out == "codes of +6591234567 count again\n"
    done = await addispatch("unlock", "+65")
    assert (done.code, done.err) == (1, "error: address: +65 is not locked\n")


async def test_each_prints_its_document_when_asked(addispatch):
    assert (await addispatch("ack", "A123", "--json")).doc["cases"][0]["result"] == "acknowledged"
    assert (await addispatch("roll-call", "A123", "--json")).doc["recalls"][0]["code"] == "A123"
    assert (await addispatch("pause", "--json")).doc == {"paused": True, "changed": True}
    assert (await addispatch("resume", "--json")).doc == {"paused": False, "changed": True, "cancelled": 0}
