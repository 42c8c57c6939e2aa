"""Whatever happens in whatever order, the promises of escalation hold (SPEC 5): a state machine tries orders at random.

Alarms, hand-overs, failures, replies, late replies, restarts, crashes, clock steps, clears, pauses, cancellations. After
each step: nobody is asked once an answer is known, every open case has a next deadline or a named reason, no level comes
early or twice, codes are unambiguous, and each person is told once of an acknowledgement.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pipelines import ADMIN
from tale import Tale, people

from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary

NAMES = ("Adam", "Jane", "Bo", "Eve", "Chief")
WAITS_S = {1: 300, 2: 900, 0: 900}  # before level 1, before level 2, before a new round
ROUNDS = 2
DIRECTORY = (
    people(*NAMES)
    + """
[settings]
system_alert_to = ["Chief"]
[[group]]
name = "Team"
members = ["Adam", "Jane"]
policy = "usual"
[[group]]
name = "Fire"
members = ["Jane", "Eve"]
policy = "usual"
[[policy]]
name = "usual"
repeat = 1
[[policy.level]]
after_minutes = 5
to = ["Bo"]
[[policy.level]]
after_minutes = 15
to = ["Chief"]
resend = true
"""
)
#: The longest a next step may be away: the longest wait for a hand-over, and the longest of the levels.
LONGEST_S = 120 + 900


class AnyOrder(RuleBasedStateMachine):
    """The node, and what is known of it from outside."""

    @initialize()
    def begins(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.tale = Tale(Path(self.folder.name), DIRECTORY)
        self.codes: list[str] = []
        self.cases: set[str] = set()
        self.over: set[str] = set()  # cases whose end or acknowledgement is known
        self.steps: dict[str, list[tuple[float, str, str]]] = {}
        self.paused_s: float | None = None
        self.pauses: list[tuple[float, float]] = []
        self.wrong: list[str] = []
        self.seen = 0
        self.run(self.tale.start())
        self.watch()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def watch(self) -> None:
        """Look at each send when it begins: the text asks, and the case is known to be over?"""
        for channel in self.tale.channels:
            original = type(channel).send

            async def send(delivery: Any, channel: Any = channel, original: Any = original) -> Any:
                if "ACK: Reply" in delivery.text and delivery.case_id in self.over:
                    self.wrong.append(f"asked after the end: {delivery.text!r}")
                return await original(channel, delivery)

            channel.send = send  # type: ignore[method-assign]
        self.tale.node.feed.subscribe(self.heard)

    def heard(self, event: dict[str, Any]) -> None:
        if event["kind"] == "CaseEscalated":
            found = re.search(r"escalates, (.*): (.*) \(", event["text"])
            assert found is not None
            self.steps.setdefault(event["case_id"], []).append((self.tale.clock.monotonic_s(), found[2], found[1]))

    def teardown(self) -> None:
        if not hasattr(self, "tale"):
            return
        for channel in self.tale.channels:
            channel.gate.set()
        self.run(self.tale.node.stop())
        self.loop.close()
        self.folder.cleanup()

    # -- what can happen -----------------------------------------------------------------------------------------

    @rule(to=st.sampled_from([("Team",), ("Fire",), ("Team", "Fire")]), key=st.sampled_from([None, "k1", "k2"]))
    def alarm(self, to: tuple[str, ...], key: str | None) -> None:
        accepted = self.run(self.tale.alarm(f"alarm {len(self.codes)}", to=to, key=key))
        for case in accepted.cases:
            self.cases.add(case.id)
            self.over.discard(case.id)
            if case.code and case.code not in self.codes:
                self.codes.append(case.code)

    @rule(key=st.sampled_from(["k1", "k2"]))
    def clears(self, key: str) -> None:
        self.run(self.tale.clears(key))

    @rule(
        who=st.sampled_from(NAMES),
        index=st.integers(0, 5),
        text=st.sampled_from(["{code} coming", "no {code}", "ok", "all", "{code}, Z999", "hello", "Z999"]),
    )
    def replies(self, who: str, index: int, text: str) -> None:
        code = self.codes[-1 - index % len(self.codes)] if self.codes else "A000"
        self.run(self.tale.phone(who).replies(text.format(code=code)))

    @rule(receipt=st.sampled_from([Temporary("busy"), Permanent("no such number"), InDoubt("silence"), Sent()]))
    def the_next_send_ends_so(self, receipt: Any) -> None:
        self.tale.channel("sms").script.append(receipt)

    @rule()
    def the_modem_hangs_or_works_again(self) -> None:
        gate = self.tale.channel("sms").gate
        gate.clear() if gate.is_set() else gate.set()
        self.run(self.tale.quiet())

    @rule(seconds=st.sampled_from([1, 30, 119, 121, 299, 301, 899, 1000, 4000]))
    def passes(self, seconds: int) -> None:
        self.run(self.tale.clock.passes(seconds=seconds))

    @rule(hours=st.sampled_from([-30, -1, 1, 30]))
    def the_clock_is_set(self, hours: int) -> None:
        self.tale.clock.step(hours * 3600)
        self.run(self.tale.ticks())

    @rule(crash=st.booleans(), down_s=st.sampled_from([0, 60, 2000]), boots=st.booleans())
    def restarts(self, crash: bool, down_s: int, boots: bool) -> None:
        async def again() -> None:
            self.tale.channel("sms").gate.set()
            if crash:
                await self.tale.node.dispatcher.stop(0)
            await self.tale.node.stop()
            if boots:
                monotonic_s = self.tale.clock.monotonic_s()
                self.tale.clock.boots()
                self.tale.clock._monotonic_s = monotonic_s  # the machine's own count goes on, for the checks here
            self.tale.clock.forward(seconds=down_s)
            await self.tale.start()

        self.run(again())
        self.watch()
        self.run(self.tale.ticks())

    @rule()
    def pauses_or_resumes(self) -> None:
        now_s = self.tale.clock.monotonic_s()
        if self.paused_s is None:
            self.run(self.tale.operations.pause(ADMIN))
            self.paused_s = now_s
        else:
            self.run(self.tale.operations.resume(ADMIN))
            self.pauses.append((self.paused_s, now_s))
            self.paused_s = None
        self.run(self.tale.ticks())

    @precondition(lambda self: self.codes)
    @rule()
    def cancels_what_waits(self) -> None:
        self.run(self.tale.operations.cancel_pending(ADMIN))

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def promises_are_kept(self) -> None:
        if not hasattr(self, "tale"):
            return
        assert self.wrong == []
        rows = self.run(self.tale.node.ledger.read(_rows))
        now_ms = self.tale.clock.now_ms()
        open_codes: dict[str, set[bytes]] = {}
        for case_id, alarm_id, code, state, next_at_ms, extra in rows:
            if state != "open":
                self.over.add(case_id)
                continue
            self._has_a_next_step(next_at_ms, extra, now_ms)
            if code:
                open_codes.setdefault(code, set()).add(alarm_id)
        assert {case_id for case_id, *_ in rows} >= self.cases, "an accepted alarm is gone"
        assert all(len(alarms) == 1 for alarms in open_codes.values()), "a code stands for two alarms"
        self._no_level_early_or_twice()
        self._told_once()

    def _has_a_next_step(self, next_at_ms: int | None, extra: str | None, now_ms: int) -> None:
        if next_at_ms is None:
            assert f'"position":[{ROUNDS},0]' in (extra or ""), "an open case has neither a next step nor a reason"
        elif self.paused_s is None:
            assert next_at_ms - now_ms <= LONGEST_S * 1000, "a step is too far away"

    def _no_level_early_or_twice(self) -> None:
        for case_id, steps in self.steps.items():
            names = [name for _, name, _ in steps]
            assert len(names) == len(set(names)), f"a level came twice: {names} in {case_id}"
            for (before_s, _, _), (at_s, name, why) in itertools.pairwise(steps):
                level = int(found[1]) if (found := re.match(r"level (\d)", name)) else 0
                frozen_s = sum(max(0.0, min(end, at_s) - max(begin, before_s)) for begin, end in self.pauses)
                if why == "nobody acknowledged":
                    assert at_s - before_s - frozen_s >= WAITS_S[level] - 0.01, f"{name} came early: {steps}"

    def _told_once(self) -> None:
        for pocket in self.tale._pockets.values():
            texts = [d.text for d in pocket.received if d.text.startswith("Acknowledged by")]
            heads = [
                re.sub(r"^Acknowledged by (\w+).*\(([A-Z]+\d+) .*$", r"\1 \2", text, flags=re.DOTALL) for text in texts
            ]
            assert len(heads) == len(set(heads)), f"{pocket.address} was told twice: {texts}"


def _rows(connection: Any) -> list[tuple[Any, ...]]:
    query = "SELECT lower(hex(id)), alarm_id, code, state, next_at_ms, extra FROM cases WHERE options <> ''"
    dashed = re.compile(r"(.{8})(.{4})(.{4})(.{4})(.{12})")
    return [(dashed.sub(r"\1-\2-\3-\4-\5", row[0]), *row[1:]) for row in connection.exec_driver_sql(query)]


TestAnyOrder = AnyOrder.TestCase
IS_CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))
TestAnyOrder.settings = settings(
    max_examples=2000 if IS_CAMPAIGN else 15,
    stateful_step_count=40 if IS_CAMPAIGN else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate) if not IS_CAMPAIGN else tuple(Phase),
)
