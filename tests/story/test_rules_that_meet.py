"""Where two rules meet: stories the core failed once, each with its rule (SPEC 4, 5)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.alarm import Priority
from addispatch.domain.errors import Refused
from addispatch.domain.receipt import InDoubt, Permanent, Temporary

EVERYBODY = people("Adam", "Jane", "Bo", "Eve", "Chief") + settings()
TEAM = EVERYBODY + group("Team", "Adam", "Jane") + group("Second line", "Bo", "Eve", policy="")
POLICY = TEAM + policy(after(5, "Second line"), after(15, call=("Chief",)))
MAILED = people("Adam", "Jane", "Bo", "Eve", "Chief", email=True) + settings()
RECALL = MAILED + group("Team", "Adam", "Jane")
ROUNDS = (after(5, resend=True), after(10, "Chief"))


# -- two audiences of one alarm ----------------------------------------------------------------------------------


async def test_a_message_that_serves_two_groups_survives_the_end_of_one(tmp_path: Path) -> None:
    """Objects, 5.8: a person in two groups gets one message. It must not be cancelled while one case still asks him."""
    two = EVERYBODY + group("A", "Jane", "Adam") + group("B", "Adam", policy="patient")
    async with Tale(tmp_path, two + policy(after(5, "Bo")) + policy(after(60, "Eve"), name="patient")) as tale:
        tale.channel("sms").window = 1
        tale.hangs()
        await tale.alarm(to=("A", "B"))  # Jane's text is under way, Adam's waits behind it
        await tale.acks(case=tale.accepted.cases[0].id)
        await tale.goes_on()
        await tale.phone("Adam").expects("pump is hot", tale.code)


async def test_the_one_message_has_a_code_if_any_of_the_groups_asks(tmp_path: Path) -> None:
    """Objects: one message per address; whoever is asked to acknowledge must be told the code."""
    two = EVERYBODY + group("Info", "Adam", policy="") + group("Team", "Adam") + policy(after(5, "Bo"))
    async with Tale(tmp_path, two) as tale:
        await tale.alarm(to=("Info", "Team"))
        code = next(case.code for case in tale.accepted.cases if case.code)
        await tale.phone("Adam").expects("pump is hot", f"Reply {code}")


async def test_a_case_told_by_another_ones_message_knows_when_that_failed(tmp_path: Path) -> None:
    """5.1: a level whose deliveries are all unreachable: next level now, in each case whose message it was."""
    two = EVERYBODY + group("A", "Adam") + group("B", "Adam", policy="other")
    async with Tale(tmp_path, two + policy(after(5, "Bo")) + policy(after(5, "Eve"), name="other")) as tale:
        tale.answers_next(Permanent("no such number"))
        await tale.alarm(to=("A", "B"))
        await tale.ticks()
        await tale.phone("Bo").expects("pump is hot")
        await tale.phone("Eve").expects("pump is hot")


async def test_delete_pending_closes_the_second_case_of_a_shared_message_too(tmp_path: Path) -> None:
    """4: a case where nobody was contacted closes as cancelled when everything pending is deleted."""
    async with Tale(tmp_path, EVERYBODY + group("A", "Adam") + group("B", "Adam") + policy(after(5, "Bo"))) as tale:
        tale.dies()
        await tale.alarm(to=("A", "B"))
        await tale.operations.cancel_pending(ADMIN)
        assert [(await tale.case(index))["reason"] for index in (0, 1)] == ["cancelled", "cancelled"]


async def test_two_cases_of_one_alarm_tell_a_common_level_once(tmp_path: Path) -> None:
    """Objects: a person in several cases of one alarm gets one message per address, at a level as at the beginning."""
    async with Tale(tmp_path, EVERYBODY + group("A", "Adam") + group("B", "Jane") + policy(after(5, "Bo"))) as tale:
        await tale.alarm(to=("A", "B"))
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged")
        await tale.phone("Bo").is_silent()


async def test_by_name_acknowledges_in_the_cases_that_contacted_him(tmp_path: Path) -> None:
    """5.3: ``by`` = a recipient acts as him if contacted; his ack counts in every case that contacted him."""
    async with Tale(tmp_path, EVERYBODY + group("A", "Adam") + group("B", "Jane") + policy(after(5, "Bo"))) as tale:
        await tale.alarm(to=("A", "B"))
        await tale.acks(by="Adam")
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "open"]


async def test_a_mail_acknowledges_every_case_that_contacted_its_writer(tmp_path: Path) -> None:
    """Objects: his ack counts in every case that contacted him; also by the token of a mail."""
    async with Tale(tmp_path, MAILED + group("A", "Adam") + group("B", "Adam") + policy(after(5, "Bo"))) as tale:
        await tale.alarm(to=("A", "B"))
        await tale.mailbox("Adam").answers("on my way")
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "closed"]


# -- answers and notices -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["ALL", "console", "any acks all"])
async def test_each_of_several_alarms_acknowledged_at_once_is_told(tmp_path: Path, way: str) -> None:
    """5.4: notify everyone contacted on ack: of each alarm, though one act acknowledged several."""
    greedy = policy(after(5, "Bo"), ack_any_acks_all=way == "any acks all")
    async with Tale(tmp_path, TEAM + greedy) as tale:
        await tale.alarm("pump is hot")
        first = tale.code
        await tale.alarm("door is open")
        if way == "console":
            await tale.acks(codes=[first, tale.code], by="Jane")
        else:
            await tale.phone("Jane").replies("ALL" if way == "ALL" else first)
        told = " ".join(text for text in tale.phone("Adam").texts if "Acknowledged by Jane" in text)
        assert first in told
        assert tale.code in told


async def test_a_second_reply_with_an_old_and_a_new_code_is_answered(tmp_path: Path) -> None:
    """5.3: each ack is answered once; an old code in front of the list must not swallow the answer."""
    async with Tale(tmp_path, POLICY) as tale:
        jane, codes = tale.phone("Jane"), []
        for text in ("one", "two", "three"):
            await tale.alarm(text)
            codes.append(tale.code)
            await jane.replies(" ".join(codes))
        assert any(f"{codes[2]} is acknowledged" in text for text in jane.texts)


async def test_two_at_once_are_both_thanked(tmp_path: Path) -> None:
    """5.3: two at once: the older is shown first, both are thanked."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm()
        await asyncio.gather(tale.phone("Adam").replies(tale.code), tale.phone("Jane").replies(tale.code))
        for name in ("Adam", "Jane"):
            await tale.phone(name).expects(f"Thank you, {name}")
        assert [note["by"] for note in (await tale.case())["acknowledgements"]] == ["Adam", "Jane"]


