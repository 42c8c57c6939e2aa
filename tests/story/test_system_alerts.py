"""What the node tells of itself (SPEC 4 and 7): alerts with their end, the daily heartbeat, notices about a pause."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pipelines import ADMIN
from tale import Tale, after, group, people, policy, settings

from addispatch.domain.alarm import QueueClass
from addispatch.domain.receipt import Permanent, Temporary

PEOPLE = people("Adam", "Bo", "Chief") + group("Team", "Adam") + policy(after(5, "Bo"))
TEAM = PEOPLE + settings()
MAILED = (
    people("Adam", "Bo") + people("Chief", email=True) + group("Team", "Adam") + policy(after(5, "Bo")) + settings()
)


async def test_a_directory_that_is_not_applied_is_told_until_it_is(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.restart(TEAM + '[[route]]\nname = "r"\nto = ["Nobody"]\n')
        await tale.ticks()
        await tale.phone("Chief").expects("directory.toml is not applied", "unknown recipient or group 'Nobody'")
        warnings = (await tale.operations.status(ADMIN))["warnings"]
        assert len([one for one in warnings if "directory.toml" in one]) == 1
        await tale.restart(TEAM)
        await tale.ticks()
        await tale.phone("Chief").expects("directory.toml is all right again")
        assert (await tale.operations.status(ADMIN))["warnings"] == []


# -- the pause ---------------------------------------------------------------------------------------------------


async def test_a_pause_is_told_at_once_every_quarter_of_an_hour_and_at_its_end(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.operations.pause(ADMIN)
        await tale.ticks()
        await tale.phone("Chief").expects("EMERGENCY PAUSE by")
        await tale.alarm()
        await tale.clock.passes(minutes=14, seconds=59)
        await tale.phone("Chief").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Chief").expects("EMERGENCY PAUSE since 12:00 by", "1 message waits")
        await tale.clock.passes(minutes=15)
        await tale.phone("Chief").expects("EMERGENCY PAUSE since 12:00")
        assert tale.phone("Adam").received == []
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        await tale.phone("Chief").expects("Resumed by", "after 30 minutes")
        await tale.phone("Adam").expects("pump is hot")
        await tale.clock.passes(minutes=4)
        await tale.phone("Chief").is_silent()


async def test_a_restart_in_a_pause_neither_ends_it_nor_tells_it_anew(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.operations.pause(ADMIN)
        await tale.ticks()
        await tale.phone("Chief").expects("EMERGENCY PAUSE by")
        await tale.restart()
        await tale.phone("Chief").is_silent()
        await tale.alarm()
        assert tale.phone("Adam").received == []


async def test_how_often_a_pause_is_told_is_a_setting_and_0_is_never(tmp_path: Path) -> None:
    async with Tale(tmp_path, PEOPLE + settings(pause_remind_s=60)) as tale:
        await tale.operations.pause(ADMIN)
        await tale.ticks()
        await tale.clock.passes(minutes=1)
        assert len(tale.phone("Chief").received) == 2


async def test_a_notice_about_a_pause_that_finds_no_modem_is_tried_again_in_the_pause(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        tale.dies()
        await tale.operations.pause(ADMIN)
        await tale.ticks()
        assert tale.phone("Chief").received == []
        await tale.revives()
        await tale.phone("Chief").expects("EMERGENCY PAUSE by")


async def test_a_notice_about_a_pause_that_is_over_is_not_sent_any_more(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        tale.dies()
        await tale.operations.pause(ADMIN)
        await tale.clock.passes(minutes=20)
        await tale.operations.resume(ADMIN)
        await tale.revives()
        await tale.phone("Chief").expects("Resumed by")
        await tale.phone("Chief").is_silent()


async def test_a_notice_in_a_pause_that_is_not_taken_waits_before_it_is_tried_again(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.operations.pause(ADMIN)
        await tale.ticks()
        await tale.phone("Chief").expects("EMERGENCY PAUSE")
        tale.answers_next(Temporary("busy"))
        await tale.clock.passes(minutes=15)
        await tale.phone("Chief").is_silent()
        await tale.clock.passes(seconds=3)
        await tale.phone("Chief").expects("EMERGENCY PAUSE since")


async def test_a_system_alert_waits_for_the_end_of_the_pause(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.operations.pause(ADMIN)
        await tale.ticks()
        await tale.phone("Chief").expects("EMERGENCY PAUSE")
        tale.node.condition("disk", "the disk is nearly full", grace_s=0)
        await tale.ticks()
        await tale.phone("Chief").is_silent()
        await tale.operations.resume(ADMIN)
        await tale.ticks()
        await tale.phone("Chief").expects("the disk is nearly full")


# -- the heartbeat -----------------------------------------------------------------------------------------------


async def test_every_day_at_its_local_time_the_node_tells_that_it_lives(tmp_path: Path) -> None:
    directory = PEOPLE + settings(heartbeat_at="08:30")
    async with Tale(
        tmp_path, directory, starts=datetime(2026, 10, 23, 6, 0, tzinfo=UTC), timezone="Europe/Berlin"
    ) as tale:
        await tale.clock.passes(minutes=29)
        await tale.phone("Chief").is_silent()
        await tale.clock.passes(minutes=1)
        text = await tale.phone("Chief").expects("addispatch node-a OK", "24 h: 0 sent, 0 failed", "0 open cases")
        assert tale.phone("Chief").last.queue_class == QueueClass.REPORT
        assert "WARNING" not in text
        await tale.alarm()
        await tale.clock.passes(hours=23, minutes=59)
        await tale.acks()
        await tale.clock.passes(minutes=1)
        await tale.phone("Chief").expects("addispatch node-a", "sent, 0 failed")
        # Daylight saving ends on the 25th: a day of 25 hours.
        await tale.clock.passes(hours=24)
        await tale.clock.passes(minutes=59)
        assert len([text for text in tale.phone("Chief").texts if "24 h:" in text]) == 2
        await tale.clock.passes(minutes=1)
        assert len([text for text in tale.phone("Chief").texts if "24 h:" in text]) == 3


async def test_a_heartbeat_missed_for_an_hour_is_made_up_for_and_one_missed_for_a_day_is_not(tmp_path: Path) -> None:
    async with Tale(tmp_path, PEOPLE + settings(heartbeat_at="12:30")) as tale:
        await tale.clock.passes(minutes=30)
        await tale.phone("Chief").expects("24 h:")
        async with tale.down():
            tale.clock.forward(hours=25)
        await tale.phone("Chief").expects("24 h:")
        async with tale.down():
            tale.clock.forward(hours=36)
        await tale.phone("Chief").is_silent()


async def test_the_heartbeat_of_a_node_in_trouble_says_so(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED + "heartbeat_at = '12:20'\n") as tale:
        tale.node.condition("disk", "the disk is nearly full", grace_s=0)
        await tale.clock.passes(minutes=20)
        await tale.mailbox("Chief").expects("WARNING: the disk is nearly full")


async def test_asking_for_a_heartbeat_in_the_afternoon_sends_the_first_one_tomorrow(tmp_path: Path) -> None:
    async with Tale(tmp_path, PEOPLE + settings(heartbeat_at="11:00")) as tale:
        await tale.clock.passes(hours=1)
        await tale.phone("Chief").is_silent()
        await tale.clock.passes(hours=22)
        await tale.phone("Chief").expects("24 h:")


# -- what fails --------------------------------------------------------------------------------------------------


async def test_a_text_that_fails_for_good_is_told_by_another_channel_once_in_half_an_hour(tmp_path: Path) -> None:
    async with Tale(tmp_path, MAILED) as tale:
        for _ in range(3):
            tale.answers_next(Permanent("there is no such number"))
            await tale.alarm(to="Adam")
        await tale.mailbox("Chief").expects("sms to Adam failed: there is no such number", "pump is hot")
        await tale.mailbox("Chief").is_silent()
        assert tale.phone("Chief").received == []


async def test_a_system_alert_that_fails_raises_no_further_one(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        tale.answers_next(Permanent("no such number"))
        tale.node.condition("disk", "the disk is nearly full", grace_s=0)
        await tale.ticks()
        await tale.ticks()
        assert tale.phone("Chief").received == []
        assert len(await tale.events("DeliveryFailed")) == 1


# -- the auditor -------------------------------------------------------------------------------------------------


async def test_a_case_without_a_next_step_is_found_and_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.alarm()
        await tale.node.ledger.submit(_forget_deadlines)
        await tale.ticks()
        await tale.phone("Chief").is_silent()
        tale.clock.forward(seconds=61)
        await tale.ticks()
        await tale.phone("Chief").expects("a case is not taken care of", tale.code, "Team", "no next step")
        await tale.acks()
        await tale.ticks()
        await tale.phone("Chief").expects("auditor is all right again")


async def test_a_case_whose_step_was_missed_is_found(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.alarm()
        tale.clock.forward(minutes=7)
        for seconds in (0, 61):  # the escalator is dead: its look is left out
            tale.clock.forward(seconds=seconds)
            await tale.node.auditor.look()
        await tale.node.conditions.tell_due()
        await tale.quiet()
        await tale.phone("Chief").expects("missed its next step")


async def test_in_a_pause_nobody_misses_anything(tmp_path: Path) -> None:
    async with Tale(tmp_path, TEAM) as tale:
        await tale.alarm()
        await tale.operations.pause(ADMIN)
        tale.clock.forward(minutes=30)
        for seconds in (0, 61):
            tale.clock.forward(seconds=seconds)
            await tale.node.auditor.look()
        assert tale.node.conditions.bad() == {}


def _forget_deadlines(transaction) -> None:
    transaction.flush()
    transaction.connection.exec_driver_sql("UPDATE cases SET next_at_ms = NULL, close_at_ms = NULL")
    transaction.forget()
