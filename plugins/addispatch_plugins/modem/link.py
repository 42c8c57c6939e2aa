"""A connected modem as the actor sees it: what one can ask it, each question with its deadline.

The deadlines follow what libGammu was measured to need on a healthy modem; without them one call can block for 500 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from addispatch.sdk import InDoubt, Sent, Temporary, is_gsm7, segment_count
from addispatch_plugins.modem.faults import Fault, classify, receipt_for, words
from addispatch_plugins.modem.outcome import Outcome
from addispatch_plugins.modem.process import ChildLostError, ModemError, RequestFailedError
from addispatch_plugins.modem.radio import Radio, csq_from_dbm, registration_problem, technology

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.sdk import Delivery, Receipt
    from addispatch_plugins.modem.process import Child


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds each request may take; ``send_s`` is for one part of a message, ``call_s`` for a call besides ringing."""

    probe_s: float = 5
    init_s: float = 20
    sim_s: float = 15
    identify_s: float = 30
    signal_s: float = 5
    network_s: float = 15
    poll_s: float = 30
    delete_s: float = 10
    send_s: float = 60
    call_s: float = 60
    inspect_s: float = 9
    reset_s: float = 30
    memory_s: float = 15
    ussd_s: float = 45


class LinkLostError(ModemError):
    """The connection is of no use any more: the child must be started anew. ``code`` as in ``RequestFailedError``."""

    def __init__(self, text: str, code: str = "") -> None:
        self.code = code
        super().__init__(text)


class SickError(LinkLostError):
    """The modem answers and looks well, but does not do its work."""


class SimError(ModemError):
    """The SIM is missing, locked or broken."""


class RefusedError(ModemError):
    """The modem answered that it cannot do this; the connection is fine."""