async def test_one_whose_text_is_in_doubt_when_the_ack_comes_gets_the_notice(tmp_path: Path) -> None:
    """5.3, 5.4: in doubt is contacted; a text in flight when the ack came: that person also gets the notice."""
    async with Tale(tmp_path, POLICY) as tale:
        tale.hangs()
        tale.answers_next(InDoubt("the modem did not answer"), InDoubt("the modem did not answer"))
        await tale.alarm()
        await tale.acks(comment="seen")
        await tale.goes_on()
        await tale.phone("Adam").expects("Acknowledged by test: seen")


async def test_a_notice_goes_by_the_channel_that_worked(tmp_path: Path) -> None:
    """5.4: by the first channel that worked: not by the one whose text the network reports as undelivered."""
    async with Tale(tmp_path, MAILED + group("Team", "Adam", "Jane") + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.reports(tale.phone("Adam").last, delivered=False, reason="absent")
        await tale.phone("Jane").replies(tale.code)
        await tale.mailbox("Adam").expects("Acknowledged by Jane")


async def test_an_undelivered_text_brings_the_next_channel_once(tmp_path: Path) -> None:
    """Objects: an ``undelivered`` is an event, shown in the roll-call, and the next channel is tried once."""
    ladder = people("Adam", email=True, mode="ladder") + people("Bo", "Chief") + settings()
    async with Tale(tmp_path, ladder + group("Team", "Adam") + policy(after(5, "Bo"))) as tale:
        await tale.alarm()
        await tale.reports(tale.phone("Adam").last, delivered=False, reason="absent")
        await tale.ticks()
        await tale.mailbox("Adam").expects("pump is hot", tale.code)


# -- answers count -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["mail", "link", "name"])
async def test_acking_any_acks_all_by_every_way(tmp_path: Path, way: str) -> None:
    """5.5: acking any acks all messages sent to that recipient, whichever way he acknowledges."""
    greedy = policy(after(5, "Bo"), ack_any_acks_all=True)
    async with Tale(tmp_path, MAILED + group("Team", "Adam") + greedy, url="https://plant.example") as tale:
        await tale.alarm("pump is hot")
        first = tale.accepted
        await tale.alarm("door is open")
        if way == "mail":
            await tale.mailbox("Adam").answers("coming")
        elif way == "link":
            await tale.operations.link_answer(tale.mailbox("Adam").link, {})
        else:
            await tale.acks(by="Adam")
        tale.accepted = first
        assert (await tale.case())["state"] == "closed"


async def test_a_recall_he_answered_is_not_open_for_him(tmp_path: Path) -> None:
    """5.3: bare ok counts with exactly one open case for that sender: a recall he has acknowledged is none."""
    both = EVERYBODY + group("All", "Adam", "Jane", policy="recall") + group("Team", "Adam")
    rules = policy(after(5, "Bo")) + policy(after(5, resend=True), name="recall", kind="recall")
    async with Tale(tmp_path, both + rules) as tale:
        await tale.alarm("muster", to="All")
        await tale.phone("Adam").replies(tale.code)
        await tale.alarm("pump is hot", to="Team")
        await tale.phone("Adam").replies("ok")
        assert (await tale.case())["state"] == "closed"


async def test_declining_counts_when_the_rest_turns_out_unreachable(tmp_path: Path) -> None:
    """5.1: next level as soon as everybody contacted at this level declined: here Jane's text fails after Adam's NO."""
    async with Tale(tmp_path, POLICY) as tale:
        tale.channel("sms").window = 1
        tale.answers_next(Temporary("busy", retry_after_s=1))  # Adam's; then Jane's is sent
        await tale.alarm()
        await tale.phone("Jane").replies(f"no {tale.code}")
        tale.answers_next(Permanent("no such number"))
        await tale.clock.passes(seconds=10)
        await tale.phone("Bo").expects("pump is hot")


async def test_a_recall_needs_names_or_all(tmp_path: Path) -> None:
    """5.3: at the console, in a recall the recipients are named or "all": an operator's bare code acks for nobody."""
    async with Tale(tmp_path, RECALL + policy(*ROUNDS, kind="recall")) as tale:
        await tale.alarm()
        with pytest.raises(Refused, match="recipients"):
            await tale.acks()
        assert await tale.roll_call() == {"Adam": "pending", "Jane": "pending"}


# -- recall ------------------------------------------------------------------------------------------------------


async def test_a_recall_that_ends_because_the_last_one_cannot_be_reached_is_reported(tmp_path: Path) -> None:
    """5.2: closes when nobody is pending; final report by mail then."""
    phones = people("Adam", "Jane") + people("Chief", email=True) + settings() + group("Team", "Adam", "Jane")
    async with Tale(tmp_path, phones + policy(*ROUNDS, kind="recall")) as tale:
        tale.answers_next(Temporary("busy", retry_after_s=30))
        await tale.alarm()
        await tale.phone("Jane").replies(tale.code)
        tale.answers_next(Permanent("no such number"))
        await tale.clock.passes(seconds=45)
        assert await tale.roll_call() == {"Adam": "undeliverable", "Jane": "acked"}
        await tale.mailbox("Chief").expects("Recall", "Not reached (1)")


async def test_a_recall_shows_who_the_network_could_not_reach(tmp_path: Path) -> None:
    """Objects, 5.2: an ``undelivered`` is shown in the roll-call."""
    phones = people("Adam", "Jane", "Chief") + settings() + group("Team", "Adam", "Jane")
    async with Tale(tmp_path, phones + policy(*ROUNDS, kind="recall")) as tale:
        await tale.alarm()
        await tale.reports(tale.phone("Adam").last, delivered=False, reason="absent")
        assert (await tale.roll_call())["Adam"] == "undeliverable"


async def test_a_recall_lists_two_people_who_share_a_phone(tmp_path: Path) -> None:
    """5.2, 1: everyone must ack for himself; a shared number acks for all of them, so all are in the roll-call."""
    shared = people("Adam", "Chief") + '[[recipient]]\nname = "Jane"\nsms = "91234567"\n' + settings()
    async with Tale(tmp_path, shared + group("Team", "Adam", "Jane") + policy(*ROUNDS, kind="recall")) as tale:
        await tale.alarm()
        assert await tale.roll_call() == {"Adam": "pending", "Jane": "pending"}
        assert len(tale.phone("Adam").received) == 1
        await tale.phone("Adam").replies(tale.code)
        assert await tale.roll_call() == {"Adam": "acked", "Jane": "acked"}


async def test_a_recall_lists_who_has_no_address_as_undeliverable(tmp_path: Path) -> None:
    """5.2: live roll-call acked/pending/undeliverable/declined of everyone; 0: nothing is silently dropped."""
    ghosts = RECALL.replace('["Adam", "Jane"]', '["Adam", "Ghost"]') + '[[recipient]]\nname = "Ghost"\n'
    async with Tale(tmp_path, ghosts + policy(*ROUNDS, kind="recall")) as tale:
        await tale.alarm()
        assert await tale.roll_call() == {"Adam": "pending", "Ghost": "undeliverable"}


async def test_a_dead_mail_server_does_not_silence_the_reminders_by_sms(tmp_path: Path) -> None:
    """Objects: a stuck channel never blocks others; 5.2: no reminder while an earlier one is unsent *by that way*."""
    async with Tale(tmp_path, RECALL + policy(*ROUNDS, kind="recall")) as tale:
        tale.dies("email")
        await tale.alarm()
        await tale.phone("Adam").expects("pump is hot")
        await tale.clock.passes(minutes=8)
        await tale.phone("Adam").expects("Reminder: pump is hot")


async def test_a_level_of_supervisors_has_its_clock_from_its_hand_over(tmp_path: Path) -> None:
    """5.1: a level's clock starts at the first hand-over of its messages, also when they only tell who is missing."""
    rounds = policy(after(5, "Chief"), after(10, "Bo"), kind="recall")
    async with Tale(tmp_path, RECALL + rounds) as tale:
        await tale.alarm()
        await tale.clock.passes(minutes=5)
        await tale.phone("Chief").expects("Missing 2 of 2")
        await tale.clock.passes(minutes=10)
        await tale.phone("Bo").expects("Missing 2 of 2")


async def test_with_continue_unsent_an_ack_still_stops_his_own_reminders(tmp_path: Path) -> None:
    """5.2: an ack stops his own reminders. 5.5 lets unsent *messages* go, without footnote and marked: no reminder."""
    async with Tale(tmp_path, RECALL + policy(*ROUNDS, kind="recall", continue_unsent=True)) as tale:
        tale.channel("sms").window = 1
        tale.answers_next(Temporary("busy", retry_after_s=120), Temporary("busy", retry_after_s=120))
        await tale.alarm()
        await tale.clock.passes(minutes=6)  # the others were reminded; theirs are due later, by their own clock
        adam = tale.phone("Adam")
        await adam.replies(tale.code)
        await tale.clock.passes(minutes=5)
        assert not [text for text in adam.texts if "Reminder" in text]


async def test_a_recall_with_a_key_stays_acknowledged_for_24_hours(tmp_path: Path) -> None:
    """Objects: with a key the case stays acknowledged until the clear, at most 24 h."""
    async with Tale(tmp_path, RECALL + policy(*ROUNDS, kind="recall")) as tale:
        await tale.alarm(key="gas")
        for name in ("Adam", "Jane"):
            await tale.phone(name).replies(tale.code)
        assert (await tale.case())["state"] == "acknowledged"
        await tale.clock.passes(hours=24)
        assert (await tale.case())["state"] == "closed"


async def test_who_cannot_come_after_all_is_not_counted_on(tmp_path: Path) -> None:
    """5.2: live roll-call acked/declined: the later word of one person counts, above all when it is NO."""
    async with Tale(tmp_path, RECALL + policy(*ROUNDS, kind="recall")) as tale:
        await tale.alarm()
        await tale.phone("Adam").replies(f"{tale.code} ten minutes")
        await tale.clock.passes(minutes=1)
        await tale.phone("Adam").replies(f"NO {tale.code} car broke down")
        assert (await tale.roll_call())["Adam"] == "declined"


# -- keys, clears, words -----------------------------------------------------------------------------------------


async def test_a_clearing_word_closes_only_where_the_policy_says_so(tmp_path: Path) -> None:
    """5.6: it closes the case of its key only with ``keyword_clears = true``: in that policy's cases, not in others."""
    two = EVERYBODY + group("A", "Adam", policy="clears") + group("B", "Jane")
    rules = policy(after(5, "Bo")) + policy(after(5, "Bo"), name="clears", keyword_clears=True)
    async with Tale(tmp_path, two + rules) as tale:
        await tale.alarm(to=("A", "B"), key="pump")
        opened = tale.accepted
        await tale.alarm("pump back to normal", to=("A", "B"), key="pump")
        tale.accepted = opened
        assert [(await tale.case(index))["state"] for index in (0, 1)] == ["closed", "open"]


async def test_a_latched_case_raised_again_is_not_closed_by_an_ack(tmp_path: Path) -> None:
    """Objects: with a key an ack keeps the case until the clear: one older than the last raise does not count."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), close_on_clear=False)) as tale:
        await tale.alarm(key="pump")
        case = tale.accepted
        await tale.clears("pump")
        await tale.clock.passes(minutes=1)
        await tale.alarm(key="pump")
        assert tale.accepted.cases == case.cases
        await tale.phone("Adam").replies(tale.code)
        assert (await tale.case())["state"] == "acknowledged"
        await tale.clears("pump")
        assert (await tale.case())["reason"] == "cleared"


async def test_a_raise_from_before_the_clear_opens_closed_also_behind_an_open_case(tmp_path: Path) -> None:
    """5.8: a raise with a source time not after the clear opens closed, whether or not the clear met an open case."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump", ts=tale.clock.now())
        await tale.clock.passes(seconds=10)
        raised_at = tale.clock.now()
        await tale.clock.passes(seconds=10)
        await tale.clears("pump", ts=tale.clock.now())
        await tale.alarm("pump is hot again", key="pump", ts=raised_at)
        assert (await tale.case())["state"] == "closed"


