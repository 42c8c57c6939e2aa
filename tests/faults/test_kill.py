"""kill -9 at any moment, under load: nothing accepted is lost, and what is repeated says so.

``make test`` plays 20 cycles, ``make campaign`` 200.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon import PATIENCE_S, Daemon, interrupted
from publisher import Publisher

from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch.simulator import Network, Phone, SimulatedModem
from addispatch.simulator.phone import PhoneMessage

pytestmark = [pytest.mark.debian, pytest.mark.slow]

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
LOG_CYCLES, MODEM_CYCLES = (180, 20) if CAMPAIGN else (15, 5)
MESSAGES_PER_S = 50
REPEAT = "(repeat) "
#: A retained alarm, so that there is one as soon as the daemon has subscribed; and the one behind all others.
FIRST, LAST = "the first", "the last"
#: The windows: how many deliveries of a channel may be under way when the daemon dies.
LOG_WINDOW, MODEM_WINDOW = 256, 1

BROKER = ("max_queued_messages 100000",)
CONFIG = """
[plugin.mqtt]
url = "{url}"
[[plugin.mqtt.subscribe]]
topic = "plant/{{line}}/alarm"
[plugin.log]
"""
DIRECTORY = """
[[recipient]]
name = "Logbook"
channels = ["log"]
[[recipient]]
name = "Adam"
sms = "91234567"
[[route]]
name = "texts"
match = { topic = "plant/sms/alarm" }
to = ["Adam"]
[[route]]
name = "rest"
match = { topic = "plant/#" }
to = ["Logbook"]
"""


@dataclass
class Trial:
    """A daemon that is killed again and again, and what the test knows of it."""

    daemon: Daemon
    publisher: Publisher
    #: Per kill, what was being sent: delivery id to "channel text".
    under_way: list[dict[str, str]] = field(default_factory=list)

    async def kill(self) -> None:
        await self.daemon.kill()
        self.under_way.append(interrupted(self.daemon.data, self.daemon.folder / "autopsy"))

    async def comes_up(self) -> None:
        before = len(self.daemon.lines)
        await self.daemon.spawn()
        await self.daemon.says("Connected to MQTT broker", since=before)

    async def settles(self, timeout_s: float) -> None:
        """The last start: wait until everything published has come in and gone out."""
        await self.comes_up()
        await self.publisher.all_confirmed()
        self.publisher.publish("plant/end/alarm", LAST)  # the broker keeps the order: this one is the last
        await self.daemon.event(f"{LAST} -> Logbook", timeout_s=timeout_s)
        await self.daemon.idle(timeout_s=timeout_s)

    def lines(self) -> list[dict[str, str]]:
        text = (self.daemon.data / "plugins" / "log" / "deliveries.log").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def ids_under_way(self) -> Counter[str]:
        return Counter(ident for rows in self.under_way for ident in rows)


@contextlib.asynccontextmanager
async def trial(folder: Path, more_config: str = ""):
    async with Mosquitto(folder, *BROKER) as broker, Publisher(broker.port) as publisher:
        daemon = Daemon(folder, CONFIG.format(url=broker.url) + more_config, DIRECTORY)
        found = Trial(daemon, publisher)
        await broker.publish("plant/first/alarm", FIRST, "--retain")
        await found.comes_up()
        await daemon.event(f"{FIRST} -> Logbook")  # it has subscribed: from now on the broker keeps messages for it
        await found.kill()
        try:
            yield found
        finally:
            if daemon.process.returncode is None:
                await daemon.kill()


@contextlib.asynccontextmanager
async def load(publisher: Publisher, publish_one):
    """50 messages a second as long as the block lasts."""
    task = asyncio.get_running_loop().create_task(publisher.steadily(MESSAGES_PER_S, publish_one))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def check_log(trial: Trial, accepted: Counter[str]) -> None:
    """Every accepted text has its line; repeats are those of deliveries that were under way, and marked."""
    lines = trial.lines()
    plain = Counter(line["text"] for line in lines if not line["text"].startswith(REPEAT))
    marked = Counter(line["text"].removeprefix(REPEAT) for line in lines if line["text"].startswith(REPEAT))
    lost = {text: count for text, count in accepted.items() if not plain[text] + marked[text]}
    assert not lost, f"{len(lost)} of {len(accepted)} accepted alarms never came out: {sorted(lost)[:20]}"
    unasked = (plain | marked).keys() - accepted.keys()
    assert not unasked, f"nobody published {sorted(unasked)[:20]}"
    repeats = Counter(line["id"] for line in lines if line["text"].startswith(REPEAT))
    assert repeats <= trial.ids_under_way(), "repeated oftener than it was under way at a kill"
    assert max(Counter(line["id"] for line in lines if not line["text"].startswith(REPEAT)).values()) == 1
    assert max(map(len, trial.under_way)) <= LOG_WINDOW + MODEM_WINDOW


def check_equal(trial: Trial) -> None:
    """What was published once is one case; what was published twice is two if the same daemon took both.

    With a kill in between, the second may be what the broker delivers again: then one or two are right.
    """
    cases = Counter(text for _id, text in {(line["id"], line["text"].removeprefix(REPEAT)) for line in trial.lines()})
    for text, count in cases.items():
        expected = {"pair": (2,), "torn": (1, 2)}.get(text.split()[0], (1,))
        assert count in expected, f"{text!r} was told {count} times"
    assert sum(text.startswith("pair") for text in cases) == len(range(1, LOG_CYCLES, 3))


@pytest.mark.timeout(120 + 10 * LOG_CYCLES)
async def test_no_alarm_is_lost_and_none_is_told_twice_unmarked(tmp_path):
    chance = random.Random(os.environ.get("ADDISPATCH_SEED", "kill"))
    async with trial(tmp_path) as t:

        def publish(text: str) -> None:
            t.publisher.publish("plant/a/alarm", text)

        async with load(t.publisher, lambda number: publish(f"alarm {number}")):
            for cycle in range(LOG_CYCLES):
                match cycle % 3:
                    case 0:  # at any moment, the start included; an equal alarm before and after
                        await t.daemon.spawn()
                        await t.daemon.lives_for(chance.uniform(0.05, 2.5))
                        publish(f"torn {cycle}")
                        await t.kill()
                        publish(f"torn {cycle}")
                    case 1:  # when it has just taken two equal alarms, a second apart
                        await t.comes_up()
                        publish(f"pair {cycle}")
                        await t.daemon.lives_for(1)
                        publish(f"pair {cycle}")
                        await t.daemon.event(f"pair {cycle} -> Logbook", count=2)
                        await t.daemon.lives_for(chance.uniform(0.0, 0.3))
                        await t.kill()
                    case _:  # while it takes and sends what has gathered
                        await t.comes_up()
                        await t.daemon.lives_for(chance.uniform(0.0, 0.3))
                        await t.kill()
        await t.settles(timeout_s=60)
        accepted = Counter([FIRST, *t.publisher.accepted])
        check_log(t, accepted)
        check_equal(t)
        report(t, accepted.total())


def report(trial: Trial, accepted: int) -> None:
    under_way = sum(map(len, trial.under_way))
    repeats = sum(line["text"].startswith(REPEAT) for line in trial.lines())
    print(f"{accepted} accepted, {len(trial.under_way)} kills, {under_way} under way at a kill, {repeats} repeated")


MODEM = """
[[plugin.modem.modem]]
name = "sim1"
port = "{port}"
poll_s = 1
rate_per_minute = 0
"""
#: Every so-manieth alarm is an SMS: a modem sends about one a second.
SMS_EACH = 50


@pytest.mark.timeout(120 + 15 * MODEM_CYCLES)
async def test_no_sms_is_lost_and_at_most_one_is_repeated_per_kill(tmp_path):
    chance = random.Random(os.environ.get("ADDISPATCH_SEED", "kill"))
    network = Network()
    modem = SimulatedModem(network, "+6590000000", link=tmp_path / "ttySIM0")
    phone = network.phone("+6591234567", "Adam")
    await modem.start()
    try:
        async with trial(tmp_path, MODEM.format(port=tmp_path / "ttySIM0")) as t:

            def publish_one(number: int) -> None:
                kind = "b" if number % SMS_EACH else "sms"
                t.publisher.publish(f"plant/{kind}/alarm", f"{kind} {number}")

            async with load(t.publisher, publish_one):
                for cycle in range(MODEM_CYCLES):
                    if cycle % 5 == 4:  # while gammu brings the modem up
                        await t.daemon.spawn()
                        await t.daemon.lives_for(chance.uniform(0.5, 5))
                    else:  # a few SMS later, before, amid or behind the next one
                        await t.comes_up()
                        await arrivals(network, chance.randint(1, 4))
                        await t.daemon.lives_for(chance.uniform(0, 0.3))
                    await t.kill()
            await t.settles(timeout_s=60 + 10 * MODEM_CYCLES)
            accepted = [FIRST, *t.publisher.accepted]
            check_log(t, Counter(text for text in accepted if not text.startswith("sms")))
            check_sms(t, phone, [text for text in accepted if text.startswith("sms")])
            report(t, len(accepted))
    finally:
        await modem.stop()


async def arrivals(network: Network, count: int) -> None:
    """Wait until so many SMS reached a phone."""
    found = asyncio.get_running_loop().create_future()
    seen: list[str] = []

    def on_delivered(_phone: Phone, message: PhoneMessage) -> None:
        seen.append(message.text)
        if len(seen) == count:
            found.set_result(None)

    network.on_delivered = on_delivered
    await asyncio.wait_for(found, PATIENCE_S)
    network.on_delivered = None


def check_sms(trial: Trial, phone: Phone, accepted: list[str]) -> None:
    """Every text is on the phone; at most one a kill came again, and says so."""
    texts = Counter(message.text for message in phone.received)
    lost = [text for text in accepted if not texts[text] + texts[REPEAT + text]]
    assert not lost, f"{len(lost)} of {len(accepted)} accepted alarms never reached the phone: {lost}"
    repeats = Counter({text.removeprefix(REPEAT): n for text, n in texts.items() if text.startswith(REPEAT)})
    assert {text for text in texts if not text.startswith(REPEAT)} | repeats.keys() == set(accepted)
    twice = [text for text, count in texts.items() if count > 1 and not text.startswith(REPEAT)]
    assert not twice, f"the same text twice, unmarked: {twice}"
    sms = [[text.removeprefix("sms ") for text in rows.values() if text.startswith("sms ")] for rows in trial.under_way]
    assert max(map(len, sms)) == MODEM_WINDOW, "no SMS was under way at any kill: nothing was tested"
    assert repeats <= Counter(text for rows in sms for text in rows), "repeated oftener than under way at a kill"
    print(f"{len(accepted)} SMS, {sum(map(len, sms))} under way at a kill, {repeats.total()} repeated")
