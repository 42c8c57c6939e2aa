"""Basic escalation, told as the manual would: one acknowledges for all, until then the next level is told (SPEC 5.1)."""

from __future__ import annotations

from pathlib import Path

from tale import Tale, people

POLICY = (
    people("Adam", "Jane", "Bo", "Eve", "Chief")
    + """
[settings]
system_alert_to = ["Chief"]
[[group]]
name = "Team"
members = ["Adam", "Jane"]
policy = "usual"
[[group]]
name = "Second line"
members = ["Bo", "Eve"]
[[policy]]
name = "usual"
[[policy.level]]
after_minutes = 5
to = ["Second line"]
[[policy.level]]
after_minutes = 15
call = ["Chief"]
"""
)


async def test_one_acknowledges_for_all_and_everybody_is_told(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        text = await tale.phone("Adam").expects("pump is hot", f"ACK: Reply {tale.code} + msg")
        assert text == f"pump is hot\nACK: Reply {tale.code} + msg"
        await tale.phone("Jane").expects("pump is hot")
        await tale.phone("Jane").replies(f"{tale.code} on my way")
        await tale.phone("Jane").expects(f"Thank you, Jane. {tale.code} is acknowledged.")
        await tale.phone("Adam").expects(f"Acknowledged by Jane: on my way ({tale.code} pump is hot)")
        case = await tale.case()
        assert (case["state"], case["reason"], case["acknowledged_by"]) == ("closed", "acknowledged", "Jane")
        await tale.clock.passes(hours=2)
        for name in ("Adam", "Jane", "Bo", "Chief"):
            await tale.phone(name).is_silent()


async def test_nobody_answers_so_each_level_is_told_in_its_time(tmp_path: Path) -> None:
    async with Tale(tmp_path, POLICY) as tale:
        await tale.alarm("pump is hot")
        await tale.clock.passes(minutes=4, seconds=59)
        await tale.phone("Bo").is_silent()
        await tale.clock.passes(seconds=1)
        await tale.phone("Bo").expects("Unacknowledged for 5 min: pump is hot", tale.code)
        await tale.phone("Eve").expects("pump is hot")
        await tale.clock.passes(minutes=15)
        await tale.ringer("Chief").expects("")
        assert (await tale.case())["level"] == 2
        await tale.clock.passes(minutes=15)
        await tale.phone("Chief").expects(f"Nobody acknowledged {tale.code} for Team")
        assert await tale.events("ChainEnded")
        assert (await tale.case())["state"] == "open", "it stays open until somebody acts"
        await tale.clock.passes(hours=10)
        await tale.phone("Bo").is_silent()
