"""The simulated GSM modem: what it is and knows. Any GSM program can use it through its port.

Made by tests, the demo and ``addispatch sim modem``; the AT commands read and change it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from addispatch.simulator.at_network import ACCESS_TECHNOLOGIES, registration_line
from addispatch.simulator.at_session import AtSession
from addispatch.simulator.call import CallState, Progress
from addispatch.simulator.modem_chatter import Chatter
from addispatch.simulator.modem_faults import Fault, FaultKind, FaultPlan
from addispatch.simulator.modem_sim import Sim
from addispatch.simulator.modem_storage import READ, Storage
from addispatch.simulator.pdu import Deliver, StatusReport, Submit, encode_message, with_smsc
from addispatch.simulator.pdu_body import bodies
from addispatch.simulator.serial_pty import SerialPty

if TYPE_CHECKING:
    from datetime import datetime

    from addispatch.simulator.network import Network

_MODE, _MESSAGE, _BROADCAST, _REPORT, _BUFFER = range(5)


@dataclass(slots=True)
class Settings:
    """What the host has set; gone with a reset or when the plug is pulled."""

    echo: bool = True
    error_detail: int = 0
    text_mode: bool = False
    character_set: str = "GSM"
    radio: int = 1
    operator_format: int = 0
    registration_detail: dict[str, int] = field(default_factory=lambda: {"CREG": 0, "CGREG": 0})
    #: Memories to read from, to write to and to receive into.
    memories: list[str] = field(default_factory=lambda: ["SM", "SM", "SM"])
    #: The five numbers of CNMI.
    indications: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One SMS that the network took from the modem; a long text is several, ``part`` of ``parts``."""

    to: str
    text: str
    at: datetime
    reference: int
    part: int = 1
    parts: int = 1
    flash: bool = False
    wants_report: bool = False


@dataclass(slots=True)
class ModemCall:
    """The call the modem is in."""

    number: str
    state: CallState

    @property
    def incoming(self) -> bool:
        """Whether the other side dialled."""
        return self.state is CallState.INCOMING


def _imei_of(number: str) -> str:
    """Make an IMEI that no other modem of the network has: 3GPP TS 23.003 6.2, with its check digit."""
    digits = "35693803" + number[-6:].rjust(6, "0")
    doubled = (str(int(digit) * (1 + place % 2)) for place, digit in enumerate(digits))
    return digits + str(-sum(int(digit) for digit in "".join(doubled)) % 10)


