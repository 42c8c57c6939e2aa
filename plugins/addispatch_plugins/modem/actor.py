"""One modem: brings it up, keeps it up, sends, rings and receives. Made by the plugin, used by the channels.

A modem that fails in any way gets a new child process after a pause; nothing it does can block the event loop or
another modem.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, NoReturn

from addispatch.sdk import Sent, Temporary
from addispatch_plugins.modem.credit import Credit
from addispatch_plugins.modem.document import describe
from addispatch_plugins.modem.faults import Fault
from addispatch_plugins.modem.gammurc import write_gammurc
from addispatch_plugins.modem.healer import Healer
from addispatch_plugins.modem.identity import Claims, Identity, WrongDeviceError
from addispatch_plugins.modem.jobs import RING_PAUSE_S, Job, Jobs
from addispatch_plugins.modem.judge import Judge
from addispatch_plugins.modem.ladder import Ladder, Rung
from addispatch_plugins.modem.link import Link, LinkLostError, SickError, SimError
from addispatch_plugins.modem.place import FIND_S, Place
from addispatch_plugins.modem.process import Child, ModemError
from addispatch_plugins.modem.radio import Radio
from addispatch_plugins.modem.reception import Reception
from addispatch_plugins.modem.simcard import SimCard
from addispatch_plugins.modem.state import SETTLED, Standing, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Context, Delivery, Receipt
    from addispatch_plugins.modem.config import ModemConfig
    from addispatch_plugins.modem.link import Deadlines
    from addispatch_plugins.modem.memory import Memory

__all__ = ["SETTLED", "Modem", "State"]

#: Pauses before a failed modem is tried again; online for longer than the longest, it starts at the first again.
PAUSES_S = (1.0, 5.0, 15.0, 60.0, 300.0)
#: How often signal and network are looked at while nothing else is to do; sooner while there is no network.
STATUS_S, NO_NETWORK_STATUS_S = 30.0, 5.0
#: How often an idle modem is looked at: is the port there, does the child live?
LOOK_S = 1.0
#: What the port's trouble is called: nothing a reset could mend.
_PORT_CODES = frozenset({"PORT", "PORT_IN_USE", "ERR_DEVICEOPENERROR", "ERR_DEVICENOPERMISSION"})


class Modem:
    """The actor. ``run`` is its life, under supervision; everything else only looks or puts a job in its queue."""

    def __init__(
        self,
        config: ModemConfig,
        context: Context,
        on_change: Callable[[], None],
        deadlines: Deadlines,
        claims: Claims | None = None,
    ) -> None:
        self.name = config.name
        self.radio = Radio()
        self.smsc = ""
        self.sent_count = self.failed_count = 0
        self.standing = Standing(context, config.name, on_change)
        self.sim = SimCard(context.data_dir / f"{config.name}.pin-refused", config.pin)
        self.identity = Identity(context, config.name, config.imei, claims or Claims())
        self.credit = Credit(context, config)
        self.ladder = Ladder(may_rebind=config.usb_rebind)
        self.judge = Judge(self.credit, self.ladder)
        self.place = Place(config, deadlines)
        self._config, self._context, self._deadlines = config, context, deadlines
        self._healer = Healer(context, config.name, deadlines)
        self._reception = Reception(context, config.name, config.poll_s)
        self._jobs = Jobs()
        self._link: Link | None = None
        self._calling: Job | None = None
        self._is_stopping = self._is_asking = False
        self._wake = asyncio.Event()
        self._status_at_s = 0.0
        #: Since when this connection is up.
        self._up_s = float("inf")

    @property
    def state(self) -> State:
        """Where it stands; only ``online`` ones are given texts."""
        return self.standing.state

    @property
    def reason(self) -> str:
        """Why it is not online, or what else is wrong with it; empty when all is well."""
        unread = self._reception.problem
        return self.standing.reason or (unread and f"cannot read its messages: {unread}")

    @property
    def memory(self) -> Memory:
        """How full its memory for messages is."""
        return self._reception.memory

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
        return describe(self) | {"calling": self._calling is not None}

    @property
    def trouble(self) -> str:
        """Why it is not online, for where its port is not shown beside it."""
        return f"{self.reason} ({self.place.shown})"

    async def send(self, delivery: Delivery, *, flash: bool = False) -> Receipt:
        """Queue the delivery and wait for what becomes of it; jobs of a modem that fails come back at once."""
        now_s = asyncio.get_running_loop().time()
        job = Job(delivery, rings_left=self._config.ring_repeat, flash=flash, due_s=now_s)
        self._jobs.add(job)
        self._wake.set()
        if self._is_asking and self._link is not None:
            self._link.stop_call()  # the balance can wait
        return await job.done

    def stop_calls(self) -> None:
        """Hang up, and ring no more: the plugin stops."""
        self._is_stopping = True
        for job in self._jobs.calls:
            if job is not self._calling:
                self._finish(job, self._unfinished(job, "the modem plugin stopped before the call"))
        if self._calling is not None and self._link is not None:
            self._link.stop_call()

    async def run(self) -> None:
        """Keep the modem working, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._port_to_appear()
            if self.ladder.reopened():
                await self._healer.climb(Rung.REOPEN, self.place, "")
            self._up_s = float("inf")
            try:
                error = await self._connection()
            finally:
                self._return_jobs()
            if loop.time() - self._up_s > PAUSES_S[-1]:
                self.ladder.lasted()
            if self.place.is_same():
                await self._heal(error)
                self.place.hold()  # a reset may have made the device anew
            await self._pause()

    def _absence(self) -> tuple[State, str]:
        return State.ABSENT, self.place.absence

    async def _port_to_appear(self) -> None:
        while not await self.place.find():
            self._become(*self._absence())
            await asyncio.sleep(LOOK_S if self.place.is_fixed else FIND_S)

    async def _connection(self) -> ModemError:
        """One child process from its start to its end, which is always a failure: that is returned."""
        self.place.hold()
        child = await Child.start()
        try:
            child.watch(lambda: not self.place.is_same(), LOOK_S)
            link = self._link = Link(child, self._deadlines)
            await self._bring_up(link)
            return await self._serve(link)
        except ModemError as error:
            # At once, before the child is gone: nothing more may be given to this modem.
            self.radio = Radio()
            self.judge.note(str(error))
            state = (State.BROKEN, str(error)) if self.place.is_same() else self._absence()
            self._become(*state, needs_hands=isinstance(error, SimError))
            return error
        finally:
            self.standing.stopped()  # or we have made a mistake
            self.identity.gone()
            await child.close()

    async def _bring_up(self, link: Link) -> None:
        self._become(State.PROBING, "looking for a modem on the port")
        await self.place.note_usb()
        await link.probe(self.place.path)
        self._become(State.INITIALISING, "connecting to the modem")
        gammurc = write_gammurc(self._context.data_dir / f"{self.name}.gammurc", self.place.path)
        await link.connect(str(gammurc))
        self._become(State.SIM_CHECK, "checking the SIM card")
        await self.sim.unlock(link)
        self.identity.seen(*await link.identify())
        link.on_hint(self._hinted)
        # What lies there may be an answer that makes the next text needless.
        await self._poll(link)
        self.smsc = await link.smsc()
        await self._reception.look_at_memory(link)
        await self._look_at_radio(link)

    async def _heal(self, error: ModemError) -> None:
        """Climb the rung that is due. A SIM that is locked, or a port that others have, is not mended by a reset."""
        is_locked = isinstance(error, SimError) and self.sim.state != "missing"
        is_taken = isinstance(error, WrongDeviceError) or getattr(error, "code", "") in _PORT_CODES
        rung = self.ladder.failed(can_reset=not (is_locked or is_taken), sick=isinstance(error, SickError))
        if self.ladder.is_news(rung):
            await self._healer.climb(rung, self.place, str(error))

    async def _serve(self, link: Link) -> NoReturn:
        """Poll, send, look at the signal: whatever is due, until the link is lost."""
        loop = asyncio.get_running_loop()
        while True:
            now_s = loop.time()
            if not link.alive:
                raise LinkLostError("its process ended unexpectedly")
            if not self.place.is_same():
                raise LinkLostError("the port is gone")
            if now_s >= self._reception.at_s:
                await self._poll(link)
            elif job := self._jobs.next(now_s):
                await self._perform(link, job)
            elif now_s >= self._status_at_s:
                await self._reception.look_at_memory(link)
                await self._look_at_radio(link)
            elif self.credit.is_due(now_s):
                await self._ask_balance(link, now_s)
            else:
                due_s = min(self._reception.at_s, self._status_at_s, self._jobs.next_due_s(), now_s + LOOK_S)
                await self._idle(due_s - now_s)

    async def _ask_balance(self, link: Link, now_s: float) -> None:
        self._is_asking = True
        try:
            await self.credit.ask(link, now_s)
        finally:
            self._is_asking = False
        self._status_at_s = 0

    def _hinted(self) -> None:
        self._reception.hinted()
        self._wake.set()

    async def _poll(self, link: Link) -> None:
        await self._reception.poll(link, self.identity.imsi or self.identity.imei or self.name)

    async def _idle(self, wait_s: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _look_at_radio(self, link: Link) -> None:
        self.radio = await link.radio()
        now_s = asyncio.get_running_loop().time()
        self._up_s = min(self._up_s, now_s)
        self.judge.network(self.radio.problem, now_s)
        barred = self.credit.problem(now_s)
        problem = self.radio.problem or barred
        self._status_at_s = now_s + (NO_NETWORK_STATUS_S if problem else STATUS_S)
        state = State.DEGRADED if problem else State.ONLINE
        if now_s - self._up_s > PAUSES_S[-1]:
            self.ladder.lasted()
        alert = "" if barred and not self.radio.problem else None
        if state is State.ONLINE and self.ladder.is_shaky:
            alert = f"modem {self.name} fails again and again; it is online just now"
        self._become(state, problem, alert=alert)

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
        if not job.is_call:
            self._judge(link, receipt, fault)
        if fault is Fault.LINK or fault is Fault.SIM:
            raise LinkLostError(getattr(receipt, "reason", "") or "the modem does not hang up")
        if fault is Fault.NETWORK or fault is Fault.UNKNOWN:
            self._status_at_s = 0
        elif fault is Fault.STORE:
            self._reception.at_s = self._status_at_s = 0

    def _judge(self, link: Link, receipt: Receipt, fault: Fault | None) -> None:
        """Draw conclusions from a text about the modem. Raises ``SickError`` when it is to be set back."""
        if isinstance(receipt, Sent):
            if self.ladder.is_shaky:
                self._status_at_s = 0  # to say that all is well again
            self.judge.sent()
            return
        now_s, reason = asyncio.get_running_loop().time(), getattr(receipt, "reason", "")
        if self.judge.failed(reason, fault, link.cms_code(), now_s, looks_well=not self.radio.problem):
            self._status_at_s = 0

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
        loop, pauses = asyncio.get_running_loop(), self.ladder.pauses
        pause_s = PAUSES_S[min(pauses, len(PAUSES_S) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        until_s = loop.time() + pause_s
        self.ladder.pauses += 1
        while (left_s := until_s - loop.time()) > 0:
            if not self.place.is_same():
                self.ladder.unplugged()
                return
            await asyncio.sleep(min(LOOK_S, left_s))

    def _become(self, state: State, reason: str, *, needs_hands: bool = False, alert: str | None = None) -> None:
        shown = str(self.radio) if state is State.ONLINE else f"{reason} ({self.place.shown})"
        self.standing.become(state, reason, shown, needs_hands=needs_hands, alert=alert)
