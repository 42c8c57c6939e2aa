"""System alerts with a beginning and an end: who is told, by what, and what a restart remembers."""

from __future__ import annotations

from pipelines import person
from rooms import PHONE_ADAM, PHONE_CHIEF, SMS_CHIEF, open_room

from addispatch.engine.conditions import Conditions

CHIEF = {"system_alert_to": ("chief",)}
BOTH = person("Chief", sms=SMS_CHIEF, email=("chief@example.com",))


def conditions(room, broken=frozenset()):
    made = Conditions("node-a", room.ledger, room.clock, lambda: room.desk, lambda: broken)
    made.load()
    return made


async def test_what_lasts_is_told_once_and_its_end_too(tmp_path):
    async with open_room(tmp_path, PHONE_ADAM, PHONE_CHIEF, settings=CHIEF) as room:
        kept = conditions(room)
        kept.report("modem sim1", "modem sim1 has no network")
        await kept.tell_due()
        assert await room.sends() == []
        room.clock.forward(seconds=61)
        await kept.tell_due()
        await kept.tell_due()
        assert await room.sends() == ["Chief: addispatch node-a: modem sim1 has no network"]
        assert kept.bad() == {"modem sim1": "modem sim1 has no network"}
        kept.report("modem sim1", "")
        await kept.tell_due()
        assert await room.sends() == ["Chief: addispatch node-a: modem sim1 is all right again"]
        assert kept.bad() == {}
        assert await room.lines("SystemAlert") == [
            "System alert: modem sim1 has no network", "System alert: modem sim1 is all right again",
        ]  # fmt: skip


async def test_what_is_due_at_once_is_one_message(tmp_path):
    async with open_room(tmp_path, PHONE_CHIEF, settings=CHIEF, max_segments=9) as room:
        kept = conditions(room)
        for number in range(8):
            kept.report(f"modem {number}", f"modem {number} is broken", grace_s=0)
        await kept.tell_due()
        (text,) = await room.sends()
        assert "modem 0 is broken; modem 1 is broken;" in text
        assert text.endswith("and 3 more")


async def test_it_goes_over_every_path_but_the_broken_one(tmp_path):
    async with open_room(tmp_path, BOTH, settings=CHIEF) as room:
        kept = conditions(room, frozenset({"sms"}))
        kept.report("channel sms", "No working modem found", grace_s=0)
        await kept.tell_due()
        assert await room.sends("sms") == []
        assert len(await room.sends("email")) == 1


async def test_somebody_who_has_only_the_broken_path_is_told_when_it_works_again(tmp_path):
    async with open_room(tmp_path, PHONE_CHIEF, settings=CHIEF) as room:
        kept = conditions(room, frozenset({"sms"}))
        kept.report("channel sms", "No working modem found", grace_s=0)
        await kept.tell_due()
        assert await room.waiting() == ["Chief: addispatch node-a: No working modem found"]


async def test_a_restart_neither_repeats_it_nor_forgets_its_end(tmp_path):
    async with open_room(tmp_path, PHONE_CHIEF, settings=CHIEF) as room:
        before = conditions(room)
        before.report("disk", "the disk is full", grace_s=0)
        await before.tell_due()
        assert len(await room.sends()) == 1
        after = conditions(room)
        after.report("disk", "the disk is full", grace_s=0)
        await after.tell_due()
        assert await room.sends() == []
        after.report("disk", "")
        await after.tell_due()
        assert await room.sends() == ["Chief: addispatch node-a: disk is all right again"]


async def test_a_condition_of_a_plugin_that_is_gone_ends_by_itself(tmp_path):
    async with open_room(tmp_path, PHONE_CHIEF, settings=CHIEF) as room:
        before = conditions(room)
        before.report("modem old", "modem old is gone", grace_s=0)
        await before.tell_due()
        await room.sends()
        after = conditions(room)
        await after.tell_due()
        assert await room.sends() == []
        room.clock.forward(seconds=601)
        await after.tell_due()
        await after.tell_due()
        assert await room.sends() == ["Chief: addispatch node-a: modem old is all right again"]


async def test_nobody_to_tell_is_no_reason_to_be_silent_in_the_log(tmp_path):
    async with open_room(tmp_path, PHONE_ADAM) as room:
        kept = conditions(room)
        kept.report("disk", "the disk\nis full " + "x" * 1000, grace_s=0)
        await kept.tell_due()
        (line,) = await room.lines("SystemAlert")
        assert line.startswith("System alert: the disk is full xxx")
        assert len(line) < 400
