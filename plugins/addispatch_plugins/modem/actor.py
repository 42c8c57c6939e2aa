"""One modem: brings it up, keeps it up, sends, rings and receives. Made by the plugin, used by the channels.

A modem that fails in any way gets a new child process after a pause; nothing it does can block the event loop or
another modem.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from addispatch.sdk import Sent, Severity, Temporary
from addispatch_plugins.modem.faults import Fault
from addispatch_plugins.modem.gammurc import write_gammurc
from addispatch_plugins.modem.inbox import Inbox
from addispatch_plugins.modem.jobs import RING_PAUSE_S, Job, Jobs
from addispatch_plugins.modem.link import Deadlines, Link, LinkLostError, RefusedError, SimError
from addispatch_plugins.modem.pin import PinGuard
from addispatch_plugins.modem.process import Child, ModemError, RequestFailedError
from addispatch_plugins.modem.radio import Radio

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Context, Delivery, Receipt
    from addispatch_plugins.modem.config import ModemConfig

#: Pauses before a failed modem is tried again; online for longer than the longest, it starts at the first again.
PAUSES_S = (1.0, 5.0, 15.0, 60.0, 300.0)
#: How often signal and network are looked at while nothing else is to do; sooner while there is no network.
STATUS_S, NO_NETWORK_STATUS_S = 30.0, 5.0
#: How often an idle modem is looked at: is the port there, does the child live?
LOOK_S = 1.0


class State(StrEnum):
    """Where a modem is on its way to work; ``Modem.reason`` says why it is not online."""

    ABSENT = "absent"
    PROBING = "probing"
    INITIALISING = "initialising"
    SIM_CHECK = "sim_check"
    ONLINE = "online"
    DEGRADED = "degraded"
    BROKEN = "broken"


#: States that last; the others are steps on the way.
SETTLED = frozenset({State.ABSENT, State.ONLINE, State.DEGRADED, State.BROKEN})


class Modem:
    """The actor. ``run`` is its life, under supervision; everything else only looks or puts a job in its queue."""

    def __init__(
        self, config: ModemConfig, context: Context, on_change: Callable[[], None], deadlines: Deadlines
    ) -> None:
        self.name = config.name
        self.state, self.reason = State.PROBING, "not started yet"
        self.radio = Radio()
        self.imei = self.imsi = ""
        self.sent_count = self.failed_count = 0
        self._config, self._context, self._on_change, self._deadlines = config, context, on_change, deadlines
        self._pin = PinGuard(context.data_dir / f"{config.name}.pin-refused", config.pin)
        self._inbox = Inbox(context, config.name)
        self._jobs = Jobs()
        self._link: Link | None = None
        self._calling: Job | None = None
        self._is_stopping = False
        self._wake = asyncio.Event()
        self._failures = 0
        self._poll_at_s = self._status_at_s = 0.0
        self._inbox_problem = ""
        self._told: tuple[State, str] | None = None

    @property
    def pending(self) -> list[asyncio.Future[Receipt]]:
        """What it has taken on and not finished."""
        return self._jobs.pending

    @property
    def load(self) -> int:
        """How much it has to do, for comparing modems; a call counts as many texts."""
        return self._jobs.load

    def document(self) -> dict[str, Any]:
        """Describe it for ``addispatch modems``."""
        return {
            "name": self.name,
            "state": str(self.state),
            "port": self._config.port,
            "operator": self.radio.operator,
            "technology": self.radio.technology,
            "signal": self.radio.signal,
            "imei": self.imei,
            "error": self.reason,
            "calling": self._calling is not None,
            "sent_count": self.sent_count,
            "failed_count": self.failed_count,
        }

    @property
    def trouble(self) -> str:
        """Why it is not online, for where its port is not shown beside it."""
        return f"{self.reason} ({self._config.port})"

    async def send(self, delivery: Delivery, *, flash: bool = False) -> Receipt:
        """Queue the delivery and wait for what becomes of it; jobs of a modem that fails come back at once."""
        now_s = asyncio.get_running_loop().time()
        job = Job(delivery, rings_left=self._config.ring_repeat, flash=flash, due_s=now_s)
        self._jobs.add(job)
        self._wake.set()
        return await job.done

    def stop_calls(self) -> None:
        """Hang up, and ring no more: the plugin stops."""
        self._is_stopping = True
        for job in self._jobs.calls:
            if job is not self._calling:
                self._finish(job, self._unfinished(job, "the modem plugin stopped before the call"))
        if self._calling is not None and self._link is not None:
            self._link.stop_call()

    async def is_in_use(self) -> bool:
        """Whether another program has the port. Only for one that does not ``run``."""
        child = await Child.start()
        try:
            await child.call("probe", self._deadlines.probe_s, port=self._config.port)
        except ModemError as error:
            return isinstance(error, RequestFailedError) and error.code == "PORT_IN_USE"
        finally:
            await child.close()
        return False

    async def run(self) -> None:
        """Keep the modem working, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._port_to_appear()
            began_s = loop.time()
            try:
                await self._connection()
            finally:
                self._return_jobs()
            if loop.time() - began_s > PAUSES_S[-1]:
                self._failures = 0
            await self._pause()

    def _port_exists(self) -> bool:
        return os.path.exists(self._config.port)  # noqa: PTH110 - a stat in /dev does not block

    def _absence(self) -> tuple[State, str]:
        return State.ABSENT, "there is no such port"

    async def _port_to_appear(self) -> None:
        while not self._port_exists():
            self._become(*self._absence())
            await asyncio.sleep(LOOK_S)

    async def _connection(self) -> None:
        """One child process from its start to its end, which is always a failure."""
        child = await Child.start()
        try:
            link = self._link = Link(child, self._deadlines)
            await self._bring_up(link)
            await self._serve(link)
        except ModemError as error:
            # At once, before the child is gone: nothing more may be given to this modem.
            self.radio = Radio()
            self._become(*((State.BROKEN, str(error)) if self._port_exists() else self._absence()))
        finally:
            if self.state not in (State.BROKEN, State.ABSENT):  # we are stopped, or have made a mistake
                self.state, self.reason = State.BROKEN, "stopped"
            await child.close()

    async def _bring_up(self, link: Link) -> None:
        self._become(State.PROBING, "looking for a modem on the port")
        await link.probe(self._config.port)
        self._become(State.INITIALISING, "connecting to the modem")
        gammurc = write_gammurc(self._context.data_dir / f"{self.name}.gammurc", self._config.port)
        await link.connect(str(gammurc))
        self._become(State.SIM_CHECK, "checking the SIM card")
        await self._unlock(link)
        self.imei, self.imsi = await link.identify()
        await self._look_at_radio(link)
        self._poll_at_s = 0

    async def _unlock(self, link: Link) -> None:
        """Enter the PIN if the SIM wants one: once, and never again one that was refused."""
        wants = await link.locked_by()
        if wants == "PIN" and self._pin.pin is not None and not self._pin.refused():
            self._pin.entering()
            with contextlib.suppress(SimError):
                await link.enter_pin(self._pin.pin.get_secret_value())
            wants = await link.locked_by()
        if not wants:
            self._pin.accepted()
        elif wants == "PUK":
            raise SimError("the SIM card is blocked and wants its PUK; unblock it in a phone")
        elif wants != "PIN":
            raise SimError(f"the SIM card wants its {wants}")
        elif self._pin.pin is None:
            raise SimError("the SIM card wants a PIN and none is configured; set pin")
        else:
            raise SimError(
                "the SIM card refused the PIN and it is not tried again; correct pin, "
                f"or delete {self._pin.file} to try the same once more"
            )

    async def _serve(self, link: Link) -> None:
        """Poll, send, look at the signal: whatever is due, until the link is lost."""
        loop = asyncio.get_running_loop()
        while True:
            now_s = loop.time()
            if not link.alive:
                raise LinkLostError("its process ended unexpectedly")
            if not self._port_exists():
                raise LinkLostError("the port is gone")
            if now_s >= self._poll_at_s:
                await self._poll(link)
            elif job := self._jobs.next(now_s):
                await self._perform(link, job)
            elif now_s >= self._status_at_s:
                await self._look_at_radio(link)
            else:
                due_s = min(self._poll_at_s, self._status_at_s, self._jobs.next_due_s(), now_s + LOOK_S)
                await self._idle(due_s - now_s)

    async def _poll(self, link: Link) -> None:
        """Take in what came; a modem whose memory cannot be read goes on sending."""
        problem = ""
        try:
            await self._inbox.poll(link, self.imsi or self.imei or self.name)
        except RefusedError as error:
            problem = str(error)
        self._poll_at_s = asyncio.get_running_loop().time() + self._config.poll_s
        if problem and problem != self._inbox_problem:
            text = f"Modem {self.name} cannot read the messages it received: {problem}"
            self._context.event(text, severity=Severity.WARNING, kind="modem_inbox", modem=self.name)
        self._inbox_problem = problem

    async def _idle(self, wait_s: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _look_at_radio(self, link: Link) -> None:
        self.radio = await link.radio()
        wait_s = NO_NETWORK_STATUS_S if self.radio.problem else STATUS_S
        self._status_at_s = asyncio.get_running_loop().time() + wait_s
        if self.radio.problem:
            self._become(State.DEGRADED, self.radio.problem)
        else:
            self._become(State.ONLINE, "")

    async def _perform(self, link: Link, job: Job) -> None:
        """Send the text or ring once; the job stays in the queue meanwhile, so that ``pending`` shows it."""
        if job.done.done():  # the core gave it up before its turn
            self._jobs.remove(job)
            return
        fault: Fault | None = Fault.LINK
        receipt: Receipt | None = None
        try:
            if job.is_call:
                self._calling = job
                receipt, fault = await link.call(job.delivery.address, ring_s=self._config.ring_s, by=self.name)
            else:
                reports = self._config.delivery_reports
                receipt, fault = await link.send(job.delivery, report=reports, flash=job.flash, by=self.name)
        finally:
            # Also when we are stopped in the middle of it.
            self._calling = None
            if receipt is None:
                receipt = await link.abandon(by=self.name, call=job.is_call)
            if job.is_call:
                self._rang(job, receipt, again=fault is None and not self._is_stopping)
            else:
                self._count(receipt)
                self._finish(job, receipt)
        if fault is Fault.LINK or fault is Fault.SIM:
            raise LinkLostError(getattr(receipt, "reason", "") or "the modem does not hang up")
        if fault is Fault.NETWORK or fault is Fault.UNKNOWN:
            self._status_at_s = 0
        elif fault is Fault.STORE:
            self._poll_at_s = 0

    def _rang(self, job: Job, receipt: Receipt, *, again: bool) -> None:
        """Take note of one ring of a call: one that rang was made, whatever becomes of its repetitions."""
        job.rings_left -= 1
        if isinstance(receipt, Sent):
            job.has_rung = True
            if again and job.rings_left > 0:
                job.due_s = asyncio.get_running_loop().time() + RING_PAUSE_S
                return
        self._finish(job, Sent(by=self.name) if job.has_rung else receipt)

    def _finish(self, job: Job, receipt: Receipt) -> None:
        self._jobs.remove(job)
        job.answer(receipt)

    def _unfinished(self, job: Job, reason: str, *, other: bool = False) -> Receipt:
        return Sent(by=self.name) if job.has_rung else Temporary(reason, by=self.name, other=other)

    def _count(self, receipt: Receipt) -> None:
        if isinstance(receipt, Sent):
            self.sent_count += 1
        else:
            self.failed_count += 1

    def _return_jobs(self) -> None:
        """Give back what was not begun."""
        for job in self._jobs.take_all():
            reason = f"modem {self.name} failed before it was this one's turn"
            job.answer(self._unfinished(job, reason, other=True))

    async def _pause(self) -> None:
        """Wait before the next try; not if the plug is pulled, for putting it in again is worth a try at once."""
        loop = asyncio.get_running_loop()
        pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        until_s = loop.time() + pause_s
        self._failures += 1
        while (left_s := until_s - loop.time()) > 0:
            if not self._port_exists():
                self._failures = 0
                return
            await asyncio.sleep(min(LOOK_S, left_s))

    def _become(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        if state in SETTLED and (state, reason) != self._told:
            self._told = (state, reason)
            self._tell()
        self._on_change()

    def _tell(self) -> None:
        online = self.state is State.ONLINE
        self._context.event(
            f"Modem {self.name} is {self.state}: {self.radio if online else self.trouble}",
            severity=Severity.INFO if online else Severity.WARNING,
            kind="modem",
            modem=self.name,
            state=str(self.state),
        )
