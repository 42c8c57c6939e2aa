"""Commands about calls: dial, hang up, answer, list (3GPP TS 27.007 section 6 and 7.18, ITU-T V.250 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.simulator.at_errors import AtError, CallFailed, CmeError
from addispatch.simulator.at_parser import Command, Form
from addispatch.simulator.at_reply import Handler, Later, accept

if TYPE_CHECKING:
    from addispatch.simulator.modem import SimulatedModem


def _dial(modem: SimulatedModem, command: Command) -> list[str] | Later:
    number, voice = command.arguments
    if voice != ";" or not number:
        raise AtError  # data calls
    modem.sim.require(CmeError)
    if not modem.in_network:
        raise CmeError(CmeError.NO_NETWORK)
    if not modem.dial(number):
        raise CallFailed
    return Later() if modem.dial_waits else []


def _hang_up(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is not Form.TEST:
        modem.hang_up()
    return []


def _list_calls(modem: SimulatedModem, command: Command) -> list[str]:
    call = modem.call
    if call is None or command.form is Form.TEST:
        return []
    return [f'+CLCC: 1,{int(call.incoming)},{call.state},0,0,"{call.number}",145']


HANDLERS: dict[str, Handler] = {
    "D": _dial,
    "H": _hang_up,
    "+CHUP": _hang_up,
    "+CLCC": _list_calls,
    "+CLIP": accept,
    "+CRC": accept,
    "+CCWA": accept,
    "+VTS": accept,
}
