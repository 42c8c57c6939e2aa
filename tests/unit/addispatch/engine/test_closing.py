"""Closing by hand, unit by unit; the whole path is in tests/story/test_pause_and_cancel.py."""

from __future__ import annotations

import pytest
from pipelines import person
from rooms import PHONE_ADAM, PHONE_BO, SMS_ADAM, open_room, usual

from addispatch.domain.case import CaseState, CloseReason
from addispatch.domain.errors import Refused
from addispatch.engine import closing


async def test_all_open_cases_close_in_pieces_and_each_once(tmp_path, monkeypatch):
    monkeypatch.setattr(closing, "CHUNK", 2)
    adam = person("Adam", sms=SMS_ADAM, policy="usual")
    async with open_room(tmp_path, adam, PHONE_BO, usual()) as room:
        for text in "abcde":
            await room.accept(text=text, to=("Adam",))
        await room.accept(text="nobody need acknowledge", to=("Bo",))
        count, cursor, rounds = 0, 2**62, 0
        while cursor is not None:
            before = cursor
            done, cursor = await room.unit(
                lambda tx, before=before: closing.close_all(tx, room.desk, "Ops", before, room.now_ms)
            )
            count, rounds = count + done, rounds + 1
        assert (count, rounds) == (5, 3)
        for seq in range(1, 6):
            assert (await room.entry(seq)).state == (CaseState.CLOSED, CloseReason.OPERATOR)
        assert await room.waiting() == ["Bo: nobody need acknowledge"]


async def test_a_case_without_a_code_is_closed_by_its_id_and_nobody_is_told(tmp_path):
    async with open_room(tmp_path, PHONE_ADAM) as room:
        await room.accept(to=("Adam",))
        ident = (await room.entry()).case.id
        request = closing.read_request({"case": ident})
        done = await room.unit(lambda tx: closing.close_named(tx, room.desk, request, "Ops", room.now_ms))
        assert done == {"cases": [{"id": ident, "code": None, "result": "closed"}]}
        assert await room.waiting() == []


def test_too_many_codes_are_refused():
    with pytest.raises(Refused, match="more than"):
        closing.read_request({"codes": [f"A{number}" for number in range(1000)]})


def test_codes_beside_a_case_are_refused_naming_both():
    with pytest.raises(Refused, match="codes: cannot go with case"):
        closing.read_request({"codes": ["A123"], "case": "7"})
    with pytest.raises(Refused, match="codes: is missing"):
        closing.read_request({})
