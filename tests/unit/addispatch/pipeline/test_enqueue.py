"""From a plan to cases and deliveries: one message per person and alarm, keys add, clears close, codes are shared."""

from __future__ import annotations

import re

import orjson
import pytest
from pipelines import ADAM, JANE, alarm, book, group, open_pipeline, person, route

from addispatch.domain.addressbook import Mode
from addispatch.domain.alarm import AlarmState, Priority
from addispatch.domain.case import Case, DeliveryState, Fact
from addispatch.domain.delivery import RetryRules, settle
from addispatch.domain.policy import Policy
from addispatch.domain.receipt import Sent
from addispatch.engine.outcome import record
from addispatch.pipeline.desk import Desk
from addispatch.pipeline.draft import Draft, new_deliveries

BOTH = book(ADAM, JANE, group("Ops", "Adam", "Jane"), group("Fire", "Adam"))
CRITICAL = Policy(id="critical", name="critical", renotify_after_s=600, close_after_h=1)
#: Where rows are made without a node: no code, so nobody is asked anything.
ROOM = {"desk": Desk(directory=BOTH), "case": Case(id="1")}
POLICED = book(ADAM, JANE, CRITICAL, group("Ops", "Adam", policy="critical"), group("Fire", "Adam", "Jane"))


def words(delivery):
    """A text without its footnote."""
    return delivery["text"].split("\n")[0]


async def send_all(node):
    """Record everything that waits as sent."""
    for channel in ("sms", "email", "log"):

        def unit(tx, channel=channel):
            for claim in tx.claim_due(channel, 100, node.clock.now_ms()):
                outcome = settle(
                    claim.state, Sent(), rules=RetryRules(), priority=claim.priority, repeated=claim.repeat, jitter=0.5
                )
                record(tx, claim, outcome, node.clock.now_ms(), lambda: node.pipeline.desk)

        await node.ledger.submit(unit)


# -- a new alarm ---------------------------------------------------------------------------------------------------------


async def test_a_person_in_two_groups_gets_one_message_per_address(tmp_path):
    async with open_pipeline(tmp_path, BOTH) as node:
        await node.accept(to=("Ops", "Fire", "Adam"))
        queued = [(d["recipient"], d["channel"]) for d in await node.deliveries() if d["state"] == "queued"]
        assert sorted(queued) == [("Adam", "email"), ("Adam", "sms"), ("Jane", "email"), ("Jane", "sms")]
        ops, fire, adam = await node.cases()
        for case in (fire, adam):
            assert (case["state"], case["reason"]) == ("closed", "filtered")
            assert {d["error"] for d in case["deliveries"]} == {
                "told of the same alarm already, by another group or by name"
            }
        assert ops["state"] == "open"
        assert await node.events("AlarmReachesNobody") == []