async def test_a_higher_priority_in_an_acknowledged_case_survives_a_busy_network(tmp_path: Path) -> None:
    """Objects: a raise of higher priority is told again, in an acknowledged case too; temporary errors are retried."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.phone("Jane").replies(tale.code)
        tale.answers_next(Temporary("network busy"), Temporary("network busy"))
        await tale.alarm("pump is on FIRE", key="pump", priority=Priority.CRITICAL)
        await tale.clock.passes(minutes=1)
        await tale.phone("Adam").expects("pump is on FIRE")


async def test_a_case_that_became_critical_goes_on_as_an_emergency(tmp_path: Path) -> None:
    """Objects: queue class emergency (critical, recall) > alarm: the levels of a case raised to critical, too."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.alarm("pump is on FIRE", key="pump", priority=Priority.CRITICAL)
        await tale.clock.passes(minutes=5)
        await tale.phone("Bo").expects("Unacknowledged")
        assert tale.phone("Bo").last.queue_class == 0


# -- options -----------------------------------------------------------------------------------------------------


async def test_what_goes_out_after_an_ack_has_no_link_either(tmp_path: Path) -> None:
    """5.5: continue sending unsent messages: without footnote, marked who acked: also when the footnote has a link."""
    rules = policy(after(5, "Bo"), continue_unsent=True, append_link=True)
    async with Tale(tmp_path, TEAM + rules, url="https://plant.example") as tale:
        tale.channel("sms").window = 1
        tale.hangs()
        await tale.alarm()
        await tale.clock.passes(seconds=20)
        await tale.acks(by="Adam")
        await tale.goes_on()
        text = await tale.phone("Jane").expects("pump is hot")
        assert text == "pump is hot (acknowledged by Adam 12:00)"


