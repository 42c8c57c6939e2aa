"""``addispatch sim modem`` as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from pathlib import Path

import pytest

_COMMAND = (sys.executable, "-m", "addispatch", "sim", "modem")


async def start(*options: str, stdin: int = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*_COMMAND, *options, stdin=stdin, stdout=pipe, stderr=pipe)


async def line(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(10):
        return (await process.stdout.readline()).decode().rstrip("\n")


async def end(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> None:
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 5) == 0


async def say(fd: int, text: bytes, until: bytes) -> bytes:
    """Write to the port and read until the bytes come."""
    os.write(fd, text)
    heard = b""
    async with asyncio.timeout(20):
        while until not in heard:
            heard += await asyncio.to_thread(os.read, fd, 4096)
    return heard


async def test_port_first_then_messages(tmp_path: Path) -> None:
    link = str(tmp_path / "ttyGSM")
    process = await start("--link", link, "--number", "90000002", "--reply", "will do")
    assert await line(process) == link
    process.stdin.write(b"+6598765432 how are you?\nwithout a number\nnonsense: \n+65 x\n")
    assert await line(process) == "received +6598765432 -> +6590000002: how are you?"
    assert await line(process) == "received +6591234567 -> +6590000002: without a number"
    assert await line(process) == "received +6591234567 -> +6590000002: nonsense:"
    assert "write: +6591234567 some text" in (await process.stderr.readline()).decode()
    fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
    await say(fd, b'ATE0\rAT+CMGF=1\rAT+CMGS="+6591112222"\r', b"> ")
    await say(fd, b"hello\x1a", b"OK")
    assert await line(process) == "sent     +6590000002 -> +6591112222: hello"
    assert await line(process) == "received +6591112222 -> +6590000002: will do"
    assert b"how are you?" in await say(fd, b'AT+CMGL="ALL"\r', b"will do")
    await say(fd, b"ATD+6591112222;\r", b"OK")
    assert await line(process) == "call     +6590000002 -> +6591112222: rings"
    os.close(fd)
    await end(process)
    assert not Path(link).is_symlink()


async def test_json_lines() -> None:
    process = await start("--json")
    port = json.loads(await line(process))
    assert (port["event"], Path(port["port"]).exists()) == ("port", True)
    process.stdin.write(b"+6598765432 " + b"x" * 200 + b"\n")
    event = json.loads(await line(process))
    assert event.pop("at").endswith("Z")
    assert event == {
        "event": "received",
        "from": "+6598765432",
        "to": "+6590000001",
        "text": "x" * 200,
        "parts": 2,
        "flash": False,
    }
    await end(process, signal.SIGINT)


@pytest.mark.parametrize("stdin", [asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE])
async def test_runs_on_without_input(stdin: int) -> None:
    process = await start(stdin=stdin)
    if process.stdin is not None:
        process.stdin.close()
    port = await line(process)
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    assert b"OK" in await say(fd, b"AT\r", b"OK")
    os.close(fd)
    await end(process)


async def test_ctrl_d_at_a_terminal_ends_it() -> None:
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        # setsid -c: the terminal is its own, as in a window
        "setsid", "-c", *_COMMAND, stdin=slave, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(slave)
    await line(process)
    os.write(master, b"+6598765432 typed\n")
    assert (await line(process)).endswith("typed")
    os.write(master, b"\x04")
    assert await asyncio.wait_for(process.wait(), 5) == 0
    os.close(master)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--number", "abc"), "number: 'abc' is no phone number"),
        (("--fault", "explode"), "fault: 'explode' is none of error, no_prompt"),
        (("--fault", "silent:CSQ:often"), "fault: "),
        (("--signal", "50"), "signal: 50 is no signal"),
        (("--pin", "abc"), "pin: is no PIN"),
        (("--link", "/proc/nothing/tty"), "link: /proc/nothing/tty: No such file or directory"),
    ],
)
async def test_mistakes_are_one_line(options: tuple[str, ...], error: str) -> None:
    process = await start(*options)
    _out, err = await process.communicate()
    assert process.returncode == (1 if "--link" in options else 2)  # the link is a matter of this machine
    assert error in err.decode()
    assert err.decode().count("\n") == 1


async def test_faults_are_planned() -> None:
    process = await start("--fault", "error:CSQ:2", "--signal", "7")
    fd = os.open(await line(process), os.O_RDWR | os.O_NOCTTY)
    assert b"ERROR" in await say(fd, b"AT+CSQ\r", b"ERROR")
    assert b"ERROR" in await say(fd, b"AT+CSQ\r", b"ERROR")
    assert b"+CSQ: 7,0" in await say(fd, b"AT+CSQ\r", b"OK")
    os.close(fd)
    await end(process)


async def test_trouble_is_typed() -> None:
    process = await start("--json", stdin=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    first = json.loads(await line(process))["port"]
    process.stdin.write(b"!unplug\n!replug\n")
    second = json.loads(await line(process))
    assert second["event"] == "port"
    fd = os.open(second["port"], os.O_RDWR | os.O_NOCTTY)
    process.stdin.write(b"!help\n!explode\n!signal 3\n")
    assert process.stderr is not None
    assert (await process.stderr.readline()).startswith(b"Orders: fault KIND")
    assert b"not done: order: 'explode'" in await process.stderr.readline()
    while b"+CSQ: 3,0" not in await say(fd, b"AT+CSQ\r", b"OK"):
        pass  # the order may come later than the question
    os.close(fd)
    await end(process)
    assert first.startswith("/dev/pts/")
