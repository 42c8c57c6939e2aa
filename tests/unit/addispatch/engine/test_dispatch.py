"""Dispatch with a scripted channel and a real ledger: order, window, receipts, retries, doubt, crashes, a failing disk."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3

import pytest
from channels import ScriptedChannel, open_sending
from pipelines import ADAM, book, person, route, until

from addispatch.domain.addressbook import Mode
from addispatch.domain.alarm import Priority
from addispatch.domain.delivery import RetryRules
from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary
from addispatch.engine import dispatch as module
from addispatch.runtime.clock import SystemClock


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "LEDGER_PAUSE_S", 0.02)


def states(deliveries):
    return [(d["text"], d["state"]) for d in deliveries]


# -- the good way --------------------------------------------------------------------------------------------------------


async def test_what_is_queued_is_sent_and_its_receipt_stored(tmp_path):
    channel = ScriptedChannel()
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await node.quiet()
        (sent,) = channel.ended
        assert (sent.text, sent.address, sent.recipient, sent.attempt, sent.repeat) == ("hot", "Adam", "Adam", 0, False)
        (case,) = await node.cases()
        assert (case["state"], case["reason"]) == ("closed", "sent")
        (delivery,) = case["deliveries"]
        assert (delivery["state"], delivery["modem"], delivery["reference"]) == ("sent", "log1", delivery["id"])
        assert delivery["sent_at"]
        assert await node.kinds() == ["AlarmAccepted", "DeliverySent"]
        assert [(claim.seq, type(receipt)) for claim, receipt in node.outcomes] == [(int(sent.id), Sent)]


async def test_the_claim_is_on_disk_before_the_channel_is_asked(tmp_path):
    channel = ScriptedChannel()
    seen = []

    async def look():
        with sqlite3.connect(tmp_path / "ledger.db") as connection:
            seen.extend(connection.execute("SELECT phase FROM deliveries"))
        return Sent()

    channel.script.append(look)
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await until(lambda: seen)
        assert seen == [(1,)]


async def test_critical_ones_go_first_and_within_a_class_it_is_first_come_first_served(tmp_path):
    channel = ScriptedChannel("log", 1)
    channel.gate.clear()
    async with open_sending(tmp_path, channel) as node:
        await node.accept("first")
        await until(lambda: channel.begun)
        for text, priority in (
            ("low", "low"),
            ("high", "high"),
            ("fire", "critical"),
            ("medium", "medium"),
            ("flood", "critical"),
        ):
            await node.accept(text, priority=Priority(priority))
            node.clock.forward(seconds=1)
        channel.gate.set()
        await until(lambda: len(channel.ended) == 6)
        assert channel.texts == ["first", "fire", "flood", "low", "high", "medium"]


async def test_what_another_carrier_can_take_goes_to_it_without_a_pause(tmp_path):
    channel = ScriptedChannel("log", 1, Temporary("no network", by="sim1", other=True), Temporary("busy", by="sim2"))
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await node.quiet()
        assert [(one.attempt, one.avoid) for one in channel.ended] == [(0, ""), (1, "sim1")]
        await node.forward(seconds=6)
        assert [(one.attempt, one.avoid) for one in channel.ended[2:]] == [(2, "sim2")]
        assert (await node.deliveries())[0]["state"] == "sent"


class ReservingChannel(ScriptedChannel):
    """Its rate is used up but for emergencies."""

    reserve = 2


async def test_a_reserve_is_for_emergencies_alone(tmp_path):
    channel = ReservingChannel("log", 0)
    channel.gate.clear()
    async with open_sending(tmp_path, channel) as node:
        for text, priority in (("high", "high"), ("fire", "critical"), ("flood", "critical"), ("gas", "critical")):
            await node.accept(text, priority=Priority(priority))
        await node.forward(seconds=1)
        assert channel.texts == ["fire", "flood"], "no ordinary text, and no more emergencies than the reserve"
        channel.gate.set()
        await node.quiet()
        assert channel.texts == ["fire", "flood", "gas"]
        channel.window = 1
        await node.forward(seconds=1)
        assert channel.texts[3:] == ["high"]
        assert channel.most_under_way == 2


async def test_the_window_and_the_reserve_are_filled_with_what_is_most_urgent(tmp_path):
    channel = ReservingChannel("log", 0)
    channel.reserve = 0
    channel.gate.clear()
    async with open_sending(tmp_path, channel) as node:
        for text, priority in (("a", "low"), ("b", "low"), ("c", "low"), ("fire", "critical")):
            await node.accept(text, priority=Priority(priority))
        channel.window, channel.reserve = 2, 1
        await node.forward(seconds=1)
        assert channel.texts == ["fire", "a"], "the emergency counts in the window first"
        await node.accept("flood", priority=Priority.CRITICAL)
        await node.quiet()
        assert channel.texts == ["fire", "a", "flood"]


async def test_the_window_is_used_and_never_exceeded(tmp_path):
    channel = ScriptedChannel("log", 3)

    async def at_leisure():
        await asyncio.sleep(random.random() / 200)
        return Sent()

    channel.script.extend([at_leisure] * 60)
    async with open_sending(tmp_path, channel) as node:
        await asyncio.gather(*(node.accept(f"{n}") for n in range(60)))
        await until(lambda: len(channel.ended) == 60)
        assert channel.most_under_way == 3
        assert sorted(channel.texts) == sorted(str(n) for n in range(60)), "each once"


async def test_a_worker_is_kept_for_the_next_one_and_holds_up_no_stop(tmp_path):
    workers = []

    async def sent():
        workers.append(asyncio.current_task())
        return Sent()

    async with open_sending(tmp_path, ScriptedChannel("log", 3, *[sent] * 3)) as node:
        for count in range(1, 4):
            await node.accept(f"{count}")
            await until(lambda count=count: len(node.outcomes) == count)
        assert len(set(workers)) == 1
        async with asyncio.timeout(10):
            await node.dispatcher.stop(patience_s=30)
        assert workers[0].done()


async def test_outcomes_are_stored_without_waiting_for_slow_sends(tmp_path):
    channel = ScriptedChannel("log", 8)
    slow = asyncio.Event()

    async def hang_on():
        await slow.wait()
        return Sent()

    channel.script.extend([hang_on] * 5)
    async with open_sending(tmp_path, channel) as node:
        channel.gate.clear()
        for n in range(8):
            await node.accept(f"{n}")
        await until(lambda: len(channel.begun) == 8)
        channel.gate.set()
        await until(lambda: len(node.outcomes) == 3)
        slow.set()
        await until(lambda: len(node.outcomes) == 8)


async def test_a_window_of_nothing_pauses_and_one_that_grows_is_used_at_once(tmp_path):
    channel = ScriptedChannel("log", 0)
    async with open_sending(tmp_path, channel) as node:
        for n in range(4):
            await node.accept(f"{n}")
        await node.quiet()
        assert channel.begun == []
        channel.gate.clear()
        channel.window = 2
        node.dispatcher.poke_all()
        await until(lambda: channel.under_way == 2)
        channel.window = 0
        channel.gate.set()
        await node.quiet()
        assert channel.texts == ["0", "1"]
        channel.window = 1
        node.dispatcher.poke_all()
        await until(lambda: len(channel.ended) == 4)


async def test_a_stuck_channel_holds_up_no_other(tmp_path):
    stuck, fine = ScriptedChannel("sms"), ScriptedChannel("log")
    stuck.gate.clear()
    async with open_sending(
        tmp_path, stuck, fine, directory=book(ADAM, person("Bo", "log"), route("all", "Adam", "Bo"))
    ) as node:
        for n in range(20):
            await node.accept(f"{n}")
        await until(lambda: len(fine.ended) == 20)
        assert len(stuck.begun) == stuck.window


# -- receipts ------------------------------------------------------------------------------------------------------------


async def test_a_temporary_failure_is_tried_again_later_and_later_avoiding_who_failed(tmp_path):
    rules = RetryRules(first_s=2, longest_s=10, max_attempts=10)
    channel = ScriptedChannel("log", 8, *[Temporary("busy", by="sim1")] * 4, Sent(by="sim2"))
    async with open_sending(tmp_path, channel, rules=rules) as node:
        await node.accept()
        for number, wait_s in enumerate((2, 4, 8, 10)):
            await node.quiet()
            assert len(channel.ended) == number + 1
            (delivery,) = await node.deliveries()
            assert (delivery["state"], delivery["error"]) == ("queued", "busy")
            due = await node.ledger.submit(lambda tx: tx.next_due_ms("log"))
            assert 0.75 * wait_s <= (due - node.clock.now_ms()) / 1000 <= 1.25 * wait_s
            await node.forward(seconds=0.7 * wait_s)
            assert len(channel.ended) == number + 1, "too early"
            await node.forward(seconds=0.56 * wait_s)
        assert [d.attempt for d in channel.ended] == [0, 1, 2, 3, 4]
        assert [d.avoid for d in channel.ended] == ["", "sim1", "sim1", "sim1", "sim1"]
        assert not any(d.repeat for d in channel.ended)
        (delivery,) = await node.deliveries()
        assert (delivery["state"], delivery["modem"], delivery["error"]) == ("sent", "sim2", None)
        assert len(await node.events("DeliveryRetried")) == 4


async def test_the_least_wait_a_channel_asks_for_is_kept(tmp_path):
    channel = ScriptedChannel("log", 8, Temporary("slow down", retry_after_s=100.0))
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await node.quiet()
        await node.forward(seconds=99)
        assert len(channel.ended) == 1
        await node.forward(seconds=1)
        assert len(channel.ended) == 2


async def test_a_lane_wakes_by_itself_when_the_next_one_is_due(tmp_path):
    channel = ScriptedChannel("log", 8, Temporary("busy"))
    async with open_sending(tmp_path, channel, rules=RetryRules(first_s=0.1), clock=SystemClock()) as node:
        await node.accept()
        await until(lambda: len(channel.ended) == 2, 2)


async def test_after_too_many_attempts_it_fails_loudly(tmp_path):
    channel = ScriptedChannel("log", 8, *[Temporary("busy")] * 3)
    async with open_sending(tmp_path, channel, rules=RetryRules(max_attempts=3)) as node:
        await node.accept()
        for _ in range(6):
            await node.forward(minutes=2)
        assert len(channel.ended) == 3
        (case,) = await node.cases()
        assert (case["state"], case["reason"]) == ("closed", "failed")
        assert case["deliveries"][0]["error"] == "given up after 3 attempts: busy"
        assert "NOBODY TOLD" in (await node.events("AlarmReachesNobody"))[0]["text"]


async def test_a_permanent_failure_is_final_at_once(tmp_path):
    channel = ScriptedChannel("log", 8, Permanent("no such number"))
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await node.forward(hours=1)
        assert len(channel.ended) == 1
        assert (await node.deliveries())[0]["state"] == "failed"
        assert await node.kinds() == ["AlarmAccepted", "AlarmReachesNobody", "DeliveryFailed"]


async def test_doubt_is_answered_by_one_repeat_that_says_so(tmp_path):
    channel = ScriptedChannel("log", 8, InDoubt("no answer", by="sim1"), InDoubt("no answer", by="sim1"))
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await node.forward(seconds=1)
        await node.forward(hours=1)
        assert [(d.text, d.repeat) for d in channel.ended] == [("hot", False), ("(repeat) hot", True)]
        (delivery,) = await node.deliveries()
        assert (delivery["state"], delivery["error"]) == ("failed", "in doubt after the repeat, too: no answer")


async def test_a_repeat_that_meets_a_busy_channel_stays_a_repeat(tmp_path):
    channel = ScriptedChannel("log", 8, InDoubt("no answer"), Temporary("busy"))
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        for _ in range(3):
            await node.forward(minutes=1)
        assert channel.texts == ["hot", "(repeat) hot", "(repeat) hot"]
        assert (await node.deliveries())[0]["state"] == "sent"


async def test_doubt_can_hold_by_priority(tmp_path):
    rules = RetryRules(resend_in_doubt={Priority.LOW: False})
    channel = ScriptedChannel("log", 8, InDoubt("no answer"), InDoubt("no answer"))
    async with open_sending(tmp_path, channel, rules=rules) as node:
        await node.accept("low", priority=Priority.LOW)
        await node.quiet()
        await node.accept("high", priority=Priority.HIGH)
        await node.forward(hours=1)
        assert channel.texts == ["low", "high", "(repeat) high"]
        assert states(await node.deliveries()) == [("low", "in_doubt"), ("high", "sent")]
        assert [e["severity"] for e in await node.events("DeliveryInDoubt")] == ["warning", "warning"]


# -- ladders -------------------------------------------------------------------------------------------------------------

LADDER = book(
    person("Adam", "sms", "email", mode=Mode.LADDER, sms="+6591234567", email=("adam@example.com",)),
    route("all", "Adam"),
)


async def test_the_next_rung_goes_when_the_one_before_failed(tmp_path):
    sms, email = ScriptedChannel("sms", 1, Permanent("no credit")), ScriptedChannel("email")
    async with open_sending(tmp_path, sms, email, directory=LADDER) as node:
        await node.accept()
        await node.forward(seconds=1)
        assert (sms.texts, email.texts) == (["hot"], ["hot"])
        (case,) = await node.cases()
        assert case["reason"] == "sent"
        assert [d["state"] for d in case["deliveries"]] == ["failed", "sent"]


async def test_a_rung_that_is_not_needed_is_cancelled(tmp_path):
    sms, email = ScriptedChannel("sms"), ScriptedChannel("email")
    async with open_sending(tmp_path, sms, email, directory=LADDER) as node:
        await node.accept()
        await node.forward(hours=1)
        (case,) = await node.cases()
        assert (case["state"], case["reason"]) == ("closed", "sent")
        assert [(d["state"], d["error"]) for d in case["deliveries"]] == [
            ("sent", None),
            ("cancelled", "reached by sms"),
        ]
        assert email.begun == []


async def test_the_next_rung_goes_when_a_crash_left_the_repeat_in_doubt(tmp_path):
    """Otherwise it would wait for ever for a failure that was already stored."""
    sms, email = ScriptedChannel("sms"), ScriptedChannel("email")

    async def doubt_then_wait():
        sms.gate.clear()
        return InDoubt("no answer")

    sms.script.append(doubt_then_wait)
    async with open_sending(tmp_path, sms, email, directory=LADDER) as node:
        await node.accept()
        await until(lambda: len(sms.begun) == 2)
        await node.dispatcher.stop(0)
    async with open_sending(tmp_path, sms, email, directory=LADDER, rules=RetryRules(max_attempts=1)) as node:
        await node.forward(seconds=1)
        assert email.texts == ["hot"]
        assert [d["state"] for d in await node.deliveries()] == ["failed", "sent"]


# -- a channel with a bug ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bug", [ValueError("oops"), TimeoutError("connect"), OSError("gone"), KeyError("x")], ids=repr)
async def test_what_a_channel_raises_is_logged_and_tried_again(tmp_path, caplog, bug):
    caplog.set_level(logging.ERROR)
    channel = ScriptedChannel("log", 1, bug)
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await node.quiet()
        assert type(bug).__name__ in (await node.deliveries())[0]["error"]
        assert "the channel log failed" in caplog.text
        await node.forward(minutes=1)
        assert channel.texts == ["hot", "hot"]


async def test_a_channel_that_breaks_off_is_in_doubt_and_its_lane_goes_on(tmp_path):
    """A cancellation of the channel's own making, say of the future of a child process that ended."""
    channel = ScriptedChannel("log", 1, asyncio.CancelledError())
    async with open_sending(tmp_path, channel) as node:
        await node.accept("a")
        await node.accept("b")
        await node.forward(seconds=1)
        await node.forward(minutes=1)
        assert sorted(channel.texts) == ["(repeat) a", "a", "b"]
        assert states(await node.deliveries()) == [("a", "sent"), ("b", "sent")]