class SimulatedModem:
    """A modem with a SIM in a :class:`Network`; ``start`` it in the loop, then open ``port`` with any GSM program."""

    MANUFACTURER, MODEL, REVISION = "addispatch", "SIM900", "1.0"

    def __init__(
        self,
        network: Network,
        number: str,
        *,
        imei: str | None = None,
        imsi: str = "525010000000001",
        link: str | Path | None = None,
        pin: str | None = None,
        storage_size: int = 50,
    ) -> None:
        """``link`` is a path to make for the port, ``storage_size`` how many SMS each of SM and ME hold."""
        self.network, self.number, self.imsi = network, network.number(number), imsi
        self.imei = imei or _imei_of(self.number)
        self.smsc = network.smsc
        self.sim = Sim(pin)
        #: As AT+CSQ has it: 0 to 31, 99 unknown.
        self.signal = 20
        #: What the operator answers to a USSD code; empty: nothing.
        self.balance = "Your balance is SGD 12.50"
        #: Numbers dialled.
        self.dialled: list[str] = []
        #: Whether ATD is answered when the call is (OK) or fails (BUSY …), as some modems do, and not at once.
        self.dial_waits = False
        self.sent: list[SentMessage] = []
        self.call: ModemCall | None = None
        self.faults = FaultPlan()
        #: How often each +CMTI and +CDSI is said; some firmware says it twice, and none at all happens, too.
        self.announce_times = 1
        #: For how long such lines are gathered, to be said in one go.
        self.announce_delay_s = 0.0
        #: Unsolicited lines the modem says all the time.
        self.chatter = Chatter(self._chat)
        self.settings = Settings()
        self.storages = {"SM": Storage(storage_size), "ME": Storage(storage_size)}
        self._link = Path(link) if link is not None else None
        self._port: SerialPty | None = None
        self._session: AtSession | None = None
        self._bytes_per_s: float | None = None
        self._announced: list[str] = []
        self._registered = True
        self._technology = "HSPA"
        self._reference = 0

    async def start(self) -> None:
        """Join the network and plug in. Raises ``ValueError`` (number taken), ``OSError`` (link)."""
        self.network.attach(self)
        try:
            self.replug()
        except OSError:
            self.network.detach(self)
            raise

    async def stop(self) -> None:
        """Pull the plug and leave the network."""
        self.chatter.per_s = 0
        self.unplug()
        self.network.detach(self)

    @property
    def port(self) -> str:
        """The path to open; it may change with a new plug-in unless there is a link."""
        if self._port is None:
            raise RuntimeError("the modem is not plugged in")
        return self._port.port

    @property
    def plugged_in(self) -> bool:
        """Whether there is a port."""
        return self._port is not None

    @property
    def bytes_per_s(self) -> float | None:
        """How fast the serial line is in each direction; None for as fast as it goes."""
        return self._bytes_per_s

    @bytes_per_s.setter
    def bytes_per_s(self, value: float | None) -> None:
        self._bytes_per_s = value
        if self._port is not None:
            self._port.bytes_per_s = value

    @property
    def registered(self) -> bool:
        """Whether the network lets it in."""
        return self._registered

    @registered.setter
    def registered(self, value: bool) -> None:
        self._registered = value
        self.network_changed()

    @property
    def technology(self) -> str:
        """GSM, EDGE, UMTS, HSDPA, HSUPA, HSPA or LTE."""
        return self._technology

    @technology.setter
    def technology(self, value: str) -> None:
        if value not in ACCESS_TECHNOLOGIES:
            raise ValueError(f"technology: {value!r} is none of {', '.join(ACCESS_TECHNOLOGIES)}")
        self._technology = value
        self.network_changed()

    @property
    def in_network(self) -> bool:
        """Whether it can send and receive."""
        return self._port is not None and self._registered and self.settings.radio == 1 and self.sim.ready

    def fault(
        self,
        kind: str,
        command: str = "CMGS",
        *,
        times: int | None = 1,
        code: int | None = None,
        delay_s: float = 3.0,
    ) -> None:
        """Plan a :class:`FaultKind` for the next ``times`` uses (None: until cleared) of the command (``*``: any).

        ``code`` is that of the CMS or CME error. Raises ``ValueError`` for an unknown kind.
        """
        if kind not in list(FaultKind):
            raise ValueError(f"{kind!r} is none of {', '.join(FaultKind)}")
        name = command if command[:1] in "*+^$&" or len(command) == 1 else f"+{command}"
        self.faults.add(Fault(FaultKind(kind), name.upper(), times, code, delay_s))

    def clear_faults(self) -> None:
        """Work properly again."""
        self.faults.clear()

    def unplug(self) -> None:
        """Pull the plug: the port vanishes, programs that have it open get an error."""
        if self._port is None or self._session is None:
            return
        self._session.close()
        self._port.close()
        self._port = self._session = None
        self.hang_up()

    def replug(self, link: str | Path | None = None) -> None:
        """Plug in again: a fresh port, settings as after power-on, a locked SIM if it has a PIN.

        With ``link`` the port has that path from now on, as when a plug goes into another socket.
        """
        if self._port is not None:
            return
        if link is not None:
            self._link = Path(link)
        self.settings = Settings()
        self.sim.unlocked = False
        self._session = AtSession(self, self._write)
        self._port = SerialPty(self._link, self._session.feed)
        self._port.bytes_per_s = self._bytes_per_s
        self.network_changed()

    # What AT commands do to it.

    def reset_settings(self) -> None:
        """ATZ, AT&F: settings as after power-on."""
        self.settings = Settings()

    def set_radio(self, radio: int) -> None:
        """AT+CFUN: 1 is on, 0 and 4 are off."""
        if radio != self.settings.radio:
            self.settings.radio = radio
            self.network_changed()

    def enter_pin(self, code: str, new_pin: str) -> None:
        """AT+CPIN; raises ``CmeError``."""
        self.sim.enter(code, new_pin)
        self.network_changed()

    def fill(self) -> None:
        """Fill both memories with read messages nobody deletes."""
        old = Deliver("+6580000000", bodies("old", 0)[0], self.network.now())
        for storage in self.storages.values():
            while not storage.full:
                storage.slots[storage.add(old)].status = READ

    def empty(self) -> None:
        """Delete all that is stored, as by another hand."""
        for storage in self.storages.values():
            storage.slots.clear()
        self.room_made()

    def announce(self, line: str) -> None:
        """Say something unsolicited, after the answer that is being given."""
        if self._session is not None:
            asyncio.get_running_loop().call_soon(self._session.urc, line)

    def room_made(self) -> None:
        """A slot became free: the network may bring what waits."""
        self.network.retry(self.number)

    def next_concat_reference(self) -> int:
        """A number for the parts of a long text in text mode."""
        return self._reference + 1

    def send(self, message: Submit) -> int:
        """Hand a message to the network; gives its reference, 0 to 255."""
        self._reference = (self._reference + 1) % 256
        body, concat = message.body, message.body.concat
        self.sent.append(
            SentMessage(
                to=self.network.number(message.to),
                text=body.text,
                at=self.network.now(),
                reference=self._reference,
                part=concat.part if concat else 1,
                parts=concat.count if concat else 1,
                flash=body.flash,
                wants_report=message.wants_report,
            )
        )
        self.network.submit(self.number, Submit(message.to, body, self._reference, message.wants_report))
        return self._reference

    def dial(self, number: str) -> bool:
        """Call; False when it is in a call. How it goes on comes by ``call_progress``."""
        if self.call is not None:
            return False
        self.dialled.append(number)
        self.call = ModemCall(self.network.number(number), CallState.DIALLING)
        self.network.call(self.number, self.call.number)
        return True

    def hang_up(self) -> None:
        """End the call, if there is one."""
        if self.call is not None:
            call, self.call = self.call, None
            self.network.hang_up(self.number, call.number)

    # What the network does to it (a Station).

    def accept(self, message: Deliver | StatusReport) -> bool:
        """Store or show what the network brings; False when it cannot."""
        settings = self.settings
        if not self.in_network or self._session is None:
            return False
        report = isinstance(message, StatusReport)
        how = settings.indications[_REPORT if report else _MESSAGE]
        if report and how == 0:
            return True  # nobody asked for reports
        if how == (1 if report else 2):
            tpdu = encode_message(message)
            head = f"+CDS: {len(tpdu)}" if report else f"+CMT: ,{len(tpdu)}"
            self._session.urc(head, with_smsc(self.network.smsc, tpdu))
            return True
        memory = settings.memories[2]
        if self.storages[memory].full:
            return False
        index = self.storages[memory].add(message)
        if how:
            self._announce(f'{"+CDSI" if report else "+CMTI"}: "{memory}",{index}')
        return True

    def ring(self, caller: str) -> Progress:
        """Ring for the host, or say why not."""
        if not self.in_network or self._session is None:
            return Progress.NO_CARRIER
        if self.call is not None:
            return Progress.BUSY
        self.call = ModemCall(caller, CallState.INCOMING)
        self._session.urc("RING")
        self._session.urc(f'+CLIP: "{caller}",145,"",0,"",0')
        return Progress.ALERTING

    def call_progress(self, other: str, progress: Progress) -> None:
        """The other side or the network did something about the call."""
        if self.call is None or self.call.number != other or self._session is None:
            return
        if progress.ends:
            self.call = None
            self._session.call_ended(progress)
        elif progress is Progress.ANSWERED:
            self.call.state = CallState.ACTIVE
            self._session.call_answered()
        else:
            self.call.state = CallState.ALERTING

    def _announce(self, line: str) -> None:
        self._announced += [line] * self.announce_times
        if not self.announce_delay_s:
            self._tell_announced()
        elif len(self._announced) == self.announce_times:
            asyncio.get_running_loop().call_later(self.announce_delay_s, self._tell_announced)

    def _tell_announced(self) -> None:
        lines, self._announced = self._announced, []
        if self._session is not None and lines:
            self._session.urcs(lines)

    def _chat(self, line: str) -> None:
        if self._session is not None and self._port is not None and not self._port.is_behind:
            self._session.urc(line)

    def _write(self, data: bytes) -> None:
        if self._port is not None:
            self._port.write(data)

    def network_changed(self) -> None:
        """Tell the host, and take what waits; called when SIM, radio or network are others."""
        if self._session is None:
            return
        for name, detail in self.settings.registration_detail.items():
            if detail:
                self._session.urc(registration_line(self, name, urc=True))
        if self.in_network:
            self.network.retry(self.number)
        elif self.call is not None:
            self.hang_up()
            self._session.call_ended(Progress.NO_CARRIER)
