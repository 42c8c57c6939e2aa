"""Escalation with 100,000 open cases, and a recall of 1,000 people. ``python -m benchmarks.escalation [open] [recall]``.

``open``: start with the cases open, how late the deadlines of some of them fire while alarms come in, and how long an
acknowledgement takes until what it makes needless is cancelled on disk. ``recall``: how long eight simulated modems need
for everybody, beside what they need by themselves, and what it takes in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from addispatch.app import started
from addispatch.config import Config
from addispatch.config.models import HttpConfig, NodeConfig
from addispatch.engine.node import Node
from addispatch.sdk import Alarm, Incoming, Priority
from addispatch.sdk.operations import Actor, Role
from addispatch.simulator import Network, SimulatedModem
from benchmarks.growth import multiply

ADMIN = Actor("bench", Role.ADMIN, "bench")
OPEN = """
[[recipient]]
name = "Adam"
sms = "91234567"
channels = ["log"]
[[recipient]]
name = "Jane"
channels = ["log"]
[[group]]
name = "Team"
members = ["Adam"]
policy = "usual"
[[policy]]
name = "usual"
[[policy.level]]
after_minutes = 600
to = ["Jane"]
"""


def config(folder: Path, **plugin: Any) -> Config:
    return Config(node=NodeConfig(data_dir=folder / "data"), http=HttpConfig(listen=""), plugin=plugin)


def p(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def fill(folder: Path, count: int) -> None:
    """Open cases as a node does, then copy them, each with a code and a deadline of its own."""
    async with started(config(folder, log={}), folder / "directory.toml") as node:
        for number in range(50):
            await node.accept(Alarm(text=f"alarm {number}", source="bench", to=("Team",)))
        while (await node.operations.status(ADMIN))["queue"]["queued"]:
            await asyncio.sleep(0.05)
    ledger = folder / "data" / "ledger.db"
    multiply(ledger, count)
    with sqlite3.connect(ledger) as database:
        database.execute("UPDATE cases SET code = 'Z' || printf('%05d', seq % 100000)")
        database.execute(
            "UPDATE cases SET next_at_ms = ? + seq * 997 % 36000000", (int(time.time() * 1000) + 3_600_000,)
        )


async def open_cases(count: int, due_count: int, span_s: float, rate: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "directory.toml").write_text(OPEN)
        await fill(folder, count)
        began_s = time.perf_counter()
        async with started(config(folder, log={}), folder / "directory.toml") as node:
            first = await node.accept(Alarm(text="first", source="bench", to=("Team",)))
            print(f"start with {count:,} open cases to the first alarm taken: {time.perf_counter() - began_s:.2f} s")
            late = await fire(node, due_count, span_s, rate)
            print(
                f"{len(late)} of {due_count} deadlines in {span_s:.0f} s, {rate} alarms/s beside: late by"
                f" p50 {p(late, 0.5):.1f}, p99 {p(late, 0.99):.1f}, max {max(late):.1f} ms"
            )
            took = await acknowledge(node, 200, rate)
            print(f"acknowledged by SMS until committed: p50 {p(took, 0.5):.1f}, p99 {p(took, 0.99):.1f} ms")
            del first


async def fire(node: Node, due_count: int, span_s: float, rate: int) -> list[float]:
    """Make some of the cases due soon and see when they fire."""
    due: dict[str, int] = {}
    begin_ms = node.clock.now_ms() + 2000

    def unit(transaction: Any) -> None:
        for index in range(due_count):
            entry = transaction.entry(100 + index * 7)
            at_ms = begin_ms + int(index * span_s * 1000 / due_count)
            due[entry.case.id] = at_ms
            transaction.set_next(entry, at_ms)

    late: list[float] = []

    def heard(event: dict[str, Any]) -> None:
        if event["kind"] == "CaseEscalated" and event["case_id"] in due:
            late.append(node.clock.now_ms() - due[event["case_id"]])

    await node.ledger.submit(unit)
    end = node.feed.subscribe(heard)
    until_s = time.monotonic() + span_s + 4
    while time.monotonic() < until_s and len(late) < due_count:
        await node.accept(Alarm(text="beside", source="bench", to=("Team",)))
        await asyncio.sleep(1 / rate)
    end()
    return late


async def acknowledge(node: Node, count: int, rate: int) -> list[float]:
    """Acknowledge by replies, one after another, while alarms come in."""
    took: list[float] = []
    for number in range(count):
        accepted = await node.accept(Alarm(text="ack me", source="bench", to=("Team",)))
        await asyncio.sleep(1 / rate)
        code = accepted.cases[0].code
        message = Incoming(
            channel="log", sender="Adam", text=f"{code} coming", received_at=datetime.now(UTC), reference=f"r{number}"
        )
        began_s = time.perf_counter()
        await node.received(message)
        took.append((time.perf_counter() - began_s) * 1000)
        case = await node.operations.case(ADMIN, accepted.cases[0].id)
        assert case["acknowledged_by"], case
    return took


async def recall(people: int, modems: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network = Network()
        phones = {f"+658{1000000 + n}": f"P{n}" for n in range(people)}
        lines = [f'[[recipient]]\nname = "{who}"\nsms = "{number}"\n' for number, who in phones.items()]
        members = json.dumps(list(phones.values()))
        lines.append(f'[[group]]\nname = "All"\nmembers = {members}\npolicy = "recall"\n')
        lines.append(
            '[[policy]]\nname = "recall"\nkind = "recall"\n[[policy.level]]\nafter_minutes = 600\nresend = true\n'
        )
        (folder / "directory.toml").write_text("".join(lines))
        for number, who in phones.items():
            network.phone(number, who)
        tables = []
        for index in range(modems):
            modem = SimulatedModem(network, number=f"+65900000{index:02d}", link=str(folder / f"tty{index}"))
            await modem.start()
            tables.append({"name": f"sim{index}", "port": modem.port, "poll_s": 300})
        async with started(config(folder, modem={"modem": tables}), folder / "directory.toml") as node:
            while sum(modem["state"] == "online" for modem in node.host.modems()) < modems:
                await asyncio.sleep(0.2)
            before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            began_s = time.perf_counter()
            accepted = await node.accept(
                Alarm(text="Muster now", source="bench", to=("All",), priority=Priority.CRITICAL)
            )
            sent: list[float] = []
            node.feed.subscribe(lambda e: sent.append(time.perf_counter()) if e["kind"] == "DeliverySent" else None)
            while len(sent) < people and time.perf_counter() - began_s < 1200:
                await asyncio.sleep(0.2)
            took_s = time.perf_counter() - began_s
            gaps = [b - a for a, b in itertools.pairwise(sent)]
            print(
                f"recall of {people} over {modems} modems: {len(sent)} texts in {took_s:.0f} s,"
                f" {len(sent) / took_s / modems * 60:.0f} a minute and modem,"
                f" median gap {statistics.median(gaps) * 1000:.0f} ms"
            )
            code = accepted.cases[0].code
            took = []
            for number in list(phones)[: people - 1]:
                message = Incoming(
                    channel="sms", sender=number, text=f"{code} 5 min", received_at=datetime.now(UTC), reference=number
                )
                at_s = time.perf_counter()
                await node.received(message)
                took.append((time.perf_counter() - at_s) * 1000)
            at_s = time.perf_counter()
            document = await node.operations.roll_call(ADMIN, code)
            roll_ms = (time.perf_counter() - at_s) * 1000
            counts = document["recalls"][0]["counts"]
            after_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            first, last = statistics.median(took[:50]), statistics.median(took[-50:])
            print(
                f"answers: the first 50 took {first:.1f} ms each, the last 50 {last:.1f} ms; roll-call {roll_ms:.0f} ms {counts}"
            )
            print(
                f"memory: {before_mb:.0f} MB before, {after_mb:.0f} MB at most (simulated modems and phones included)"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=re.sub(r"\s+", " ", __doc__ or ""))
    parser.add_argument("parts", nargs="*", default=["open", "recall"])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--modems", type=int, default=8)
    given = parser.parse_args()
    if "open" in given.parts:
        asyncio.run(open_cases(given.cases, 2000, 20, 100))
    if "recall" in given.parts:
        asyncio.run(recall(given.people, given.modems))
    return 0


if __name__ == "__main__":
    sys.exit(main())