@pytest.mark.parametrize("nonsense", [None, True, "sent", Sent], ids=repr)
async def test_nonsense_for_an_answer_is_doubt(tmp_path, nonsense):
    channel = ScriptedChannel("log", 1, nonsense)
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await node.forward(seconds=1)
        assert channel.texts == ["hot", "(repeat) hot"]
        assert (await node.events("DeliveryInDoubt"))[0]["text"].endswith("the channel did not say what happened")


async def hang():
    await asyncio.Event().wait()


async def hang_and_pretend():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return Sent()


async def test_a_send_that_hangs_is_abandoned_after_its_deadline(tmp_path):
    channel = ScriptedChannel("log", 1, hang)
    channel.deadline_s = 0.05
    async with open_sending(tmp_path, channel) as node:
        await node.accept()
        await until(lambda: channel.begun)
        await node.dispatcher.abandon_overdue()
        assert channel.under_way == 1, "its time is not over yet"
        await asyncio.sleep(0.06)
        await node.dispatcher.abandon_overdue()
        await until(lambda: len(channel.ended) == 1)
        assert channel.texts == ["hot", "(repeat) hot"]
        assert "log did not answer within 0 s" in (await node.events("DeliveryInDoubt"))[0]["text"]


async def test_a_send_that_answers_when_it_is_abandoned_is_believed_and_the_next_is_watched_too(tmp_path):
    channel = ScriptedChannel("log", 0, hang_and_pretend, hang)
    channel.deadline_s = 0.03
    async with open_sending(tmp_path, channel) as node:
        await node.accept("a")
        await node.accept("b")
        node.dispatcher.lanes["log"]._hire_more = lambda: None  # one worker for both
        channel.window = 2
        node.dispatcher.poke_all()
        for _ in range(2):
            await asyncio.sleep(0.04)
            await node.dispatcher.abandon_overdue()
            await node.quiet()
        await until(lambda: "(repeat) b" in channel.texts)
        assert (await node.deliveries())[0]["state"] == "sent"


