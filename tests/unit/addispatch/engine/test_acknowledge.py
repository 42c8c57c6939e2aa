"""Acknowledging, declining, commenting: what is stored, who is told, what is taken back, when the next step is."""

from __future__ import annotations

import pytest
from pipelines import ADAM, JANE, group
from rooms import PHONE_ADAM, PHONE_BO, PHONE_CHIEF, PHONE_JANE, SMS_ADAM, SMS_JANE, mobilise, open_room, usual

from addispatch.domain.alarm import AlarmState
from addispatch.domain.case import CaseState, CloseReason, Note
from addispatch.domain.case_state import KEPT_ACKNOWLEDGED_MS, Answer, roll_call
from addispatch.domain.receipt import Sent
from addispatch.engine.acknowledge import (
    MOST_COMMENT_CHARS,
    REPORT_AGAIN_MS,
    Action,
    Occasion,
    Result,
    Who,
    counts_for,
)
from addispatch.store import waiting

PEOPLE = (PHONE_ADAM, PHONE_JANE, PHONE_BO, PHONE_CHIEF)
ADAMS, JANES = Who(("adam",), "Adam", "sms"), Who(("jane",), "Jane", "sms")
OPERATOR = Who((), "root", "unix")


def team(policy=None, *members):
    return (*PEOPLE, policy or usual(), group("Ops", *(members or ("Adam", "Jane")), policy=(policy or usual()).id))


async def act(room, action, comment="", who=JANES, seqs=(1,)):
    """One act on some cases; what is said of the first."""

    def unit(tx):
        occasion = Occasion(tx, room.desk, who, room.now_ms)
        return [occasion.act(tx.entry(seq), action, comment) for seq in seqs]

    said, *_ = await room.unit(unit)
    return said.result, said.answer


async def raised(room, *, sent=True, **fields):
    code = (await room.accept(**{"to": ("Ops",), **fields})).cases[0].code
    if sent:
        await room.sends()
    return code


# -- acknowledging -------------------------------------------------------------------------------------------------------


