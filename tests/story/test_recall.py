"""Emergency recall: everyone acknowledges for himself, until nobody is missing (SPEC 5.2)."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.alarm import QueueClass
from addispatch.domain.errors import Refused
from addispatch.domain.receipt import Permanent, Temporary

MEMBERS = ("Adam", "Jane", "Bo", "Eve", "Ops")
CREW = people(*MEMBERS) + people("Chief", email=True) + settings() + group("Crew", *MEMBERS, policy="muster")
ROUNDS = (after(5, resend=True), after(10, "Chief"), after(10, resend=True))
RECALL = CREW + policy(*ROUNDS, name="muster", kind="recall")


async def muster(tale: Tale, text: str = "Muster at gate 2", **fields: object) -> str:
    await tale.alarm(text, to="Crew", **fields)
    for name in MEMBERS:
        await tale.phone(name).expects(text, f"Reply {tale.code}")
    return tale.code


async def silent(tale: Tale, *names: str) -> None:
    for name in names:
        await tale.phone(name).is_silent()


async def test_five_people_each_for_himself_from_the_first_text_to_the_report(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        await tale.phone("Adam").replies(f"{code} ten minutes")
        await tale.phone("Adam").expects(f"Thank you, Adam. You are counted for {code}.")
        await tale.phone("Jane").replies(f"NO {code} abroad")
        await tale.phone("Jane").expects("Noted that you cannot come, Jane")
        await silent(tale, "Bo", "Eve", "Ops")  # nobody is told of the others' answers
        assert await tale.roll_call() == {
            "Adam": "acked", "Jane": "declined", "Bo": "pending", "Eve": "pending", "Ops": "pending",
        }  # fmt: skip
        await tale.clock.passes(minutes=5)
        for name in ("Bo", "Eve", "Ops"):
            await tale.phone(name).expects("Reminder: Muster at gate 2", code)
        await silent(tale, "Adam", "Jane")
        await tale.phone("Bo").replies(code)
        await tale.clock.passes(minutes=10)
        assert await tale.phone("Chief").expects("Missing 2 of 5: Eve, Ops. Muster at gate 2")
        await tale.phone("Eve").replies(f"{code} late")
        assert (await tale.case())["state"] == "open"
        await tale.phone("Ops").replies(code)
        await tale.ticks()
        case = await tale.case()
        assert (case["state"], case["reason"]) == ("closed", "acknowledged")
        report = await tale.mailbox("Chief").expects(f"Recall {code} for Crew: 4 acknowledged, 1 declined")
        lines = (
            "Acknowledged (4):",
            "Adam 12:00: ten minutes",
            "Declined (1):",
            "Jane 12:00: abroad",
            "Eve 12:15: late",
        )
        for line in (*lines, "Muster at gate 2"):
            assert line in report
        for name in ("Bo", "Eve", "Ops"):
            await tale.phone(name).expects("Thank you")
        await tale.clock.passes(hours=5)
        await silent(tale, *MEMBERS)


async def test_one_ack_ends_nothing_for_the_others(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        await tale.phone("Adam").replies(code)
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=5)
        await tale.phone("Jane").expects("Reminder")


async def test_recalls_go_out_before_everything_else(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        await muster(tale, priority="low")
        assert tale.phone("Adam").last.queue_class == QueueClass.EMERGENCY
        await tale.clock.passes(minutes=5)
        assert tale.phone("Adam").last.queue_class == QueueClass.EMERGENCY


async def test_the_clock_of_each_is_his_own(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        tale.channel("sms").window = 1
        tale.answers_next(Temporary("network busy", retry_after_s=120))
        await tale.alarm(to="Crew")
        await tale.phone("Jane").expects("pump is hot")
        await tale.clock.passes(minutes=3)
        await tale.phone("Adam").expects("pump is hot")  # two minutes after the others
        await tale.clock.passes(minutes=2)
        await tale.phone("Jane").expects("Reminder")
        await tale.clock.passes(minutes=1, seconds=59)
        await tale.phone("Adam").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Adam").expects("Reminder")


async def test_no_reminder_is_queued_while_an_earlier_text_waits(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        tale.dies()
        await tale.alarm(to="Crew")
        await tale.clock.passes(minutes=30)
        waiting = (await tale.operations.deliveries(ADMIN, state="queued", limit=100))["deliveries"]
        assert sorted(one["recipient"] for one in waiting if one["recipient"] != "Chief") == sorted(MEMBERS)
        await tale.revives()
        for name in MEMBERS:
            await tale.phone(name).expects("pump is hot", "ACK")
            await tale.phone(name).is_silent()


async def test_a_reminder_put_off_comes_in_his_own_time(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        tale.channel("sms").window = 1
        tale.answers_next(Temporary("network busy", retry_after_s=360))
        await tale.alarm(to="Crew")
        await tale.clock.passes(minutes=5)
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").expects("Reminder")
        await tale.phone("Adam").is_silent()
        await tale.clock.passes(minutes=1)
        await tale.phone("Adam").expects("pump is hot", "ACK")
        await tale.clock.passes(minutes=4, seconds=59)
        await tale.phone("Adam").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Adam").expects("Reminder")


async def test_an_ack_takes_back_his_queued_reminder_and_only_his(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        tale.dies()
        await tale.clock.passes(minutes=5)
        await tale.phone("Adam").replies(code)
        await tale.revives()
        await tale.phone("Adam").expects("Thank you")
        await tale.phone("Adam").is_silent()
        await tale.phone("Jane").expects("Reminder")


async def test_the_chief_is_told_who_is_missing_and_is_not_asked_himself(tmp_path: Path) -> None:
    async with Tale(tmp_path, CREW + policy(after(5, "Chief"), name="muster", kind="recall")) as tale:
        code = await muster(tale)
        await tale.phone("Adam").replies(code)
        await tale.clock.passes(minutes=5)
        text = await tale.phone("Chief").expects("Missing 4 of 5: Jane, Bo, Eve, Ops.")
        assert "ACK" not in text
        await tale.phone("Chief").replies(code)
        assert (await tale.roll_call()).keys() == set(MEMBERS)
        assert (await tale.case())["state"] == "open", "the chief is no member"


async def test_more_than_twelve_missing_are_counted_behind_the_names(tmp_path: Path) -> None:
    names = [f"Hand {number}" for number in range(15)]
    hands = "".join(
        f'[[recipient]]\nname = "{name}"\nsms = "+65912000{number:02}"\n' for number, name in enumerate(names)
    )
    crew = hands + people("Chief") + settings() + group("Crew", *names, policy="muster")
    async with Tale(tmp_path, crew + policy(after(5, "Chief"), name="muster", kind="recall")) as tale:
        await tale.alarm(to="Crew")
        await tale.clock.passes(minutes=5)
        await tale.phone("Chief").expects("Missing 15 of 15: Hand 0, Hand 1", "Hand 11 and 3 more")


async def test_who_cannot_be_reached_is_named_and_holds_nothing_open(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        tale.answers_next(Permanent("no such number"))
        await tale.alarm(to="Crew")
        assert (await tale.roll_call())["Adam"] == "undeliverable"
        for name in ("Jane", "Bo", "Eve", "Ops"):
            await tale.phone(name).replies(tale.code)
        await tale.ticks()
        assert (await tale.case())["state"] == "closed", "nobody is pending"
        assert "Not reached (1):\n  Adam" in await tale.mailbox("Chief").expects("4 acknowledged")


async def test_who_was_not_reached_is_missing_and_reminded(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        tale.answers_next(Permanent("no such number"))
        await tale.alarm(to="Crew")
        for name in ("Jane", "Bo", "Eve"):
            await tale.phone(name).replies(tale.code)
        await tale.clock.passes(minutes=5)
        await tale.phone("Adam").expects("Reminder")
        await tale.clock.passes(minutes=10)
        await tale.phone("Chief").expects("Missing 2 of 5: Adam, Ops.")


async def test_a_recall_that_reaches_nobody_goes_on_and_is_reported(tmp_path: Path) -> None:
    rounds = policy(after(5, "Chief"), after(10, resend=True), name="muster", kind="recall")
    async with Tale(tmp_path, CREW + rounds) as tale:
        tale.answers_next(*[Permanent("no such number")] * 5)
        await tale.alarm(to="Crew")
        await tale.ticks()
        assert set((await tale.roll_call()).values()) == {"undeliverable"}
        assert (await tale.case())["state"] == "open"
        await tale.phone("Chief").expects("Nobody was reached at the first recipients of Crew")
        await tale.phone("Chief").expects("Missing 5 of 5")


async def test_when_all_decline_it_closes_with_the_report(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        for name in MEMBERS:
            await tale.phone(name).replies(f"BUSY {code}")
        await tale.ticks()
        assert (await tale.case())["state"] == "closed"
        await tale.mailbox("Chief").expects("0 acknowledged, 5 declined")


async def test_who_declined_and_comes_after_all_is_counted(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        await tale.phone("Adam").replies(f"no {code}")
        await tale.phone("Adam").replies(f"{code} I can after all")
        assert (await tale.roll_call())["Adam"] == "acked"


async def test_at_the_end_of_the_chain_the_report_names_who_did_not_answer(tmp_path: Path) -> None:
    async with Tale(tmp_path, CREW + policy(after(5, resend=True), name="muster", kind="recall")) as tale:
        code = await muster(tale)
        await tale.phone("Adam").replies(code)
        await tale.clock.passes(minutes=9, seconds=59)
        await tale.mailbox("Chief").is_silent()
        await tale.clock.passes(seconds=1)
        report = await tale.mailbox("Chief").expects("1 acknowledged", "4 no answer")
        assert "No answer (4):\n  Jane\n  Bo\n  Eve\n  Ops" in report
        assert await tale.events("ChainEnded")
        assert (await tale.case())["state"] == "open"


async def test_late_answers_bring_the_report_up_to_date(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        await tale.clock.passes(hours=1)
        await tale.mailbox("Chief").expects("5 no answer")
        for name in ("Adam", "Jane"):
            await tale.phone(name).replies(code)
        await tale.clock.passes(seconds=59)
        assert not any("2 acknowledged" in text for text in tale.mailbox("Chief").texts)
        await tale.clock.passes(seconds=1)
        await tale.mailbox("Chief").expects("2 acknowledged", "3 no answer")  # one report for both


async def test_an_ack_after_the_close_is_counted_and_reported_again(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        await tale.phone("Jane").replies(f"no {code}")
        for name in ("Adam", "Bo", "Eve", "Ops"):
            await tale.phone(name).replies(code)
        await tale.ticks()
        await tale.mailbox("Chief").expects("4 acknowledged, 1 declined")
        await tale.clock.passes(hours=1)
        await tale.phone("Jane").replies(f"{code} plane cancelled, coming")
        assert (await tale.roll_call())["Jane"] == "acked"
        await tale.clock.passes(minutes=1)
        await tale.mailbox("Chief").expects("5 acknowledged", "plane cancelled, coming")


async def test_a_second_ack_of_the_same_one_is_told_that_he_is_counted(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        await tale.phone("Adam").replies(code)
        await tale.clock.passes(minutes=3)
        await tale.phone("Adam").replies(code)
        await tale.phone("Adam").expects("Thank you")
        await tale.phone("Adam").expects(f"You acknowledged {code} at 12:00.")


def empty_crew(*levels: str, **more: object) -> str:
    return people("Chief", "Ops", email=True) + settings() + group("Crew", policy="muster") + policy(
        *levels, name="muster", kind="recall", **more
    )  # fmt: skip


async def test_a_recall_of_an_empty_group_is_reported_and_ends_at_once(tmp_path: Path) -> None:
    async with Tale(tmp_path, empty_crew(after(5, resend=True), after(10, resend=True), repeat=2)) as tale:
        await tale.alarm("Muster at gate 2", to="Crew")
        await tale.ticks()
        case = await tale.case()
        assert (case["state"], case["reason"]) == ("closed", "failed")
        await tale.phone("Chief").expects("Crew has nobody with a usable address. The alarm: Muster at gate 2")
        report = await tale.mailbox("Chief").expects(f"Recall {tale.code} for Crew: there is nobody in it to ask")
        assert "Muster at gate 2" in report
        assert await tale.events("AudienceUnreachable") == [
            "plant: Crew has nobody with a usable address; others are told."
        ]
        assert any("there was nobody to ask" in text for text in await tale.events("CaseClosed"))
        assert case["next_step_at"] is None
        await tale.clock.passes(hours=80)
        assert len(await tale.events("CaseClosed")) == 1


async def test_the_supervisors_of_an_empty_recall_are_told_before_it_ends(tmp_path: Path) -> None:
    async with Tale(tmp_path, empty_crew(after(5, resend=True), after(10, "Ops"))) as tale:
        await tale.alarm("Muster at gate 2", to="Crew")
        await tale.ticks()
        await tale.phone("Ops").expects("Crew has nobody in it to ask. Muster at gate 2")
        assert (await tale.case())["state"] == "open"
        await tale.clock.passes(minutes=10)
        assert (await tale.case())["state"] == "closed"


async def test_an_empty_recall_can_be_taken_up_by_an_operator(tmp_path: Path) -> None:
    async with Tale(tmp_path, empty_crew(after(10, "Ops"))) as tale:
        await tale.alarm("Muster at gate 2", to="Crew")
        await tale.ticks()
        said = await tale.acks(recipients=["all"], comment="called them myself")
        assert said["cases"][0]["result"] == "acknowledged"
        assert "there was nobody to ask" in said["answer"]
        case = await tale.case()
        assert (case["state"], case["reason"], case["next_step_at"]) == ("closed", "acknowledged", None)
        assert (await tale.acks(recipients=["all"]))["cases"][0]["result"] == "already"


async def test_the_report_goes_by_sms_where_nobody_has_a_mailbox(tmp_path: Path) -> None:
    crew = people("Adam", "Chief") + settings() + group("Crew", "Adam", policy="muster")
    async with Tale(tmp_path, crew + policy(after(5, resend=True), name="muster", kind="recall")) as tale:
        await tale.alarm(to="Crew")
        await tale.phone("Adam").replies(tale.code)
        await tale.ticks()
        await tale.phone("Chief").expects("Recall", "1 acknowledged")


async def test_the_console_names_people_or_all(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        await muster(tale)
        await tale.acks(recipients=["Adam", "Jane"], comment="seen at the gate")
        answers = await tale.roll_call()
        assert [name for name in MEMBERS if answers[name] == "acked"] == ["Adam", "Jane"]
        await tale.acks(recipients=["all"])
        assert set((await tale.roll_call()).values()) == {"acked"}
        assert (await tale.case())["state"] == "closed"


async def test_a_recall_repeats_for_those_who_are_missing(tmp_path: Path) -> None:
    async with Tale(tmp_path, CREW + policy(after(5, resend=True), name="muster", kind="recall", repeat=1)) as tale:
        code = await muster(tale)
        await tale.phone("Adam").replies(code)
        await tale.phone("Adam").expects("Thank you")
        for _ in range(3):
            await tale.clock.passes(minutes=5)
            await tale.phone("Jane").expects("Reminder", code)
        await tale.clock.passes(minutes=5)
        await tale.mailbox("Chief").expects("4 no answer")
        await silent(tale, "Adam", "Jane")


async def test_a_shared_number_counts_for_each_who_was_told(tmp_path: Path) -> None:
    """Both have the control room's phone, and each a mailbox of his own, so both were contacted."""
    shared = people("Adam", email=True) + people("Jane", email=True).replace("81234567", "91234567")
    crew = shared + people("Bo", "Chief") + settings() + group("Crew", "Adam", "Jane", "Bo", policy="muster")
    async with Tale(tmp_path, crew + policy(after(5, resend=True), name="muster", kind="recall")) as tale:
        await tale.alarm(to="Crew")
        await tale.phone("Adam").replies(tale.code)
        assert await tale.roll_call() == {"Adam": "acked", "Jane": "acked", "Bo": "pending"}


