"""``addispatch sim modem``: a GSM modem without hardware, for any program that speaks AT commands.

Mounted by the command line; tests of foreign programs (gammu-smsd, smstools) run it, too.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from addispatch.domain.errors import AddispatchError, ConfigError
from addispatch.domain.text import segment_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from addispatch.simulator import Network, Phone, PhoneCall, PhoneMessage, SimulatedModem

app = typer.Typer(help="Stand-ins for hardware.", rich_markup_mode=None, no_args_is_help=True)

_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_PIN = re.compile(r"[0-9]{4,8}")
#: What AT+CSQ may say (3GPP TS 27.007, 8.5): 0 to 31, or that it is not known.
_MOST_CSQ, _NO_CSQ = 31, 99
_MAX_LINE = 65536
#: Exit code of options that are wrong, as typer has it.
_WRONG_USE = 2
_HINT = (
    "Type `+6591234567 some text` and it arrives as an SMS from that number, or `!unplug`, `!replug` … (`!help`). "
    "Ctrl-C ends."
)


@app.callback()
def sim() -> None:
    """Stand-ins for hardware."""


@app.command()
def modem(
    link: Annotated[str | None, typer.Option(help="Path to make for the port, e.g. /tmp/ttyGSM.")] = None,
    number: Annotated[str, typer.Option(help="The modem's own number.")] = "+6590000001",
    phone: Annotated[str, typer.Option(help="The phone that writes what is typed without a number.")] = "+6591234567",
    reply: Annotated[str | None, typer.Option(help="What phones answer to each SMS.")] = None,
    pin: Annotated[str | None, typer.Option(help="Lock the SIM with this PIN.")] = None,
    csq: Annotated[int, typer.Option("--signal", min=0, max=99, help="As AT+CSQ has it: 0 to 31, 99 unknown.")] = 20,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="KIND[:COMMAND[:TIMES]], e.g. error_after_pdu:CMGS:2, silent:CSQ:always. May be given again."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Offer a simulated GSM modem to any program; prints its port first, then each SMS."""
    try:
        asyncio.run(run_sim_modem(link, number, phone, reply=reply, pin=pin, csq=csq, faults=fault, as_json=as_json))
    except (AddispatchError, OSError) as error:
        typer.echo(f"sim modem: {error}", err=True)
        raise typer.Exit(_WRONG_USE if isinstance(error, ConfigError) else 1) from None


async def run_sim_modem(
    link: str | None,
    number: str,
    phone: str | None = None,
    *,
    reply: str | None = None,
    pin: str | None = None,
    csq: int = 20,
    faults: list[str] | None = None,
    as_json: bool = False,
) -> None:
    """Run a modem until SIGINT, SIGTERM or, at a terminal, Ctrl-D. Raises ``ConfigError``, ``OSError``."""
    from addispatch.simulator import Network, SimulatedModem

    for name, value in (("number", number), ("phone", phone)):
        if value is not None and not _NUMBER.fullmatch(value):
            raise ConfigError(name, f"{value!r} is no phone number", "3 to 15 digits, perhaps with + in front")
    if pin is not None and not _PIN.fullmatch(pin):
        raise ConfigError("pin", "is no PIN", "4 to 8 digits")
    if csq > _MOST_CSQ and csq != _NO_CSQ:
        raise ConfigError("signal", f"{csq} is no signal", "0 to 31, or 99 for unknown")
    network = Network()
    simulated = SimulatedModem(network, number, link=link, pin=pin)
    simulated.signal = csq
    for fault in faults or []:
        _plan(simulated, fault)
    desk = _Desk(network, simulated, phone, reply, as_json=as_json)
    network.on_delivered, network.on_ringing = desk.delivered, desk.ringing
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number_of_signal in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number_of_signal, stop.set)
    await simulated.start()
    try:
        desk.show_port(simulated.port)
        with _stdin_lines(desk.typed, at_end=stop.set):
            await stop.wait()
    finally:
        await simulated.stop()


def _plan(simulated: SimulatedModem, written: str) -> None:
    """Plan a fault as ``--fault`` has it."""
    from addispatch.simulator.orders import plan

    try:
        plan(simulated, written)
    except ValueError as error:
        raise ConfigError("fault", str(error), "KIND[:COMMAND[:TIMES[:SECONDS or CODE]]]") from None


