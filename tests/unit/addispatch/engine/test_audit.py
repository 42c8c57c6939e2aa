"""Cases nobody takes care of; the whole path to the alert is in tests/story/test_system_alerts.py."""

from __future__ import annotations

from rooms import PHONE_ADAM, PHONE_BO, open_room, usual

from addispatch.engine.audit import forgotten

PEOPLE = (PHONE_ADAM, PHONE_BO)


async def found(room, later_s=0):
    return [str(case) for case in await room.ledger.read(lambda c: forgotten(c, room.now_ms + later_s * 1000))]


async def test_what_waits_for_a_step_a_message_or_its_end_is_taken_care_of(tmp_path):
    async with open_room(tmp_path, *PEOPLE, usual(), settings={}) as room:
        await room.accept(to=("Adam",))
        assert await found(room) == []
        await room.sends()
        assert await found(room) == []


async def test_a_case_without_a_step_and_one_that_missed_it_are_found(tmp_path):
    from pipelines import person

    adam = person("Adam", sms="+6591234567", policy="usual")
    async with open_room(tmp_path, adam, PHONE_BO, usual()) as room:
        await room.accept(to=("Adam",))
        await room.sends()
        code = (await room.entry()).code
        assert await found(room, later_s=300) == []
        assert await found(room, later_s=361) == [f"{code} for Adam missed its next step"]
        await room.on(1, lambda tx, entry: tx.set_next(entry, None))
        await room.unit(lambda tx: (tx.flush(), tx.connection.exec_driver_sql("UPDATE cases SET close_at_ms = NULL")))
        assert await found(room) == [f"{code} for Adam has no next step and no end"]