# -- one case must not stop the others --------------------------------------------------------------------------


# -- pause and time ----------------------------------------------------------------------------------------------


async def test_a_shared_phone_is_still_told_for_the_one_who_has_not_answered(tmp_path: Path) -> None:
    """5.2: an ack stops only his own reminders and texts; whoever shares his phone is still asked."""
    shared = people("Adam", "Chief") + '[[recipient]]\nname = "Jane"\nsms = "91234567"\n' + settings()
    recall = policy(after(5, resend=True), kind="recall")
    async with Tale(tmp_path, shared + group("Team", "Adam", "Jane") + recall) as tale:
        tale.dies()
        await tale.alarm()
        await tale.acks(recipients=["Adam"])
        await tale.revives()
        await tale.phone("Adam").expects("pump is hot", tale.code)
        await tale.clock.passes(minutes=5)
        await tale.phone("Adam").expects("Reminder")
        await tale.phone("Adam").is_silent()


async def test_what_comes_back_after_an_ack_goes_out_marked_as_well(tmp_path: Path) -> None:
    """5.5: continue sending unsent: without footnote, marked: also a text under way at the ack and busy then."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), continue_unsent=True)) as tale:
        tale.hangs()
        tale.answers_next(Temporary("busy", retry_after_s=30), Temporary("busy", retry_after_s=30))
        await tale.alarm()
        await tale.acks(by="Adam")
        await tale.goes_on()
        await tale.clock.passes(minutes=1)
        await tale.phone("Jane").expects("pump is hot (acknowledged by Adam 12:00)")


async def test_an_ack_required_without_policy_is_told_as_an_event(tmp_path: Path) -> None:
    """9: ``ack_required = true`` without policy: code, no escalation, an event."""
    async with Tale(tmp_path, EVERYBODY + group("Team", "Adam", policy="")) as tale:
        await tale.alarm(ack_required=True)
        assert any("polic" in text for text in await tale.events())


async def test_a_row_nobody_can_read_stops_no_other_case(tmp_path: Path) -> None:
    """Law 6, 5.1: one damaged row is told as an event, and every other case still escalates."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"))) as tale:
        await tale.alarm("broken one")
        await tale.spoils_policy("[1]")
        await tale.alarm("good one")
        await tale.clock.passes(minutes=6)
        await tale.phone("Bo").expects("good one")
        assert await tale.events("StepFailed")


