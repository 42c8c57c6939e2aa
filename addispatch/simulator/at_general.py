"""Commands about the device itself: echo, identity, errors, character set, power (3GPP TS 27.007 sections 5 and 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.simulator.at_errors import AtError, CmeError
from addispatch.simulator.at_parser import Command, Form
from addispatch.simulator.at_reply import Handler, accept, quoted

if TYPE_CHECKING:
    from addispatch.simulator.modem import SimulatedModem

_CHARACTER_SETS = ("GSM", "IRA", "UCS2")


def _echo(modem: SimulatedModem, command: Command) -> list[str]:
    modem.settings.echo = command.number(0, 0) == 1
    return []


def _reset(modem: SimulatedModem, _command: Command) -> list[str]:
    modem.reset_settings()
    return []


def _identify(modem: SimulatedModem, _command: Command) -> list[str]:
    return [modem.MANUFACTURER, modem.MODEL, modem.REVISION, f"IMEI: {modem.imei}"]


def _constant(attribute: str) -> Handler:
    return lambda modem, command: [] if command.form is Form.TEST else [getattr(modem, attribute)]


def _imsi(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.TEST:
        return []
    modem.sim.require(CmeError)
    return [modem.imsi]


def _error_detail(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.READ:
        return [f"+CMEE: {modem.settings.error_detail}"]
    if command.form is Form.TEST:
        return ["+CMEE: (0-2)"]
    detail = command.number(0, 0)
    if detail > 2:
        raise AtError
    modem.settings.error_detail = detail
    return []


def _character_set(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.READ:
        return [f'+CSCS: "{modem.settings.character_set}"']
    if command.form is Form.TEST:
        return [f"+CSCS: ({quoted(_CHARACTER_SETS)})"]
    name = command.text(0).upper()
    if name not in _CHARACTER_SETS:
        raise AtError
    modem.settings.character_set = name
    return []


def _power(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.READ:
        return [f"+CFUN: {modem.settings.radio}"]
    if command.form is Form.TEST:
        return ["+CFUN: (0,1,4),(0,1)"]
    radio = command.number(0, 1)
    if radio not in {0, 1, 4}:
        raise AtError
    if command.number(1, 0) == 1:
        modem.reset_settings()
    modem.set_radio(radio)
    return []


def _battery(_modem: SimulatedModem, command: Command) -> list[str]:
    return ["+CBC: (0-2),(0-100)"] if command.form is Form.TEST else ["+CBC: 0,100"]


def _capabilities(_modem: SimulatedModem, _command: Command) -> list[str]:
    return ["+GCAP: +CGSM"]


HANDLERS: dict[str, Handler] = {
    "E": _echo,
    "Z": _reset,
    "&F": _reset,
    "I": _identify,
    "V": accept,
    "Q": accept,
    "X": accept,
    "&C": accept,
    "&D": accept,
    "&W": accept,
    "S0": accept,
    "+CGMI": _constant("MANUFACTURER"),
    "+GMI": _constant("MANUFACTURER"),
    "+CGMM": _constant("MODEL"),
    "+GMM": _constant("MODEL"),
    "+CGMR": _constant("REVISION"),
    "+GMR": _constant("REVISION"),
    "+CGSN": _constant("imei"),
    "+GSN": _constant("imei"),
    "+CIMI": _imsi,
    "+CMEE": _error_detail,
    "+CSCS": _character_set,
    "+CFUN": _power,
    "+CBC": _battery,
    "+GCAP": _capabilities,
}
