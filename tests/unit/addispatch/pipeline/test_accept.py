"""The way in: durable before it is answered, idempotent, nobody forgotten, and a failing ledger confirms nothing."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from pipelines import ADAM, JANE, BrokenDisk, alarm, book, group, open_pipeline, person, route

from addispatch.domain.alarm import AlarmState, Mark
from addispatch.domain.errors import Refused, StoreError
from addispatch.pipeline import accept as module
from addispatch.store import schema

PATH, WORD = "broker:1883", b"x" * 32


async def test_accepted_is_stored_queued_and_told_to_the_channels(tmp_path):
    async with open_pipeline(tmp_path) as node:
        accepted = await node.accept(to=("Ops",))
        (case,) = await node.cases()
        assert [ref.id for ref in accepted.cases] == [case["id"]]
        assert not accepted.duplicate
        assert {(d["recipient"], d["channel"], d["state"]) for d in case["deliveries"]} == {
            (who, how, "queued") for who in ("Adam", "Jane") for how in ("sms", "email")
        }
        assert node.poked == [{"sms", "email"}]
        assert await node.kinds() == ["AlarmAccepted"]


async def test_the_same_id_is_stored_once_and_answered_the_same(tmp_path):
    async with open_pipeline(tmp_path) as node:
        first, second = await asyncio.gather(
            node.accept(id="a1", to=("Ops",), ack_required=True), node.accept(id="a1", to=("Ops",), ack_required=True)
        )
        assert (first.duplicate, second.duplicate) == (False, True)
        assert first.alarm_id == second.alarm_id
        assert first.cases == second.cases
        assert first.cases[0].code
    async with open_pipeline(tmp_path) as node:
        third = await node.accept(id="a1", to=("Ops",), ack_required=True)
        assert (third.duplicate, third.cases) == (True, first.cases)
        assert len(await node.cases()) == 1
        other = await node.accept(id="a1", source="modbus", to=("Ops",))
        assert not other.duplicate, "ids belong to their source"


async def test_a_redelivery_is_one_and_two_equal_publishes_are_two(tmp_path):
    publish = {"fingerprint": WORD, "path": PATH, "to": ("Ops",)}
    async with open_pipeline(tmp_path) as node:
        node.redelivery.reconnected(PATH, node.clock.monotonic_s())
        for _ in range(2):
            assert not (await node.accept(**publish)).duplicate
            node.redelivery.confirmed(PATH, WORD, node.clock.monotonic_s())
            node.clock.forward(seconds=1)
        node.redelivery.disconnected(PATH, node.clock.monotonic_s())
        node.redelivery.reconnected(PATH, node.clock.monotonic_s())
        assert [(await node.accept(**publish)).duplicate for _ in range(3)] == [True, True, False]
        assert len(await node.cases()) == 3


async def test_a_redelivery_waits_for_the_commit_it_repeats(tmp_path):
    publish = alarm(fingerprint=WORD, path=PATH, to=("Ops",))
    async with open_pipeline(tmp_path) as node:
        with BrokenDisk(node.ledger):
            first = node.pipeline.accept(publish)
            node.redelivery.reconnected(PATH, node.clock.monotonic_s())
            again = node.pipeline.accept(publish)
            for future in (first, again):
                with pytest.raises(StoreError, match="full"):
                    await future
        assert not (await node.pipeline.accept(publish)).duplicate
        assert len(await node.cases()) == 1


async def test_a_redelivery_of_what_is_durable_is_answered_even_on_a_full_disk(tmp_path):
    """Or its source would hand it over again later, when it is not expected any more: told twice."""
    publish = alarm(fingerprint=WORD, path=PATH, to=("Ops",))
    async with open_pipeline(tmp_path) as node:
        await node.pipeline.accept(publish)
        node.redelivery.reconnected(PATH, node.clock.monotonic_s())
        with BrokenDisk(node.ledger):
            assert (await node.pipeline.accept(publish)).duplicate
        node.redelivery.reconnected(PATH, node.clock.monotonic_s())
        assert (await node.pipeline.accept(publish)).duplicate
        assert len(await node.cases()) == 1


async def test_each_publish_without_id_leaves_a_place_in_the_ring(tmp_path):
    async with open_pipeline(tmp_path, first_number=41) as node:
        await asyncio.gather(*(node.accept(fingerprint=bytes([n]) * 32, path=PATH, to=("Ops",)) for n in range(3)))
        await node.accept(id="a1", fingerprint=WORD, path=PATH, to=("Ops",))
        rows = await node.ledger.read(lambda c: c.execute(sa.select(schema.intake.c.slot, schema.intake.c.path)).all())
        assert [tuple(row) for row in rows] == [(n, PATH) for n in (42, 43, 44)]


async def test_a_redelivery_moves_to_the_newest_place_of_the_ring(tmp_path):
    """Or the next process would go on counting behind an old place and write over what it still needs."""
    async with open_pipeline(tmp_path) as node:
        words = [bytes([n]) * 32 for n in range(3)]
        for word in words:
            await node.accept(fingerprint=word, path=PATH, to=("Ops",))
        node.redelivery.reconnected(PATH, node.clock.monotonic_s())
        node.clock.forward(seconds=1)
        await node.accept(fingerprint=words[0], path=PATH, to=("Ops",))
        rows = await node.ledger.read(lambda c: c.execute(sa.select(schema.intake)).all())
        fresh = {row.slot: (row.at_ms, row.fingerprint) for row in rows if row.at_ms}
        assert {slot: word for slot, (_, word) in fresh.items()} == {2: words[1], 3: words[2], 4: words[0]}
        assert max(fresh, key=lambda slot: fresh[slot]) == 4


async def test_when_the_disk_is_short_alarms_are_refused_and_redeliveries_answered(tmp_path):
    async with open_pipeline(tmp_path) as node:
        first = {"to": ("Ops",), "fingerprint": b"a" * 32, "path": PATH}
        await node.accept(**first)
        node.pipeline._redelivery.confirmed(PATH, b"a" * 32, node.clock.monotonic_s())
        node.pipeline._redelivery.disconnected(PATH, node.clock.monotonic_s())
        node.pipeline._redelivery.reconnected(PATH, node.clock.monotonic_s())
        node.ledger.intake_problem = "only 3 MiB are free"
        assert (await node.accept(**first)).duplicate
        for state in ("raised", "cleared"):
            with pytest.raises(StoreError, match="only 3 MiB are free"):
                await node.accept(to=("Ops",), key="k", state=state)
        node.ledger.intake_problem = ""
        await node.accept(to=("Ops",), key="k")
        assert len(await node.cases()) == 2


async def test_a_ledger_that_fails_confirms_nothing_and_takes_it_later(tmp_path):
    mark = Mark("retained:t", b"1")
    async with open_pipeline(tmp_path) as node:
        with BrokenDisk(node.ledger), pytest.raises(StoreError, match="cannot be written: database or disk is full"):
            await node.accept(to=("Ops",), mark=mark)
        assert await node.cases() == []
        assert node.ledger.marks == {}
        assert "full" in node.ledger.problem
        await node.accept(to=("Ops",), mark=mark)
        assert node.ledger.marks == {"retained:t": b"1"}
        assert node.ledger.problem == ""


async def test_a_refusal_names_the_field_and_is_an_event(tmp_path):
    async with open_pipeline(tmp_path) as node:
        with pytest.raises(Refused, match="text: is empty"):
            await node.accept("  \n")
        (event,) = await node.events("AlarmRefused")
        assert event["text"] == "Alarm from mqtt refused. text: is empty"
        assert event["severity"] == "warning"


async def test_a_flood_of_bad_alarms_is_no_flood_of_events(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "REFUSALS_PER_MINUTE", 3)
    async with open_pipeline(tmp_path) as node:
        for seconds in (0, 0, 0, 0, 0, 61):
            node.clock.forward(seconds=seconds)
            with pytest.raises(Refused):
                await node.accept("")
        assert len(await node.events("AlarmRefused")) == 4


async def test_an_unknown_name_is_an_event_and_the_default_group_is_told(tmp_path):
    directory = book(ADAM, JANE, group("Ops", "Adam"), group("default", "Jane"))
    async with open_pipeline(tmp_path, directory) as node:
        await node.accept(to=("Opps",))
        (unknown,) = await node.events("AudienceUnknown")
        assert "nobody is called 'Opps'" in unknown["text"]
        assert [c["audience"] for c in await node.cases()] == ["default"]
        (unrouted,) = await node.events("AlarmUnrouted")
        assert unrouted["severity"] == "warning"


async def test_without_default_group_the_system_alert_recipients_are_told(tmp_path):
    async with open_pipeline(tmp_path, book(ADAM, JANE, system_alert_to=("jane",))) as node:
        await node.accept()
        assert [c["audience"] for c in await node.cases()] == ["Jane"]


async def test_somebody_without_a_usable_address_falls_back_too(tmp_path):
    directory = book(person("Mute", "sms"), ADAM, system_alert_to=("adam",))
    async with open_pipeline(tmp_path, directory) as node:
        await node.accept(to=("Mute",))
        assert [c["audience"] for c in await node.cases()] == ["Mute", "Adam"]
        assert len(await node.events("AlarmUnrouted")) == 1


async def test_an_alarm_for_nobody_is_a_severe_event(tmp_path):
    async with open_pipeline(tmp_path, book()) as node:
        accepted = await node.accept()
        assert accepted.cases == ()
        (event,) = await node.events("AlarmReachesNobody")
        assert event["severity"] == "severe"
        assert event["text"].startswith("NOBODY TOLD about the alarm from mqtt: hot.")


async def test_a_clear_needs_no_route(tmp_path):
    async with open_pipeline(tmp_path, book()) as node:
        await node.accept("", state=AlarmState.CLEARED, key="k")
        assert await node.kinds() == ["AlarmCleared"]


async def test_the_default_time_to_live(tmp_path):
    async with open_pipeline(tmp_path, default_ttl_s=60.0) as node:
        await node.accept(to=("Adam",))
        await node.accept(to=("Adam",), ttl_s=5.0)

        def expiries(connection):
            return connection.execute(sa.select(schema.deliveries.c.expires_at_ms)).scalars().all()

        start = node.clock.now_ms()
        assert set(await node.ledger.read(expiries)) == {start + 60_000, start + 5_000}


async def test_a_filter_keeps_a_text_from_somebody_and_says_why(tmp_path):
    def not_jane(_alarm, recipient, _channel):
        return "on leave" if recipient.name == "Jane" else ""

    async with open_pipeline(tmp_path, filters=[not_jane]) as node:
        await node.accept(to=("Ops",))
        kept = {(d["recipient"], d["state"], d["error"]) for d in await node.deliveries()}
        assert kept == {("Adam", "queued", None), ("Jane", "filtered", "on leave")}


async def test_a_new_directory_is_used_at_once(tmp_path):
    async with open_pipeline(tmp_path, book(ADAM, route("all", "Adam"))) as node:
        await node.accept()
        node.pipeline.use(book(JANE, route("all", "Jane")))
        await node.accept()
        assert [c["audience"] for c in await node.cases()] == ["Adam", "Jane"]


async def test_a_dry_run_stores_nothing(tmp_path):
    async with open_pipeline(tmp_path) as node:
        plan, drafts = node.pipeline.plan(node.pipeline.checked(alarm(to=("Ops",))))
        assert [t.audience.name for t in plan.targets] == ["Ops"]
        assert len(drafts[0][1]) == 4
        assert await node.cases() == []
        with pytest.raises(Refused):
            node.pipeline.checked(alarm(""))