async def test_what_may_be_a_minute_old_is_not_older_for_a_pause(tmp_path: Path) -> None:
    """4: send ages, ttl and level clocks freeze: nothing expires while paused."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.operations.pause(ADMIN)
        await tale.alarm(ttl_s=60)
        await tale.clock.passes(hours=1)
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        await tale.phone("Adam").expects("pump is hot")


async def test_a_case_does_not_end_by_itself_while_paused(tmp_path: Path) -> None:
    """4, 5.1: a case stays open until ``close_after_h``; in a pause time stands still for it."""
    async with Tale(tmp_path, TEAM + policy(after(5, "Bo"), close_after_h=10)) as tale:
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(hours=11)
        assert (await tale.case())["state"] == "open"


async def test_the_status_says_that_we_are_paused(tmp_path: Path) -> None:
    """4: an emergency pause is persisted and the banner says so: the status must show it."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.operations.pause(ADMIN)
        assert "pause" in str(await tale.operations.status(ADMIN)).casefold()


async def test_the_author_is_not_told_of_his_own_ack_when_it_gets_worse(tmp_path: Path) -> None:
    """5.4: minus the author: a raise of higher priority in an acknowledged case brings no notice to who acknowledged."""
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm(key="pump")
        await tale.phone("Jane").replies(tale.code)
        await tale.alarm("FIRE", key="pump", priority=Priority.CRITICAL)
        assert not [text for text in tale.phone("Jane").texts if "Acknowledged by Jane" in text]
        assert len([text for text in tale.phone("Adam").texts if "Acknowledged by Jane" in text]) == 1


async def test_what_goes_out_marked_brings_no_second_notice(tmp_path: Path) -> None:
    """5.4, 5.5: the mark tells who acknowledged; the author is told nothing, others by one channel."""
    mailed = people("Adam", "Jane", email=True) + people("Bo", "Chief") + settings() + group("Team", "Adam", "Jane")
    async with Tale(tmp_path, mailed + policy(after(5, "Bo"), continue_unsent=True)) as tale:
        tale.dies("email")
        await tale.alarm()
        await tale.phone("Adam").replies(tale.code)
        await tale.revives("email")
        for name in ("Adam", "Jane"):
            assert tale.mailbox(name).texts == ["pump is hot (acknowledged by Adam 12:00)"]
