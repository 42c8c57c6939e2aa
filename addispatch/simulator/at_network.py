"""Commands about SIM and network: PIN, signal, registration, operator (3GPP TS 27.007 sections 7, 8 and 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.simulator.at_errors import AtError, CmeError
from addispatch.simulator.at_parser import Command, Form

if TYPE_CHECKING:
    from addispatch.simulator.at_reply import Handler
    from addispatch.simulator.modem import SimulatedModem

#: ``<AcT>`` of 3GPP TS 27.007, 7.3.
ACCESS_TECHNOLOGIES = {"GSM": 0, "UMTS": 2, "EDGE": 3, "HSDPA": 4, "HSUPA": 5, "HSPA": 6, "LTE": 7}
_AREA, _CELL = "00C3", "0001A2B3"
_HOME, _SEARCHING = 1, 2


def _pin(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.TEST:
        return []
    if command.form is Form.READ:
        return [f"+CPIN: {modem.sim.state()}"]
    modem.enter_pin(command.text(0), command.text(1))
    return []


def _signal(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.TEST:
        return ["+CSQ: (0-31,99),(0-7,99)"]
    return [f"+CSQ: {modem.signal},{99 if modem.signal == 99 else 0}"]


def _registration(name: str) -> Handler:
    def handle(modem: SimulatedModem, command: Command) -> list[str]:
        if command.form is Form.TEST:
            return [f"+{name}: (0-2)"]
        if command.form is Form.SET:
            detail = command.number(0, 0)
            if detail > 2:
                raise AtError
            modem.settings.registration_detail[name] = detail
            return []
        modem.sim.require(CmeError)
        return [registration_line(modem, name, urc=False)]

    return handle


def registration_line(modem: SimulatedModem, name: str, *, urc: bool) -> str:
    """``+CREG: …`` as the answer to a question (with the setting in front) or unsolicited."""
    detail = modem.settings.registration_detail[name]
    fields = [] if urc else [str(detail)]
    fields.append(str(_HOME if modem.in_network else _SEARCHING))
    if detail == 2 and modem.in_network:
        fields += [f'"{_AREA}"', f'"{_CELL}"', str(ACCESS_TECHNOLOGIES[modem.technology])]
    return f"+{name}: {','.join(fields)}"


def _attached(modem: SimulatedModem, command: Command) -> list[str]:
    return [f"+CGATT: {int(modem.in_network)}"] if command.form is Form.READ else []


def _operator(modem: SimulatedModem, command: Command) -> list[str]:
    modem.sim.require(CmeError)
    network, settings = modem.network, modem.settings
    if command.form is Form.TEST:
        return [f'+COPS: (2,"{network.operator}","{network.operator[:8]}","{network.operator_code}",0),,(0-4),(0-2)']
    if command.form is Form.SET:
        settings.operator_format = command.number(1, settings.operator_format)
        return []
    if not modem.in_network:
        return ["+COPS: 0"]
    name = {0: network.operator, 1: network.operator[:8]}.get(settings.operator_format, network.operator_code)
    return [f'+COPS: 0,{settings.operator_format},"{name}",{ACCESS_TECHNOLOGIES[modem.technology]}']


def _ussd(modem: SimulatedModem, command: Command) -> list[str]:
    """Answer any code with the balance, a moment later; 3GPP TS 27.007 7.15."""
    modem.sim.require(CmeError)
    if command.form is Form.TEST:
        return ["+CUSD: (0-2)"]
    if command.text(1) and modem.balance:
        text = modem.balance
        if modem.settings.character_set == "UCS2":
            text = text.encode("utf-16-be").hex().upper()
        modem.announce(f'+CUSD: 0,"{text}",15')
    return []


def _own_number(modem: SimulatedModem, command: Command) -> list[str]:
    modem.sim.require(CmeError)
    return [] if command.form is Form.TEST else [f'+CNUM: "","{modem.number}",145']


HANDLERS: dict[str, Handler] = {
    "+CPIN": _pin,
    "+CSQ": _signal,
    "+CREG": _registration("CREG"),
    "+CGREG": _registration("CGREG"),
    "+CGATT": _attached,
    "+COPS": _operator,
    "+CNUM": _own_number,
    "+CUSD": _ussd,
}
