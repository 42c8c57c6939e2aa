"""Commands about SMS: send, list, read, delete, memories, indications (3GPP TS 27.005)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addispatch.simulator import at_text_mode
from addispatch.simulator.at_errors import AtError, CmsError
from addispatch.simulator.at_parser import Command, Form
from addispatch.simulator.at_reply import Handler, Later, Prompt, accept, quoted
from addispatch.simulator.modem_storage import READ, UNREAD, Slot, Storage
from addispatch.simulator.pdu import Submit, decode_submit, encode_message, split_smsc, with_smsc
from addispatch.simulator.pdu_fields import PduError

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.simulator.modem import SimulatedModem

_ALL = 4
#: CMGD: 1 read ones, 2 and 3 also sent and unsent ones (there are none here), 4 everything.
_DELETE_ALL = 4


def _needs_sim(handler: Handler) -> Handler:
    def handle(modem: SimulatedModem, command: Command) -> list[str] | Prompt | Later:
        modem.sim.require(CmsError)
        return handler(modem, command)

    return handle


def _format(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.READ:
        return [f"+CMGF: {int(modem.settings.text_mode)}"]
    if command.form is Form.TEST:
        return ["+CMGF: (0,1)"]
    mode = command.number(0, 0)
    if mode > 1:
        raise AtError
    modem.settings.text_mode = mode == 1
    return []


def _service(_modem: SimulatedModem, command: Command) -> list[str]:
    return {Form.TEST: ["+CSMS: (0,1)"], Form.READ: ["+CSMS: 0,1,1,1"]}.get(command.form, ["+CSMS: 1,1,1"])


def _service_centre(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.READ:
        return [f'+CSCA: "{modem.smsc}",{145 if modem.smsc.startswith("+") else 129}']
    if command.form is Form.SET:
        modem.smsc = command.text(0)
    return []


def _send(modem: SimulatedModem, command: Command) -> list[str] | Prompt:
    if command.form is Form.TEST:
        return []
    if command.form is not Form.SET:
        raise AtError
    if not modem.in_network:
        raise CmsError(CmsError.NO_NETWORK)
    if modem.settings.text_mode:
        to = at_text_mode.decode(modem, command.text(0))
        return Prompt(lambda text: _send_all(modem, at_text_mode.submits(modem, to, text)))
    length = command.number(0)
    return Prompt(lambda line: _send_all(modem, [_read_pdu(line, length)]))


def _send_all(modem: SimulatedModem, messages: list[Submit]) -> list[str]:
    return [f"+CMGS: {modem.send(message)}" for message in messages]


def _read_pdu(line: str, length: int) -> Submit:
    """The submit of a hex line whose TPDU has ``length`` octets."""
    try:
        _smsc, tpdu = split_smsc(bytes.fromhex(line))
        message = decode_submit(tpdu)
    except (ValueError, PduError):
        raise CmsError(CmsError.INVALID_PARAMETER) from None
    if len(tpdu) != length or not message.to:
        raise CmsError(CmsError.INVALID_PARAMETER)
    return message


def _memories(modem: SimulatedModem, command: Command) -> list[str]:
    names = quoted(modem.storages)
    if command.form is Form.TEST:
        return [f"+CPMS: ({names}),({names}),({names})"]
    chosen = modem.settings.memories
    if command.form is Form.READ:
        return ["+CPMS: " + ",".join(f'"{name}",{_usage(modem.storages[name])}' for name in chosen)]
    for place, argument in enumerate(command.arguments[:3]):
        name = argument.upper() or chosen[place]
        if name not in modem.storages:
            raise CmsError(CmsError.INVALID_PARAMETER)
        chosen[place] = name
    return [f"+CPMS: {','.join(_usage(modem.storages[name]) for name in chosen)}"]


def _usage(storage: Storage) -> str:
    return f"{len(storage.slots)},{storage.capacity}"


def _reading(modem: SimulatedModem) -> Storage:
    return modem.storages[modem.settings.memories[0]]


def _list(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.TEST:
        return [at_text_mode.LIST_TEST if modem.settings.text_mode else "+CMGL: (0-4)"]
    wanted = at_text_mode.status(command) if modem.settings.text_mode else command.number(0, UNREAD)
    lines: list[str] = []
    for index, slot in sorted(_reading(modem).slots.items()):
        if wanted in {_ALL, slot.status}:
            lines += _show(modem, slot, lambda rest, index=index: f"+CMGL: {index},{rest}")  # type: ignore[misc]
    return lines


def _read(modem: SimulatedModem, command: Command) -> list[str]:
    if command.form is Form.TEST:
        return []
    slot = _reading(modem).slots.get(command.number(0))
    if slot is None:
        raise CmsError(CmsError.INVALID_INDEX)
    return _show(modem, slot, lambda rest: f"+CMGR: {rest}")


def _show(modem: SimulatedModem, slot: Slot, head: Callable[[str], str]) -> list[str]:
    """Header line and content of a slot; reading makes it read."""
    status, slot.status = slot.status, READ
    if modem.settings.text_mode:
        rest, content = at_text_mode.show(modem, slot.message, status)
        return [head(rest), content]
    tpdu = encode_message(slot.message)
    return [head(f"{status},,{len(tpdu)}"), with_smsc(modem.network.smsc, tpdu)]


def _delete(modem: SimulatedModem, command: Command) -> list[str]:
    slots = _reading(modem).slots
    if command.form is Form.TEST:
        return [f"+CMGD: ({','.join(map(str, sorted(slots)))}),(0-4)"]
    index, what = command.number(0), command.number(1, 0)
    if what == 0 and index not in slots:
        raise CmsError(CmsError.INVALID_INDEX)
    doomed = [index] if what == 0 else [i for i, slot in slots.items() if what == _DELETE_ALL or slot.status == READ]
    for number in doomed:
        del slots[number]
    modem.room_made()
    return []


def _indications(modem: SimulatedModem, command: Command) -> list[str]:
    settings = modem.settings
    if command.form is Form.TEST:
        return ["+CNMI: (0-2),(0-2),(0,2),(0-2),(0,1)"]
    if command.form is Form.READ:
        return [f"+CNMI: {','.join(map(str, settings.indications))}"]
    values = [command.number(place, old) for place, old in enumerate(settings.indications)]
    if len(command.arguments) > len(values) or any(value > 2 for value in values):
        raise CmsError(CmsError.INVALID_PARAMETER)
    settings.indications = values
    return []


HANDLERS: dict[str, Handler] = {
    "+CMGF": _format,
    "+CSMS": _service,
    "+CSMP": accept,
    "+CSDH": accept,
    "+CMMS": accept,
    "+CSCA": _needs_sim(_service_centre),
    "+CMGS": _needs_sim(_send),
    "+CMGL": _needs_sim(_list),
    "+CMGR": _needs_sim(_read),
    "+CMGD": _needs_sim(_delete),
    "+CPMS": _needs_sim(_memories),
    "+CNMI": _needs_sim(_indications),
}