class Sick(ScriptedChannel):
    @property
    def window(self):
        raise RuntimeError("a bug")

    @window.setter
    def window(self, value):
        pass


async def test_a_channel_that_cannot_even_say_its_window_stops_neither_intake_nor_others(tmp_path):
    fine = ScriptedChannel("log")
    directory = book(ADAM, person("Bo", "log"), route("all", "Adam", "Bo"))
    async with open_sending(tmp_path, Sick("sms"), fine, directory=directory) as node:
        await node.accept()
        await node.quiet()
        node.dispatcher.poke_all()
        assert fine.texts == ["hot"]


class SickReserve(ScriptedChannel):
    @property
    def reserve(self):
        raise RuntimeError("a bug")


async def test_a_channel_that_cannot_say_its_reserve_has_none(tmp_path):
    channel = SickReserve("log", 1)
    async with open_sending(tmp_path, channel) as node:
        await node.accept("fire", priority=Priority.CRITICAL)
        await node.quiet()
        assert channel.texts == ["fire"]


# -- time to live --------------------------------------------------------------------------------------------------------


async def test_what_is_too_old_is_not_sent(tmp_path):
    channel = ScriptedChannel("log", 0)
    async with open_sending(tmp_path, channel) as node:
        await node.accept("old", ttl_s=60)
        await node.accept("new", ttl_s=600)
        channel.window = 4
        await node.forward(seconds=61)
        assert channel.texts == ["new"]
        assert states(await node.deliveries()) == [("old", "expired"), ("new", "sent")]
        assert "DeliveryExpired" in await node.kinds()
        assert "AlarmReachesNobody" in await node.kinds()