async def test_no_roll_call_for_what_is_no_recall(tmp_path: Path) -> None:
    plain = CREW.replace('policy = "muster"', 'policy = "usual"') + policy(after(5, "Chief"))
    async with Tale(tmp_path, plain) as tale:
        await tale.alarm(to="Crew")
        with pytest.raises(Refused, match="no recall"):
            await tale.roll_call()


async def test_a_clear_ends_a_recall_and_tells_those_who_know(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        await muster(tale, key="gas")
        await tale.clears("gas")
        for name in MEMBERS:
            await tale.phone(name).expects("Returned to normal: Muster at gate 2")
        await tale.clock.passes(hours=1)
        await silent(tale, *MEMBERS)


async def test_a_restart_between_the_last_ack_and_the_report_loses_no_report(tmp_path: Path) -> None:
    async with Tale(tmp_path, RECALL) as tale:
        code = await muster(tale)
        tale.dies("email")
        for name in MEMBERS:
            await tale.phone(name).replies(code)
        await tale.restart()
        await tale.mailbox("Chief").expects("5 acknowledged")
        await tale.clock.passes(hours=1)
        await tale.mailbox("Chief").is_silent()


async def test_his_answer_counts_in_the_recalls_of_both_his_groups(tmp_path: Path) -> None:
    both = CREW + group("Fire", "Adam", "Jane", policy="muster") + policy(*ROUNDS, name="muster", kind="recall")
    async with Tale(tmp_path, both) as tale:
        await tale.alarm(to=("Crew", "Fire"))
        await tale.phone("Adam").replies(tale.code)
        found = (await tale.operations.roll_call(ADMIN, tale.code))["recalls"]
        assert len(found) == 2
        for recall in found:
            assert {person["recipient"]: person["answer"] for person in recall["people"]}["Adam"] == "acked"