class _Desk:
    """Prints what happens and sends what is typed."""

    def __init__(
        self, network: Network, modem: SimulatedModem, phone: str | None, reply: str | None, *, as_json: bool
    ) -> None:
        self._network, self._modem, self._number, self._phone, self._reply = network, modem, modem.number, phone, reply
        self._json = as_json

    def show_port(self, port: str) -> None:
        """The first line of output: all a script has to read."""
        if self._json:
            self._print_json("port", port=port)
            return
        print(port, flush=True)
        if sys.stdout.isatty():
            typer.secho(_HINT, dim=True, err=True)

    def delivered(self, phone: Phone, message: PhoneMessage) -> None:
        """A phone got an SMS."""
        self._show("sent", message.sender, phone.number, message.text, parts=message.parts, flash=message.flash)
        if self._reply is not None:
            self._write(phone.number, message.sender, self._reply)

    def ringing(self, phone: Phone, call: PhoneCall) -> None:
        """A phone rings."""
        self._show("call", call.caller, phone.number, "rings")

    def typed(self, line: str) -> None:
        """A line came in: an SMS to the modem, or an order about it."""
        if line.startswith("!"):
            self._order(line[1:])
            return
        first, _, rest = line.partition(" ")
        sender, text = (first, rest) if first.startswith("+") else (self._phone, line)
        if sender is None or not _NUMBER.fullmatch(sender) or not text.strip():
            typer.secho(f"not sent: {line[:40]!r}; write: +6591234567 some text", fg="red", err=True)
            return
        self._write(sender, self._number, text)

    def _order(self, order: str) -> None:
        """Make trouble; a port that is new is shown as the first one was."""
        from addispatch.simulator.orders import obey

        was_in = self._modem.plugged_in
        try:
            answer = obey(self._modem, order)
        except (ValueError, OSError) as error:
            typer.secho(f"not done: {error}", fg="red", err=True)
            return
        if answer:
            typer.echo(answer, err=True)
        if self._modem.plugged_in and not was_in:
            self.show_port(self._modem.port)

    def _write(self, sender: str, to: str, text: str) -> None:
        try:
            self._network.write(sender, to, text)
        except AddispatchError as error:
            typer.secho(f"not sent: {error}", fg="red", err=True)
            return
        self._show("received", self._network.number(sender), to, text, parts=segment_count(text))

    def _show(self, event: str, sender: str, to: str, text: str, *, parts: int = 1, flash: bool = False) -> None:
        if self._json:
            sms: dict[str, str | int] = {} if event == "call" else {"text": text, "parts": parts, "flash": flash}
            self._print_json(event, **{"from": sender, "to": to}, **sms)
            return
        colour = {"sent": "cyan", "received": "green"}.get(event, "yellow")
        shown = text.replace("\n", " / ")
        notes = f" [{parts} parts]" * (parts > 1) + " [flash]" * flash
        typer.echo(typer.style(f"{event:8}", fg=colour) + f" {sender} -> {to}{notes}: {shown}")
        sys.stdout.flush()

    def _print_json(self, event: str, **fields: str | int) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        print(json.dumps({"event": event, "at": at, **fields}, ensure_ascii=False), flush=True)


@contextmanager
def _stdin_lines(take: Callable[[str], None], *, at_end: Callable[[], None]) -> Iterator[None]:
    """Call ``take`` with each line typed. The end of input counts only at a terminal: services run without any."""
    loop, stdin, unfinished = asyncio.get_running_loop(), 0, bytearray()

    def read() -> None:
        data = os.read(stdin, _MAX_LINE)
        unfinished.extend(data)
        *lines, rest = unfinished.split(b"\n")
        unfinished[:] = rest[:_MAX_LINE]
        for line in lines:
            if line.strip():
                take(line.decode("utf-8", "replace").strip())
        if not data:
            loop.remove_reader(stdin)
            if os.isatty(stdin):
                at_end()

    if sys.stdin is None:
        yield  # closed: its descriptor may be anybody's by now
        return
    if os.isatty(stdin) and os.tcgetpgrp(stdin) != os.getpgrp():
        yield  # in the background of a shell: reading would stop us
        return
    try:
        loop.add_reader(stdin, read)
    except OSError:
        yield  # a file or /dev/null: nobody types there
        return
    try:
        yield
    finally:
        loop.remove_reader(stdin)
