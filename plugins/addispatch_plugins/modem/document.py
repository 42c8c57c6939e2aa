"""What ``addispatch modems`` and the API show of a modem, and what ``addispatch doctor`` says. Used by the plugin."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from addispatch.sdk import Finding
from addispatch_plugins.modem.ladder import Rung
from addispatch_plugins.modem.process import ModemError
from addispatch_plugins.modem.state import State

if TYPE_CHECKING:
    from addispatch_plugins.modem.actor import Modem

#: How long one modem may be looked for and asked.
EXAMINE_S = 18.0
#: What to do, by what the reason says; the first that fits.
_ADVICE = (
    ("another program", "stop the other program; ModemManager is kept away by the udev rule"),
    ("no permission", "put the user into the group dialout, or install the udev rule"),
    ("Permission denied", "put the user into the group dialout, or install the udev rule"),
    ("no such port", "plug the modem in, or correct port; 'addispatch modems --scan' lists the ports"),
    ("is plugged in", "plug the modem in, or correct imei or usb; 'addispatch modems --scan' lists the modems"),
    ("no modem there", "try the stick's other ports: 'addispatch modems --scan' tells which one answers"),
    ("no answer", "pull it out and put it in again; 'addispatch modems --scan' tells which ports answer"),
    ("PUK", "unblock the SIM in a phone with its PUK"),
    ("PIN", "correct pin, or set it"),
    ("no SIM card", "insert the SIM"),
    ("refuses the SIM", "ask the operator whether the SIM is activated"),
    ("credit", "top the SIM up"),
    ("mobile network", "check antenna and place; the SIM may be new or barred"),
)


def describe(modem: Modem) -> dict[str, Any]:
    """CONTRACT's keys, then ours; ``since`` is an RFC 3339 time, ``credit`` None when it is not known."""
    counts = modem.ladder.counts
    return {
        "name": modem.name,
        "state": str(modem.state),
        "since": modem.standing.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "port": modem.place.path,
        "usb": modem.place.usb,
        "operator": modem.radio.operator,
        "technology": modem.radio.technology,
        "signal": modem.radio.signal,
        "imei": modem.identity.imei,
        "imsi": modem.identity.imsi,
        "smsc": modem.smsc,
        "sim": modem.sim.state,
        "credit": modem.credit.balance,
        "memory_used": modem.memory.used,
        "memory_size": modem.memory.size,
        "error": modem.reason,
        "last_error_code": modem.judge.last_code,
        "sent_count": modem.sent_count,
        "failed_count": modem.failed_count,
        "restart_count": counts[Rung.REBUILD],
        "reset_count": counts[Rung.RESET] + counts[Rung.REBIND],
    }


async def examine(modem: Modem, *, runs: bool) -> Finding:
    """Say how a modem is: from what is known of one that runs, else by asking the one on the port."""
    subject = f"modem {modem.name}"
    if runs:
        detail = f"{modem.radio}, SIM {modem.sim.state}, {modem.place.shown}" + _credit(modem)
        state, reason = modem.standing.lasting
        if state is State.ONLINE:
            reason = modem.reason
        if not reason:
            return Finding(subject, detail)
        return Finding(subject, detail, f"{state}: {reason} ({modem.place.shown})", advice_for(reason))
    try:
        async with asyncio.timeout(EXAMINE_S):
            found = await modem.place.inspect()
    except TimeoutError:
        return Finding(subject, modem.place.shown, f"no answer within {EXAMINE_S:g} s", advice_for("no answer"))
    except ModemError as error:
        return Finding(subject, modem.place.shown, str(error), advice_for(str(error)))
    detail = f"{found['manufacturer']} {found['model']}, IMEI {found['imei']}, SIM {found['sim']}, {modem.place.shown}"
    if found["sim"] in ("ready", "unknown") or (found["sim"] == "wants its PIN" and modem.sim.has_pin):
        return Finding(subject, detail)
    problem = "no SIM card in the modem" if found["sim"] == "missing" else f"the SIM card {found['sim']}"
    return Finding(subject, detail, problem, advice_for(problem))


def advice_for(problem: str) -> str:
    """What one can do about it."""
    return next((advice for words, advice in _ADVICE if words in problem), "see docs/modem.md")


def _credit(modem: Modem) -> str:
    return "" if modem.credit.balance is None else f", credit {modem.credit.balance:g}"
