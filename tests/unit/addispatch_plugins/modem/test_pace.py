"""The channel behind the real dispatch and ledger, in a simulated time: a storm of texts, one SIM, and emergencies.

The modems are stubs that take everything at once; what is tested is who goes when, and that waiting costs no attempt.
"""

import asyncio
from dataclasses import dataclass, field

import pytest
from channels import open_sending
from pipelines import book, person, route

from addispatch.sdk import Priority, Reserving, Sent, Temporary
from addispatch.sdk.testing import FakeClock, RecordingContext
from addispatch_plugins.modem.actor import State
from addispatch_plugins.modem.budget import Budget
from addispatch_plugins.modem.channel import SmsChannel
from addispatch_plugins.modem.config import ModemPluginConfig
from addispatch_plugins.modem.fleet import Fleet
from addispatch_plugins.modem.link import Deadlines
from addispatch_plugins.modem.radio import Radio

BOOK = book(
    person("Adam", "sms", sms="+6591234567"),
    person("Anna", "sms", sms="+4915112345678"),
    route("german", "Anna", text="german"),
    route("all", "Adam"),
)


@dataclass
class Modem:
    """Sends at once, and notes when; ``script`` holds other receipts."""

    name: str
    clock: FakeClock
    state: State = State.ONLINE
    load: int = 0
    radio: Radio = field(default_factory=Radio)
    sent: list = field(default_factory=list)
    script: list = field(default_factory=list)

    async def send(self, delivery, *, flash=False):
        del flash
        await asyncio.sleep(0)
        if self.script:
            return self.script.pop(0)
        self.sent.append((self.clock.monotonic_s(), delivery.text))
        return Sent(by=self.name)

    def stop_calls(self):
        return


class Site:
    """A channel over stub modems, to be put behind a dispatch."""

    def __init__(self, context, **modems):
        tables = [{"name": name, "port": f"/dev/{name}", **keys} for name, keys in modems.items()]
        config = ModemPluginConfig.model_validate({"modem": tables})
        self.fleet = Fleet(context)
        self.modems = {name: Modem(name, context.clock) for name in modems}
        for one in config.modem:
            self.fleet.add(self.modems[one.name], one.prefixes, Budget(one, context))
        self.channel = SmsChannel(self.fleet, context, config, Deadlines())
        # As ``pace`` does when time passes, which here passes in steps.
        self.look = self.fleet.wake

    def texts(self, name="a"):
        return [text for _, text in self.modems[name].sent]


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, clock=FakeClock()) as context:
        yield context


async def pass_time(node, site, seconds):
    for _ in range(seconds):
        site.look()
        await node.forward(seconds=1)


async def test_a_storm_leaves_at_the_rate_in_order_and_costs_no_attempts(tmp_path, context):
    site = Site(context, a={"rate_per_minute": 60, "burst": 3})
    async with open_sending(tmp_path, site.channel, directory=BOOK, clock=context.clock) as node:
        for number in range(20):
            await node.accept(f"n{number}")
        await node.quiet()
        assert site.texts() == ["n0", "n1", "n2"]
        await pass_time(node, site, 25)
        assert site.texts() == [f"n{number}" for number in range(20)]
        assert {delivery["attempts"] for delivery in await node.deliveries()} == {1}
        assert await node.events("DeliveryRetried") == []


async def test_emergencies_leave_at_once_in_the_middle_of_a_storm(tmp_path, context):
    site = Site(context, a={"rate_per_minute": 60, "burst": 3})
    async with open_sending(tmp_path, site.channel, directory=BOOK, clock=context.clock) as node:
        for number in range(10):
            await node.accept(f"n{number}")
        for name in ("fire", "gas", "flood", "smoke"):
            await node.accept(name, priority=Priority.CRITICAL)
        await node.quiet()
        assert isinstance(site.channel, Reserving)
        assert site.texts() == ["n0", "n1", "n2", "fire", "gas", "flood"], "the reserve is as large as the burst"
        await pass_time(node, site, 1)
        assert site.texts()[6:] == ["smoke"], "what comes back is theirs first"
        await pass_time(node, site, 3)
        assert site.texts()[7:] == [], "then the reserve is filled"
        await pass_time(node, site, 10)
        assert site.texts()[7:] == [f"n{number}" for number in range(3, 10)]


async def test_a_long_text_that_waits_holds_up_neither_emergencies_nor_itself(tmp_path, context):
    site = Site(context, a={"rate_per_minute": 60, "burst": 4})
    async with open_sending(tmp_path, site.channel, directory=BOOK, clock=context.clock) as node:
        for text in ("one", "x" * 500, "two", "three"):
            await node.accept(text)
        await node.accept("fire", priority=Priority.CRITICAL)
        await node.quiet()
        assert site.texts() == ["one", "fire"], "three parts are left, the long one takes four"
        await pass_time(node, site, 20)
        assert [text[:5] for text in site.texts()[2:]] == ["xxxxx", "two", "three"]
        assert {delivery["attempts"] for delivery in await node.deliveries()} == {1}


async def test_at_the_cap_texts_stay_queued_until_the_next_day_and_emergencies_go_a_little_longer(tmp_path, context):
    site = Site(context, a={"rate_per_minute": 0, "daily_cap": 10})
    async with open_sending(tmp_path, site.channel, directory=BOOK, clock=context.clock) as node:
        for number in range(12):
            await node.accept(f"n{number}")
        await node.quiet()
        assert len(site.texts()) == 10
        for name in ("fire", "gas"):
            await node.accept(name, priority=Priority.CRITICAL)
        await node.quiet()
        assert site.texts()[10:] == ["fire"]
        await node.forward(hours=4)
        assert site.texts()[11:] == ["gas", "n10", "n11"]
        assert {delivery["attempts"] for delivery in await node.deliveries()} == {1}


async def test_a_network_that_refuses_costs_no_time_while_another_modem_works(tmp_path, context):
    site = Site(context, a={}, b={})
    site.modems["a"].script = [Temporary("no network", by="a", other=True)]
    async with open_sending(tmp_path, site.channel, directory=BOOK, clock=context.clock) as node:
        for number in range(3):
            await node.accept(f"n{number}")
        await node.quiet()
        assert sorted(site.texts("b")) == ["n0", "n1", "n2"], "and the others do not even try the one that failed"
        assert site.texts("a") == []


async def test_a_slow_modem_holds_up_ordinary_texts_of_another_while_they_queue_behind_but_no_emergency(
    tmp_path, context
):
    site = Site(context, a={"prefixes": ["+65"], "rate_per_minute": 6, "burst": 1}, b={"rate_per_minute": 0})
    async with open_sending(tmp_path, site.channel, directory=BOOK, clock=context.clock) as node:
        for number in range(3):
            await node.accept(f"n{number}")
        await node.accept("german")
        await node.accept("german fire", priority=Priority.CRITICAL)
        await node.quiet()
        assert site.texts("b") == ["german fire"]
        await pass_time(node, site, 10)
        assert site.texts("b") == ["german fire", "german"], "as many texts may wait as there are modems"
        await pass_time(node, site, 15)
        assert site.texts("a") == ["n0", "n1", "n2"]