async def test_an_acknowledgement_is_stored_told_and_ends_the_asking(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        code = await raised(room)
        room.clock.forward(minutes=1)
        result = await act(room, Action.ACK, " on my\n way ")
        assert result == (Result.ACKNOWLEDGED, f"Thank you, Jane. {code} is acknowledged.")
        entry = await room.entry()
        assert entry.case.acks == {Note(room.now_ms, "jane", "sms", "on my way", "Jane")}
        assert entry.state == (CaseState.CLOSED, CloseReason.ACKNOWLEDGED)
        assert entry.next_at_ms is None
        assert await room.lines("CaseAcknowledged") == [f"{code} for Ops acknowledged by Jane (sms): on my way"]
        assert await room.waiting() == [f"Adam: Acknowledged by Jane: on my way ({code} hot)"], "Jane knows it"


async def test_what_waits_is_taken_back_and_what_is_under_way_gets_the_notice_after_it(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        code = await raised(room, sent=False)
        (adams,) = await room.unit(lambda tx: tx.claim_due("sms", 1, room.now_ms))
        await act(room, Action.ACK, who=OPERATOR)
        states = {d["recipient"]: (d["state"], d["error"]) for d in await room.deliveries()}
        assert states == {"Adam": ("sending", None), "Jane": ("cancelled", "acknowledged by root")}
        await room.records(adams, Sent())
        assert await room.waiting() == [f"Adam: Acknowledged by root ({code} hot)"]


async def test_a_condition_stays_acknowledged_until_it_returns_to_normal_or_a_day(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room, key="boiler")
        await act(room, Action.ACK)
        assert (await room.entry()).state == (CaseState.ACKNOWLEDGED, None)
        unattended = lambda later_ms: room.unit(  # noqa: E731
            lambda tx: [entry.seq for entry in waiting.unattended(tx, room.now_ms + later_ms, 9)]
        )
        assert await unattended(KEPT_ACKNOWLEDGED_MS - 1) == []
        assert await unattended(KEPT_ACKNOWLEDGED_MS) == [1]
        await room.accept("", key="boiler", state=AlarmState.CLEARED)
        assert (await room.entry()).state == (CaseState.CLOSED, CloseReason.CLEARED)


async def test_a_silent_policy_tells_nobody(tmp_path):
    async with open_room(tmp_path, *team(usual(notify_contacted=False))) as room:
        await raised(room)
        await act(room, Action.ACK)
        assert await room.waiting() == []


async def test_the_late_one_hears_who_was_first_and_his_words_are_passed_on(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        code = await raised(room)
        await act(room, Action.ACK)
        await room.sends()
        already = f"Already acknowledged by Jane 12:00 ({code})."
        assert await act(room, Action.ACK, who=ADAMS) == (Result.ALREADY, already)
        assert await act(room, Action.DECLINE, who=ADAMS) == (Result.ALREADY, already)
        assert await room.waiting() == []
        said = await act(room, Action.ACK, "me too", who=ADAMS)
        assert said == (Result.ALREADY, f"{already} Your words were passed on.")
        assert await room.waiting() == [f"Jane: Comment by Adam: me too ({code} hot)"]
        assert len((await room.entry()).case.acks) == 1


async def test_somebody_in_two_cases_of_an_alarm_is_told_once(tmp_path):
    people = (*team(), group("Fire", "Adam", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        await raised(room, to=("Ops", "Fire"))
        await act(room, Action.ACK, seqs=(1, 2))
        assert [c["state"] for c in await room.cases()] == ["closed", "closed"]
        assert len(await room.waiting()) == 1


async def test_with_continue_unsent_what_waits_goes_out_without_footnote_and_marked(tmp_path):
    async with open_room(tmp_path, *team(usual(continue_unsent=True))) as room:
        code = await raised(room, sent=False)
        (claim,) = await room.unit(lambda tx: tx.claim_due("sms", 1, room.now_ms))
        await room.records(claim, Sent())
        await act(room, Action.ACK, who=ADAMS)
        assert await room.sends() == ["Jane: hot (acknowledged by Adam 12:00)"]
        assert claim.text == f"hot\nACK: Reply {code} + msg"
        assert await room.waiting() == [], "and she is not told of it once more"


async def test_a_long_comment_is_cut(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room)
        await act(room, Action.ACK, "x" * 5000)
        (note,) = (await room.entry()).case.acks
        assert note.text == "x" * MOST_COMMENT_CHARS


@pytest.mark.parametrize("action", [Action.ACK, Action.DECLINE, Action.COMMENT])
async def test_no_words_can_steer_a_terminal_or_upset_the_ledger(tmp_path, action):
    async with open_room(tmp_path, *team()) as room:
        await raised(room)
        await act(room, action, "a\x1b[2Jb\ud800\x00\u202ec")
        case = (await room.entry()).case
        (note,) = case.acks | case.declines | case.comments
        assert note.text == "a[2Jbc"


# -- declining -----------------------------------------------------------------------------------------------------------


async def test_who_declines_is_asked_no_more_and_others_go_on(tmp_path):
    people = (ADAM, JANE, *PEOPLE[2:], usual(), group("Ops", "Adam", "Jane", policy="usual"))
    async with open_room(tmp_path, *people) as room:
        code = (await room.accept(to=("Ops",))).cases[0].code
        await room.sends("sms")
        assert await act(room, Action.DECLINE, "abroad") == (
            Result.DECLINED, f"Noted that you cannot come, Jane ({code}).",
        )  # fmt: skip
        assert await room.lines("CaseDeclined") == [f"{code} for Ops declined by Jane (sms): abroad"]
        states = {(d["recipient"], d["channel"]): d["state"] for d in await room.deliveries()}
        assert (states["Jane", "email"], states["Adam", "email"]) == ("cancelled", "queued")
        assert (await room.entry()).state[0] is CaseState.OPEN
        assert await room.next_s() == 300, "Adam may come yet"


async def test_when_everybody_asked_has_declined_the_next_step_is_now(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room)
        await act(room, Action.DECLINE, who=ADAMS)
        assert await room.next_s() == 300
        await act(room, Action.DECLINE, who=JANES)
        assert await room.next_s() == 0


async def test_while_somebody_is_still_to_be_asked_the_next_step_waits(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room, sent=False)
        (claim,) = await room.unit(lambda tx: tx.claim_due("sms", 1, room.now_ms))
        await room.records(claim, Sent())
        await act(room, Action.DECLINE, who=ADAMS)
        assert await room.next_s() == 300


async def test_after_the_chain_has_ended_a_decline_sets_no_step(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room)
        await room.on(1, lambda tx, entry: tx.set_next(entry, None))
        await act(room, Action.DECLINE, who=ADAMS)
        await act(room, Action.DECLINE, who=JANES)
        assert await room.next_s() is None


# -- commenting ----------------------------------------------------------------------------------------------------------


async def test_a_comment_is_passed_on_and_changes_nothing(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        code = await raised(room)
        assert await act(room, Action.COMMENT, "smells odd") == (
            Result.COMMENTED, f"Your words were passed on ({code}).",
        )  # fmt: skip
        entry = await room.entry()
        assert [note.text for note in entry.case.comments] == ["smells odd"]
        assert (entry.state[0], await room.next_s()) == (CaseState.OPEN, 300)
        assert await room.waiting() == [f"Adam: Comment by Jane: smells odd ({code} hot)"]
        assert await room.lines("CaseCommented") == [f"{code} comment by Jane (sms): smells odd"]


async def test_a_comment_without_words_is_none(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room)
        assert await act(room, Action.COMMENT, " \n ") == (Result.REFUSED, "A comment needs words.")
        assert (await room.entry()).case.comments == set()


async def test_a_comment_on_a_closed_case_is_taken(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room)
        await act(room, Action.ACK)
        await room.sends()
        assert (await act(room, Action.COMMENT, "fixed"))[0] is Result.COMMENTED
        assert len(await room.waiting()) == 1


# -- recalls -------------------------------------------------------------------------------------------------------------


async def test_in_a_recall_everybody_acknowledges_for_himself(tmp_path):
    async with open_room(tmp_path, *team(mobilise())) as room:
        code = await raised(room)
        assert await act(room, Action.ACK, "10 min") == (
            Result.ACKNOWLEDGED, f"Thank you, Jane. You are counted for {code}.",
        )  # fmt: skip
        assert await room.waiting() == [], "nobody is told of each single one"
        assert (await room.entry()).state[0] is CaseState.OPEN
        assert await room.next_s() == 300
        assert await act(room, Action.ACK) == (Result.ALREADY, f"You acknowledged {code} at 12:00.")
        await act(room, Action.ACK, who=ADAMS)
        assert (await room.entry()).state == (CaseState.CLOSED, CloseReason.ACKNOWLEDGED)
        assert await room.next_s() == 0, "the report is due"


async def test_in_a_recall_only_his_own_messages_are_taken_back(tmp_path):
    people = (ADAM, JANE, PHONE_CHIEF, mobilise(), group("Ops", "Adam", "Jane", policy="mobilise"))
    async with open_room(tmp_path, *people) as room:
        await room.accept(to=("Ops",))
        await room.sends("sms")
        await act(room, Action.ACK)
        states = {d["recipient"]: d["state"] for d in await room.deliveries() if d["channel"] == "email"}
        assert states == {"Jane": "cancelled", "Adam": "queued"}


async def test_who_declined_a_recall_may_come_after_all(tmp_path):
    async with open_room(tmp_path, *team(mobilise())) as room:
        await raised(room)
        await act(room, Action.DECLINE, "abroad")
        assert roll_call((await room.entry()).case).answers["jane"] is Answer.DECLINED
        assert (await act(room, Action.ACK, "back"))[0] is Result.ACKNOWLEDGED
        assert roll_call((await room.entry()).case).answers["jane"] is Answer.ACKED


async def test_when_the_last_one_declines_the_report_is_due(tmp_path):
    async with open_room(tmp_path, *team(mobilise())) as room:
        await raised(room)
        await act(room, Action.ACK)
        await act(room, Action.DECLINE, who=ADAMS)
        assert await room.next_s() == 0


async def test_a_late_answer_brings_the_report_up_to_date_a_little_later(tmp_path):
    async with open_room(tmp_path, *team(mobilise(), "Adam", "Jane", "Bo")) as room:
        await raised(room)
        await room.on(1, lambda tx, entry: tx.set_next(entry, None))  # the end of the chain
        await act(room, Action.ACK)
        assert await room.next_s() == REPORT_AGAIN_MS / 1000
        room.clock.forward(seconds=30)
        await act(room, Action.ACK, who=ADAMS)
        assert await room.next_s() == REPORT_AGAIN_MS / 1000 - 30, "one report for both"


async def test_a_supervisor_s_acknowledgement_of_a_recall_is_a_comment(tmp_path):
    async with open_room(tmp_path, *team(mobilise())) as room:
        await raised(room)
        assert (await act(room, Action.ACK, who=Who(("chief",), "Chief", "sms")))[0] is Result.COMMENTED
        assert (await room.entry()).case.acks == set()


async def test_an_operator_speaks_for_all_who_are_missing_in_their_names(tmp_path):
    async with open_room(tmp_path, *team(mobilise(), "Adam", "Jane", "Bo")) as room:
        await raised(room)
        await act(room, Action.ACK)
        assert (await act(room, Action.ACK, "at the gate", who=OPERATOR))[0] is Result.ACKNOWLEDGED
        notes = {note.by: (note.name, note.text) for note in (await room.entry()).case.acks}
        assert notes == {"jane": ("Jane", ""), "adam": ("Adam", "at the gate"), "bo": ("Bo", "at the gate")}


# -- who counts ----------------------------------------------------------------------------------------------------------


async def test_who_was_contacted_counts_by_id_or_by_the_address_he_was_reached_at(tmp_path):
    async with open_room(tmp_path, *team()) as room:
        await raised(room, sent=False)
        entry = await room.entry()
        assert counts_for(entry, {"adam"}, SMS_ADAM) == set(), "nobody was reached yet"
        (claim,) = await room.unit(lambda tx: tx.claim_due("sms", 1, room.now_ms))
        assert claim.recipient == "Adam"
        assert counts_for(entry, {"adam", "jane"}) == {"adam"}, "in flight is in doubt, and in doubt he was"
        assert counts_for(entry, set(), SMS_ADAM) == {"adam"}, "though the book has another number for him now"
        assert counts_for(entry, {"jane"}, SMS_JANE) == set()
        assert counts_for(entry, set()) == set()