class Link:
    """Requests to one child; each raises ``LinkLostError``, ``SimError`` or ``RefusedError`` as fits."""

    def __init__(self, child: Child, deadlines: Deadlines) -> None:
        self._child = child
        self._deadlines = deadlines
        self._trace = child.trace
        self._has_dialled = False

    @property
    def alive(self) -> bool:
        """Whether the child process runs."""
        return self._child.alive

    async def probe(self, port: str) -> None:
        """See whether a modem answers on the port."""
        await self._ask("probe", self._deadlines.probe_s, port=port)

    async def connect(self, gammurc: str) -> None:
        """Let gammu connect as that file says."""
        await self._ask("init", self._deadlines.init_s, gammurc=gammurc)

    async def locked_by(self) -> str:
        """Which code the SIM waits for (``PIN``, ``PUK`` …); empty when none."""
        return (await self._ask("security", self._deadlines.sim_s))["wants"] or ""

    async def enter_pin(self, pin: str) -> None:
        """Enter the PIN; ``SimError`` when it is refused."""
        await self._ask("pin", self._deadlines.sim_s, pin=pin)

    async def identify(self) -> tuple[str, str]:
        """IMEI and IMSI, empty when the modem does not tell; delivery reports are stored from now on."""
        answer = await self._ask("identify", self._deadlines.identify_s)
        return answer["imei"], answer["imsi"]

    async def radio(self) -> Radio:
        """Signal and network. What the modem refuses to tell is unknown, not a fault."""
        signal = await self._ask_if_known("signal", self._deadlines.signal_s)
        network = await self._ask_if_known("network", self._deadlines.network_s)
        return Radio(
            operator=self._trace.operator_name() or network.get("name", ""),
            technology=technology(self._trace.access_technology()),
            csq=csq_from_dbm(signal.get("dbm", -1)),
            problem=registration_problem(network.get("state", ""), network.get("packet_state", "")),
        )

    async def smsc(self) -> str:
        """Number of the service centre, empty when there is none."""
        return str((await self._ask_if_known("smsc", self._deadlines.sim_s)).get("smsc", ""))

    async def memory(self) -> list[tuple[int, int]]:
        """Of each memory for messages how many lie in it and how many fit; none when the modem does not tell."""
        answer = await self._ask_if_known("memory", self._deadlines.memory_s)
        return [(int(used), int(size)) for used, size in answer.get("memory", [])]

    async def ussd(self, code: str) -> str | None:
        """Ask the operator by a USSD code; the answer's text, empty when none came, None when it was stopped."""
        answer = await self._ask("ussd", self._deadlines.ussd_s, code=code)
        return None if answer["stopped"] else str(answer["text"])

    async def purge(self, locations: list[int]) -> dict[int, str]:
        """Remove messages that gammu cannot decode; returns what lay there, raw, of those that are gone."""
        answer = await self._ask("purge", self._deadlines.delete_s + len(locations), locations=locations)
        return {int(location): str(raw) for location, raw in answer["raw"].items()}

    def on_hint(self, heard: Callable[[], None]) -> None:
        """Call ``heard()`` when the modem announces a message; nothing to rely on."""
        self._child.on_hint(heard)

    def cms_code(self) -> int | None:
        """Code of the network's last refusal, if the last request ended with one."""
        return self._trace.cms_code()

    async def read(self) -> tuple[list[dict[str, Any]], list[int]]:
        """Return all messages and reports in the modem (see ``inbox.Entry``), and where undecodable ones lie."""
        answer = await self._ask("read", self._deadlines.poll_s)
        return answer["entries"], answer["unreadable"]

    async def delete(self, locations: list[int]) -> None:
        """Remove messages."""
        if locations:
            await self._ask("delete", self._deadlines.delete_s + len(locations), locations=locations)

    async def send(
        self, delivery: Delivery, *, report: bool, by: str, flash: bool = False
    ) -> tuple[Receipt, Fault | None]:
        """Send one text; returns what happened and where a fault lies."""
        parts_begun: list[int] = []
        lost = False
        try:
            answer = await self._child.call(
                "send",
                self._deadlines.send_s,
                on_part=parts_begun.append,
                id=delivery.id,
                number=delivery.address,
                text=delivery.text,
                unicode=not is_gsm7(delivery.text),
                report=report,
                flash=flash,
            )
        except RequestFailedError as error:
            cms = self._trace.cms_code()
            fault, reason = classify(error.code, cms), words(error.code, str(error), cms)
        except ChildLostError as error:
            fault, reason, lost = Fault.LINK, str(error), True
        else:
            reference = answer["reference"]
            return Sent(str(reference) if reference >= 0 else "", by, answer["parts"]), None
        if parts_begun and parts_begun[-1] > 1:
            reason += f" (part {parts_begun[-1]} of {segment_count(delivery.text)})"
        # A process stuck in the kernel may still write the text.
        written = self._trace.pdu_written() or (fault is Fault.LINK and lost and self._child.alive)
        sent_count = parts_begun[-1] - 1 if parts_begun else 0
        receipt = receipt_for(
            fault, reason, pdu_written=written, by=by, parts_sent=sent_count, attempt=delivery.attempt
        )
        return receipt, fault

    async def call(self, number: str, *, ring_s: float, by: str) -> tuple[Receipt, Fault | None]:
        """Let a phone ring; returns what happened and where a fault lies. ``number``: digits, perhaps after a plus."""
        self._has_dialled = False
        deadline_s = self._deadlines.call_s + ring_s
        try:
            answer = await self._child.call("call", deadline_s, on_part=self._dialling, number=number, ring_s=ring_s)
        except RequestFailedError as error:
            return self._call_lost(words(error.code, str(error)), by), Fault.LINK
        except ChildLostError as error:
            return self._call_lost(str(error), by), Fault.LINK
        outcome = Outcome(**answer)
        return outcome.receipt(by), outcome.fault()

    def stop_call(self) -> None:
        """Let a call under way hang up now, or no longer wait for the operator's answer; else it does nothing."""
        self._child.tell("stop_call")

    async def abandon(self, *, by: str, call: bool = False) -> Receipt:
        """Give up a message in the middle of being sent, or a call; returns what became of it."""
        await self._child.kill()
        if call:
            return self._call_lost("the modem was stopped", by)
        # A process stuck in the kernel may still write the text.
        written = self._child.alive or self._trace.pdu_written()
        return receipt_for(Fault.LINK, "the modem was stopped", pdu_written=written, by=by)

    def _dialling(self, _part: int) -> None:
        self._has_dialled = True

    def _call_lost(self, reason: str, by: str) -> Receipt:
        """A child that is gone: the modem may still ring, until the next one hangs up."""
        if self._has_dialled or self._child.alive:
            return InDoubt(f"{reason}, during the call", by)
        return Temporary(reason, by=by)

    async def _ask(self, op: str, deadline_s: float, **arguments: Any) -> dict[str, Any]:
        try:
            return await self._child.call(op, deadline_s, **arguments)
        except ChildLostError as error:
            raise LinkLostError(str(error)) from None
        except RequestFailedError as error:
            text, fault = words(error.code, str(error)), classify(error.code, None)
            if fault is Fault.LINK:
                raise LinkLostError(text, error.code) from None
            raise (SimError if fault is Fault.SIM else RefusedError)(text) from None

    async def _ask_if_known(self, op: str, deadline_s: float) -> dict[str, Any]:
        try:
            return await self._ask(op, deadline_s)
        except RefusedError:
            return {}
