"""Troubles of a simulated modem as words, such as ``fault silent:CMGS``, ``unplug`` or ``sim puk``.

Read by ``addispatch sim modem`` (lines that begin with ``!``) and by the fault tests, so that both know the same ones.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from addispatch.simulator.modem import SimulatedModem

#: What can be ordered, for those who ask or mistype.
ORDERS = (
    "fault KIND[:COMMAND[:TIMES|always[:SECONDS|CODE]]], unplug, replug [PATH], signal 0..31|99, network on|off, "
    "sim in|out|pin|puk, speed BYTES_PER_S|full, chatter LINES_PER_S [LINE], announce TIMES [SECONDS], fill, empty, "
    "mend"
)
#: Kinds whose last figure is an error code and not a time.
_CODED = ("error", "error_after_pdu")
_PIN = "0000"


def obey(modem: SimulatedModem, order: str) -> str:
    """Do it; returns what there is to say, which is something for ``help`` alone.

    Raises ``ValueError`` with what is wrong, ``OSError`` when a port cannot be made.
    """
    name, _, rest = order.strip().partition(" ")
    if name == "help":
        return f"Orders: {ORDERS}"
    do = _DO.get(name)
    if do is None:
        raise ValueError(f"order: {name[:40]!r} is none of {ORDERS}")
    do(modem, rest.strip())
    return ""


def plan(modem: SimulatedModem, written: str) -> None:
    """Plan a fault written as ``KIND[:COMMAND[:TIMES[:SECONDS or CODE]]]``. Raises ``ValueError``."""
    kind, command, times, figure = (*written.split(":"), "", "", "")[:4]
    coded = kind in _CODED
    modem.fault(
        kind,
        command=command or "CMGS",
        times=None if times == "always" else _number("fault", times or "1", 1, 10**6),
        code=_number("fault", figure, 0, 999) if coded and figure else None,
        delay_s=3.0 if coded or not figure else _figure("fault", figure, 3600),
    )


def _number(name: str, written: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", written) or not least <= int(written) <= most:
        raise ValueError(f"{name}: {written[:40]!r} is no number from {least} to {most}")
    return int(written)


def _figure(name: str, written: str, most: float) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", written) or not float(written) <= most:
        raise ValueError(f"{name}: {written[:40]!r} is no figure from 0 to {most:g}")
    return float(written)


def _signal(modem: SimulatedModem, rest: str) -> None:
    modem.signal = 99 if rest == "99" else _number("signal", rest, 0, 31)


def _network(modem: SimulatedModem, rest: str) -> None:
    if rest not in {"on", "off"}:
        raise ValueError("network: on or off")
    modem.registered = rest == "on"


def _sim(modem: SimulatedModem, rest: str) -> None:
    """Card in and ready, card out, or a card that is locked at once."""
    if rest not in {"in", "out", "pin", "puk"}:
        raise ValueError("sim: in, out, pin or puk")
    card = modem.sim
    card.present = rest != "out"
    if rest == "in":
        card.pin, card.tries = None, 3
    elif rest != "out":
        card.pin, card.unlocked = card.pin or _PIN, False
        card.tries = 3 if rest == "pin" else 0
    modem.network_changed()


def _speed(modem: SimulatedModem, rest: str) -> None:
    modem.bytes_per_s = None if rest == "full" else max(1.0, _figure("speed", rest, 10**6))


def _chatter(modem: SimulatedModem, rest: str) -> None:
    per_s, _, line = rest.partition(" ")
    modem.chatter.per_s = _figure("chatter", per_s, 1000)
    modem.chatter.use(*filter(None, [line[:200]]))


def _announce(modem: SimulatedModem, rest: str) -> None:
    times, _, seconds = rest.partition(" ")
    modem.announce_times = _number("announce", times, 0, 10)
    modem.announce_delay_s = _figure("announce", seconds or "0", 60)


def _mend(modem: SimulatedModem, _rest: str) -> None:
    """Work properly again, whatever was ordered; what lies in the memories stays."""
    modem.clear_faults()
    modem.bytes_per_s, modem.signal = None, 20
    modem.announce_times, modem.announce_delay_s = 1, 0.0
    modem.chatter.per_s = 0
    _sim(modem, "in")
    modem.registered = True
    modem.replug()


_DO: dict[str, Callable[[SimulatedModem, str], None]] = {
    "fault": plan,
    "unplug": lambda modem, _rest: modem.unplug(),
    "replug": lambda modem, rest: modem.replug(rest or None),
    "signal": _signal,
    "network": _network,
    "sim": _sim,
    "speed": _speed,
    "chatter": _chatter,
    "announce": _announce,
    "fill": lambda modem, _rest: modem.fill(),
    "empty": lambda modem, _rest: modem.empty(),
    "mend": _mend,
}
