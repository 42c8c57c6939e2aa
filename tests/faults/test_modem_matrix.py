"""Each trouble a modem can make, with a healthy one beside it: nothing is lost, nothing waits, and it comes back.

``make test`` plays the telling ones, all at once; ``make campaign`` all of them, and prints the table for docs/modem.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lag import lag_probe
from pipelines import until as holds
from troubles import TROUBLES, Trouble
from ward import RETRY_FIRST_S, SHORT, Ward, modem_table, node_config, open_ward, short_deadlines

from addispatch.engine.node import Node
from addispatch.runtime.clock import SystemClock
from addispatch.simulator.orders import obey

CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(7200 if CAMPAIGN else 180),
]

#: How many are played at the same time; each has two processes of gammu.
AT_ONCE = 2 if CAMPAIGN else 8
#: An alarm every so often: the healthy modem alone can send them.
EVERY_S = 1.2
#: Longest way of an alarm: the request that hangs, the pause, another send and one before it, and a busy machine.
DELAY_S = SHORT["send_s"] + RETRY_FIRST_S + 2 * 0.75 + (2.0 if CAMPAIGN else 25.0)
#: How long a modem may take from the end of its trouble until it is online: a bring-up under way may first have to fail.
RECOVERY_S = SHORT["init_s"] + 10.0
#: The loop may never stand still for longer, in seconds; ``make test`` has many nodes on one loop.
STALL_S = 0.05 if CAMPAIGN else 0.25


@dataclass
class Row:
    """What was seen of it. Times in seconds; ``recovered_s`` from the end of the trouble, or of the outage it caused."""

    trouble: Trouble
    shown: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    repeats: int = 0
    doubts: int = 0
    unmarked: list[str] = field(default_factory=list)
    received: int = 0
    alarms: int = 0
    longest_delay_s: float = 0.0
    #: How that one came to be so late.
    slowest: list[str] = field(default_factory=list)
    recovered_s: float = 0.0
    stall_s: float = 0.0
    stalled_in: str = ""


PLAYED = [trouble for trouble in TROUBLES if CAMPAIGN or trouble.in_make_test]


async def play(trouble: Trouble, folder: Path) -> Row:
    """Raise alarms before, during and after it."""
    row = Row(trouble)
    async with open_ward(folder, "sick", "well") as ward, lag_probe() as lag:
        await ward.online()
        loop = asyncio.get_running_loop()
        feed = loop.create_task(ward.raises_steadily(EVERY_S, "alarm"))
        watch = loop.create_task(watch_over(ward))
        await until(lambda: len(ward.arrived_s) > 1, "two alarms arrive", ward, 10)
        lag.reset()
        try:
            row.recovered_s = await suffer(trouble, ward)
            feed.cancel()
            await ward.is_quiet()
            await until(
                lambda: len(ward.said("sms from +6598765432: message")) >= trouble.incoming,
                "all that came in is told",
                ward,
                10,
            )
        finally:
            feed.cancel()
            watch.cancel()
            await asyncio.gather(feed, watch, return_exceptions=True)
        row.stall_s, row.stalled_in = lag.worst_s, lag.where
        fill_in(row, ward)
        await sends_alone(ward)
    return row


async def until(condition: Callable[[], object], what: str, ward: Ward, timeout_s: float) -> None:
    try:
        await holds(condition, timeout_s)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:g} s: {what}; seen: {signs(ward)}, {ward.said()[-20:]}") from None


async def watch_over(ward: Ward) -> None:
    while True:
        ward.look()
        await asyncio.sleep(0.02)


async def suffer(trouble: Trouble, ward: Ward) -> float:
    """From the beginning of the trouble until the modem is online again; returns how long the end of it took."""
    sick, began_s = ward.modems["sick"], time.monotonic()
    for order in trouble.begin:
        obey(sick, order)
    for number in range(trouble.incoming):
        ward.network.write("+6598765432", sick.number, f"message {number}")
    before = len(ward.events)

    def is_shown() -> bool:
        lines = [*signs(ward), *ward.said()[before:]]
        return any(re.search(trouble.shows, line) for line in lines)

    await until(is_shown, trouble.shows, ward, trouble.lasts_s + 20)
    if trouble.harmless:
        await asyncio.sleep(max(0.0, trouble.lasts_s - (time.monotonic() - began_s)))
    elif trouble.end:
        await until(lambda: not ward.is_online("sick"), "it goes offline", ward, 20)
        await asyncio.sleep(max(0.0, trouble.lasts_s - (time.monotonic() - began_s)))
    else:
        await until(lambda: any(not sign.startswith("online") for sign in signs(ward)), "it goes offline", ward, 20)
    ended_s = time.monotonic()
    for order in trouble.end:
        obey(sick, order)
    await ward.online(timeout_s=RECOVERY_S + 20)
    return time.monotonic() - ended_s


async def sends_alone(ward: Ward) -> None:
    """It does not only say that it is well again."""
    obey(ward.modems["sick"], "mend")
    ward.modems["well"].unplug()
    await until(lambda: not ward.is_online("well"), "the other one goes offline", ward, 10)
    await ward.raises("by itself")
    await until(lambda: "by itself" in ward.plain, "it sends again", ward, 20)


def signs(ward: Ward) -> list[str]:
    return [f"{state}: {error}" for state, error in ward.shown.get("sick", [])]


def fill_in(row: Row, ward: Ward) -> None:
    pattern = re.compile(row.trouble.shows or "$^")
    row.shown = [
        sign for sign in signs(ward) if not sign.startswith(("online", "probing", "initialising", "sim_check"))
    ]
    row.shown += [line for line in dict.fromkeys(ward.said()) if pattern.search(line) and "Modem " not in line][:1]
    row.lost, row.alarms, row.received = ward.lost, len(ward.taken_s), len(ward.said("sms from +6598765432: message"))
    row.repeats = ward.repeated.total()
    row.doubts = sum(event["kind"] == "DeliveryInDoubt" for event in ward.events)
    row.unmarked = [text for text, count in (ward.plain.items()) if count > 1]
    delays_s = ward.delays_s()
    slowest = max(delays_s, key=delays_s.__getitem__)
    row.longest_delay_s = delays_s[slowest]
    of_it = {event["case_id"] for event in ward.events if f": {slowest} -> " in event["text"]}
    row.slowest = [
        f"{event['at']} {event['text']}"
        for event in ward.events
        if event["case_id"] in of_it or event["kind"] == "modem"
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(request, tmp_path_factory) -> AsyncIterator[dict[str, asyncio.Task[Row]]]:
    """All that were asked for, some at a time, each under way or over."""
    items = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [params["trouble"] for params in items if isinstance(params.get("trouble"), Trouble)]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(trouble: Trouble) -> Row:
        async with places:
            return await play(trouble, tmp_path_factory.mktemp("ward"))

    loop = asyncio.get_running_loop()
    with short_deadlines():
        tasks = {trouble.name: loop.create_task(one(trouble)) for trouble in wanted}
        yield tasks
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("trouble", PLAYED, ids=lambda trouble: trouble.name)
async def test_trouble(rows, trouble):
    row = await rows[trouble.name]
    print(
        f"| {trouble.name} | {'; '.join(dict.fromkeys(row.shown)) or 'online'} | {row.recovered_s:.1f} s | {row.repeats} |"
        f" {row.alarms} alarms, longest delay {row.longest_delay_s:.1f} s, longest stall {row.stall_s * 1000:.0f} ms |"
    )
    assert row.lost == []
    assert row.unmarked == [], "the same text twice, and the second does not say so"
    assert row.repeats <= row.doubts, "repeated without being in doubt"
    # What strikes at any moment may hit a text that has just left.
    assert row.repeats in ([1] if trouble.doubtful else [0] if trouble.harmless else [0, 1])
    assert row.longest_delay_s <= DELAY_S, "\n".join(row.slowest)
    assert row.recovered_s <= RECOVERY_S
    assert row.received == trouble.incoming or trouble.begin == ("fill",)
    assert row.stall_s <= STALL_S, row.stalled_in
    if trouble.harmless:
        assert not [sign for sign in row.shown if sign.startswith(("broken", "absent"))]


async def test_two_daemons_on_one_port(rows, tmp_path):
    """The second says why it has no modem, disturbs nothing, and takes over when the first ends."""
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(open_ward(tmp_path / "first", "only"))
        await first.online(timeout_s=60)
        second = Node(
            node_config(tmp_path / "second", modem_table("same", tmp_path / "first" / "tty-only")), SystemClock()
        )
        stack.push_async_callback(second.stop)
        await second.start(tmp_path / "first" / "directory.toml")

        def of_second() -> dict[str, Any]:
            return second.host.modems()[0]

        await until(lambda: of_second()["state"] == "broken", "the second gives up", first, 20)
        assert "another program" in of_second()["error"]
        for number in range(3):
            await first.raises(f"alarm {number}")
        await first.is_quiet()
        assert (first.lost, first.repeated.total(), max(first.plain.values())) == ([], 0, 1)
        assert of_second()["state"] != "online"
        await first.node.stop()
        await until(lambda: of_second()["state"] == "online", "the second takes over", first, RECOVERY_S)


async def test_the_probe_sees_a_stall(rows):
    async with lag_probe() as lag:
        await asyncio.sleep(0.05)
        lag.reset()
        time.sleep(0.4)
        await asyncio.sleep(0.05)
    assert lag.worst_s > STALL_S
    assert "test_the_probe_sees_a_stall" in lag.where