async def test_cases_of_one_alarm_share_a_code_and_another_alarm_has_another(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        first = await node.accept(to=("Ops", "Fire"), ack_required=True)
        second = await node.accept(to=("Ops", "Fire"))
        codes = [ref.code for ref in first.cases]
        assert codes[0] == codes[1]
        assert re.fullmatch(r"[A-HJ-M]\d{3}", codes[0])
        assert second.cases[0].code not in (None, codes[0])
        assert second.cases[1].code is None, "Fire has no policy, and the alarm asks for nothing"
        assert [(c["code"], c["state"]) for c in await node.cases()][:2] == [(codes[0], "open")] * 2


async def test_the_policy_is_frozen_into_the_case(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        await node.accept(to=("Ops",))
        node.pipeline.use(book(ADAM, group("Ops", "Adam")))
        entry = await node.ledger.submit(lambda tx: tx.entry(1))
        assert orjson.loads(entry.case.head.policy)["renotify_after_s"] == 600
        assert entry.case.head.close_after_s == 3600


async def test_what_nobody_can_get_is_final_at_once_and_loud(tmp_path):
    async with open_pipeline(tmp_path, book(person("Bo", "sms", sms="+6591234567")), frozenset({"email"})) as node:
        await node.accept(to=("Bo",))
        (case,) = await node.cases()
        assert (case["state"], case["reason"]) == ("closed", "failed")
        assert [e["severity"] for e in await node.events("AlarmReachesNobody")] == ["severe"]
        assert "no plugin provides the channel sms" in (await node.events("DeliveryFailed"))[0]["text"]


async def test_urgent_ones_queue_in_front(tmp_path):
    async with open_pipeline(tmp_path, book(person("Bo", "log"), route("all", "Bo"))) as node:
        await node.accept("low", priority=Priority.LOW)
        await node.accept("fire", priority=Priority.CRITICAL)
        claims = await node.ledger.submit(lambda tx: tx.claim_due("log", 9, node.clock.now_ms()))
        assert [claim.text for claim in claims] == ["fire", "low"]


# -- rows ----------------------------------------------------------------------------------------------------------------


def draft(channel="sms", **fields) -> Draft:
    values = {"recipient_id": "adam", "recipient": "Adam", "address": f"adam@{channel}", "text": "hot", "subject": ""}
    return Draft(channel=channel, **{**values, **fields})


@pytest.mark.parametrize(("after_s", "dues"), [(None, (1000, None, None)), (60.0, (1000, 61_000, 121_000))])
def test_later_rungs_are_held_or_go_after_their_time(after_s, dues):
    drafts = [draft(channel, rung=n, step_after_s=after_s) for n, channel in enumerate(("sms", "chat", "email"))]
    assert tuple(row.due_at_ms for row in new_deliveries(alarm(), drafts, set(), 1000, **ROOM)) == dues


def test_a_ladder_begins_with_the_first_rung_that_can_go():
    """Rung 0 is filtered, so rung 1 goes now; rung 2 waits for it."""
    drafts = [draft("sms", filtered="night"), draft("chat", rung=1), draft("email", rung=2)]
    rows = new_deliveries(alarm(), drafts, set(), 1000, **ROOM)
    assert [(row.state.fact, row.due_at_ms) for row in rows] == [
        (Fact.FILTERED, None),
        (Fact.NONE, 1000),
        (Fact.NONE, None),
    ]
    others = [draft("sms"), draft("email", rung=1, recipient_id="jane")]
    assert [row.due_at_ms for row in new_deliveries(alarm(), others, set(), 1000, **ROOM)] == [1000, 1000]


def test_time_to_live_and_final_rows():
    good, bad = new_deliveries(alarm(ttl_s=2.5), [draft(), draft("email", problem="no plugin")], set(), 1000, **ROOM)
    assert (good.expires_at_ms, good.state) == (3500, DeliveryState())
    assert (bad.due_at_ms, bad.state.fact, bad.error) == (None, Fact.FAILED, "no plugin")


# -- keys ----------------------------------------------------------------------------------------------------------------


async def test_a_raise_with_the_key_of_an_open_case_adds_to_it(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        first = await node.accept("hot", key="boiler", to=("Ops",))
        second = await node.accept("hotter", key="boiler", to=("Ops",))
        assert second.cases == first.cases
        assert second.alarm_id != first.alarm_id
        (case,) = await node.cases()
        assert (case["count"], case["text"], case["last_text"]) == (2, "hot", "hotter")
        assert len(case["deliveries"]) == 2, "no new message"
        assert (await node.events("AlarmAdded"))[0]["text"] == "boiler: raised again, 2 times now, open for Ops"


async def test_a_raise_that_is_more_urgent_is_told_again_once(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        await node.accept(key="boiler", to=("Ops",), priority=Priority.MEDIUM)
        await send_all(node)
        for text, priority in (("worse", "critical"), ("still", "critical"), ("better", "low"), ("again", "critical")):
            await node.accept(text, key="boiler", to=("Ops",), priority=Priority(priority))
        (case,) = await node.cases()
        assert [words(d) for d in case["deliveries"]] == ["hot", "hot", "worse", "worse"]
        assert case["count"] == 5


async def test_a_more_urgent_raise_tells_a_person_in_two_open_cases_once(tmp_path):
    async with open_pipeline(tmp_path, BOTH) as node:
        await node.accept(key="boiler", to=("Ops", "Fire"), ack_required=True)
        await send_all(node)
        await node.accept("worse", key="boiler", to=("Ops", "Fire"), priority=Priority.CRITICAL)
        told = [
            (d["recipient"], d["channel"])
            for d in await node.deliveries()
            if words(d) == "worse" and d["state"] == "queued"
        ]
        assert sorted(told) == [("Adam", "email"), ("Adam", "sms"), ("Jane", "email"), ("Jane", "sms")]


async def test_long_after_the_last_message_a_raise_is_told_again(tmp_path):
    """However often it is raised in between: the policy says 600 s."""
    async with open_pipeline(tmp_path, POLICED) as node:
        for number in range(8):
            await node.accept(f"{200 * number} s", key="boiler", to=("Ops",))
            node.clock.forward(seconds=200)
        assert [words(d) for d in await node.deliveries() if d["channel"] == "sms"] == ["0 s", "600 s", "1200 s"]


async def test_a_key_belongs_to_its_source_and_audience(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        await node.accept(key="boiler", to=("Ops",))
        await node.accept(key="boiler", to=("Ops",), source="modbus")
        await node.accept(key="boiler", to=("Ops", "Fire"))
        assert [(c["source"], c["audience"], c["count"]) for c in await node.cases()] == [
            ("mqtt", "Ops", 2), ("modbus", "Ops", 1), ("mqtt", "Fire", 1),
        ]  # fmt: skip


async def test_a_case_that_is_closed_is_not_added_to(tmp_path):
    async with open_pipeline(tmp_path, BOTH) as node:
        await node.accept(key="boiler", to=("Fire",))
        await send_all(node)
        await node.accept(key="boiler", to=("Fire",))
        assert [(c["state"], c["count"]) for c in await node.cases()] == [("closed", 1), ("open", 1)]


async def test_raises_are_counted_over_a_restart(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        for _ in range(3):
            await node.accept(key="boiler", to=("Ops",))
    async with open_pipeline(tmp_path, POLICED, store_id="s2") as node:
        await node.accept("last", key="boiler", to=("Ops",))
        (case,) = await node.cases()
        assert (case["count"], case["last_text"]) == (4, "last")


# -- clears --------------------------------------------------------------------------------------------------------------


async def test_a_clear_closes_every_open_case_of_its_key(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        raised = await node.accept(key="boiler", to=("Ops", "Fire"), ack_required=True)
        other = await node.accept(key="pump", to=("Ops",))
        cleared = await node.accept("", key="boiler", state=AlarmState.CLEARED)
        assert {ref.id for ref in cleared.cases} == {ref.id for ref in raised.cases}
        states = {c["id"]: (c["state"], c["reason"]) for c in await node.cases()}
        assert [states[ref.id] for ref in raised.cases] == [("closed", "cleared")] * 2
        assert states[other.cases[0].id] == ("open", None)
        assert (await node.events("AlarmCleared"))[0]["text"] == "mqtt: boiler returned to normal, 2 cases closed"
        assert len(await node.events("CaseClosed")) == 2


async def test_a_latching_plant_keeps_the_case_open_at_a_clear(tmp_path):
    latching = Policy(id="latch", name="latch", close_on_clear=False)
    async with open_pipeline(tmp_path, book(ADAM, latching, group("Ops", "Adam", policy="latch"))) as node:
        await node.accept(key="boiler", to=("Ops",))
        await node.accept("", key="boiler", state=AlarmState.CLEARED)
        assert (await node.cases())[0]["state"] == "open"
        assert (await node.events("AlarmCleared"))[0]["text"].endswith("no open case")


async def test_a_clear_of_another_source_or_of_nothing_closes_nothing(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        await node.accept(key="boiler", to=("Ops",))
        for source in ("modbus", "x"):
            assert (await node.accept("", key="boiler", source=source, state=AlarmState.CLEARED)).cases == ()
        assert (await node.cases())[0]["state"] == "open"


async def test_after_the_clear_the_key_opens_a_new_case(tmp_path):
    async with open_pipeline(tmp_path, POLICED) as node:
        for _ in range(2):
            await node.accept(key="boiler", to=("Ops",))
            await node.accept("", key="boiler", state=AlarmState.CLEARED)
        assert [c["count"] for c in await node.cases()] == [1, 1]


async def test_a_ladder_is_stored_with_its_rungs(tmp_path):
    climber = person("Bo", "sms", "email", mode=Mode.LADDER, sms="+6591234567", email=("b@x",))
    async with open_pipeline(tmp_path, book(climber)) as node:
        await node.accept(to=("Bo",))
        assert [(d["channel"], d["state"]) for d in await node.deliveries()] == [("sms", "queued"), ("email", "held")]
