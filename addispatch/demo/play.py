"""Runs the demo: the stage, the story, and then time to try things. Called by ``addispatch demo``."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from addispatch.demo.screen import Screen
from addispatch.domain.errors import AddispatchError

if TYPE_CHECKING:
    from addispatch.demo.stage import Stage
    from addispatch.simulator import Phone, PhoneMessage


def main(*, exit_after: bool) -> int:
    """Play the story; returns 0 if every step happened."""
    screen = Screen()
    screen.say(screen.colour("addispatch demo", "bold") + ": an alarm finds its people")
    screen.say()
    try:
        return asyncio.run(_play(screen, exit_after=exit_after))
    except KeyboardInterrupt:
        screen.say()
        return 130


async def _play(screen: Screen, *, exit_after: bool) -> int:
    try:
        from addispatch.demo import stage as stages  # noqa: PLC0415 - needs the extra "demo"
        from addispatch.demo import story  # noqa: PLC0415
    except ImportError as error:
        screen.failed(f"{error.name} is missing: pip install 'addispatch[demo]'")
        return 1
    try:
        async with stages.put_up(screen) as stage:
            await story.tell(stage, screen)
            screen.say()
            screen.done(screen.colour("Every step happened.", "bold"))
            if not exit_after:
                await _stay(stage, screen)
        screen.done("stopped")
    except (TimeoutError, AssertionError, AddispatchError, OSError) as error:
        screen.failed(f"This step did not happen: {str(error) or type(error).__name__}")
        return 1
    return 0


def program_path() -> str:
    """Return how to call this program from the folder where it was started."""
    program = Path(sys.argv[0]).absolute()
    if program.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m addispatch"
    if shutil.which(program.name) == str(program):
        return program.name
    return shlex.quote(min(str(program), os.path.relpath(program), key=len))


async def _stay(stage: Stage, screen: Screen) -> None:
    """Keep running and show every SMS, until Ctrl-C or until the window is closed."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)

    def show(phone: Phone, message: PhoneMessage) -> None:
        screen.bubble(f"{phone.name or phone.number}'s phone", message.text, colour="green")

    stage.network.on_delivered = show
    program, where = program_path(), f"--data-dir {stage.folder / 'data'}"
    screen.title("It stays up. Try, in another terminal:")
    screen.command(f"{program} status", where)
    screen.command(f"{program} send", "--to Maintenance", '"Tank 3 is nearly empty"', where)
    screen.command(f"{program} why", "--source mqtt --topic plant/x", '--text "Tank 3 is full"', where)
    screen.command(f"{program} cases", where)
    screen.command(f"{program} ack", "CODE", '--comment "on my way"', where)
    screen.command(f"{program} events --follow", where)
    screen.say(f"  API   http://127.0.0.1:{stage.http_port}/api/openapi.json")
    screen.say(f"  log   {stage.folder / 'demo.log'}")
    screen.say(screen.colour("  Ctrl-C ends it.", "dim"))
    await stopping.wait()
    screen.progress("stopping")
