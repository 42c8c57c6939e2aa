"""Debian's gammu, gammu-smsd and smstools send, receive and ring through ``addispatch sim modem``: nobody here wrote them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.debian, pytest.mark.slow]

_LONG = "Tank 7 over limit, " * 20
_UNICODE_BMP = "Überlauf 日本"  # smstools knows no characters beyond
_UNICODE = f"{_UNICODE_BMP} 🔥"


def program(name: str) -> str:
    """The path of a Debian program; skips with the reason if it is not there."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@asynccontextmanager
async def running(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


class Sim:
    """``addispatch sim modem --json``: what it prints, what is typed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = ""

    async def event(self, kind: str, timeout_s: float = 40.0) -> dict[str, Any]:
        """The next event of that kind."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout_s):
            while line := await self.process.stdout.readline():
                event = json.loads(line)
                if event["event"] == kind:
                    return event
        raise AssertionError("the simulator ended")

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Sim]:
    async with running(
        sys.executable,
        "-m",
        "addispatch",
        "sim",
        "modem",
        "--json",
        "--link",
        str(tmp_path / "ttyGSM"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    ) as process:
        sim = Sim(process)
        sim.port = (await sim.event("port"))["port"]
        yield sim
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 5) == 0
    assert not (tmp_path / "ttyGSM").is_symlink()


async def until(look: Callable[[], Any], what: str, timeout_s: float = 40.0) -> Any:
    """Poll a folder that another program writes; there is no event to wait for."""
    try:
        async with asyncio.timeout(timeout_s):
            while not (found := look()):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not seen within {timeout_s:g} s: {what}") from None
    return found


async def test_gammu_smsd(sim: Sim, tmp_path: Path) -> None:
    smsd, inject = program("gammu-smsd"), program("gammu-smsd-inject")
    config = tmp_path / "smsdrc"
    folders = {name: tmp_path / name for name in ("inbox", "outbox", "sent", "error")}
    for folder in folders.values():
        folder.mkdir()
    config.write_text(
        f"[gammu]\ndevice = {sim.port}\nconnection = at115200\n[smsd]\nservice = files\n"
        f"logfile = {tmp_path / 'smsd.log'}\nloopsleep = 1\ncommtimeout = 1\ndeliveryreport = log\n"
        f"inboxpath = {folders['inbox']}/\noutboxpath = {folders['outbox']}/\n"
        f"sentsmspath = {folders['sent']}/\nerrorsmspath = {folders['error']}/\n"
    )
    async with running(smsd, "-c", str(config)):
        for options, text in (((), "Pump 3 failed {A123}"), (("-len", "400"), _LONG), (("-unicode",), _UNICODE)):
            async with running(inject, "-c", str(config), "TEXT", "+6591234567", *options, "-text", text) as process:
                assert await process.wait() == 0
            sent = await sim.event("sent")
            assert (sent["text"], sent["to"], sent["from"]) == (text, "+6591234567", "+6590000001")
        await until(lambda: len(list(folders["sent"].iterdir())) >= 3, "sent folder")
        assert list(folders["error"].iterdir()) == []
        sim.type("+6598765432 A123 on my way")
        sim.type(f"+6598765433 {_LONG}")
        files = await until(lambda: [f for f in sorted(folders["inbox"].iterdir()) if f.stat().st_size], "inbox")
        assert "+6598765432" in files[0].name
        assert files[0].read_text() == "A123 on my way"
        await until(
            lambda: "".join(f.read_text() for f in sorted(folders["inbox"].glob("*98765433*"))) == _LONG.strip(),
            "long text in the inbox",
        )


async def test_gammu_dialvoice(sim: Sim, tmp_path: Path) -> None:
    config = tmp_path / "gammurc"
    config.write_text(f"[gammu]\ndevice = {sim.port}\nconnection = at115200\nmodel = at\n")
    async with running(program("gammu"), "-c", str(config), "dialvoice", "+6591234567") as process:
        call = await sim.event("call")
        assert (call["from"], call["to"]) == ("+6590000001", "+6591234567")
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_smstools(sim: Sim, tmp_path: Path) -> None:
    smsd = program("smsd")
    names = ("outgoing", "checked", "incoming", "sent", "failed", "report")
    folders = {name: tmp_path / name for name in names}
    for folder in folders.values():
        folder.mkdir()
    config = tmp_path / "smsd.conf"
    config.write_text(
        "devices = GSM1\n"
        + "".join(f"{name} = {folder}\n" for name, folder in folders.items())
        + f"logfile = {tmp_path / 'smsd.log'}\ninfofile = {tmp_path / 'info'}\npidfile = {tmp_path / 'pid'}\n"
        "loglevel = 7\ndelaytime = 1\nautosplit = 3\nreceive_before_send = no\ninternal_combine = yes\n"
        f"[GSM1]\ndevice = {sim.port}\nincoming = yes\nreport = yes\nbaudrate = 115200\n"
        "memory_start = 1\ninit = AT+CNMI=2,1,0,2,0\n"
    )
    async with running(smsd, "-c", str(config), "-t", stdout=asyncio.subprocess.DEVNULL):
        for number, (header, text) in enumerate(
            (("", "Pump 3 failed"), ("", _LONG), ("Alphabet: UTF-8\n", _UNICODE_BMP))
        ):
            message = tmp_path / f"message{number}"
            message.write_text(f"To: 6591234567\n{header}\n{text}")
            message.rename(folders["outgoing"] / message.name)
            sent = await sim.event("sent")
            assert (sent["text"].strip(), sent["to"]) == (text.strip(), "+6591234567")
        await until(lambda: len(list(folders["sent"].iterdir())) == 3, "sent folder")
        assert list(folders["failed"].iterdir()) == []
        sim.type("+6598765432 A123 on my way")
        [file] = await until(lambda: list(folders["incoming"].iterdir()), "incoming folder")
        head, _, text = file.read_text().partition("\n\n")
        assert "From: 6598765432" in head
        assert text == "A123 on my way"
        parts = 1 + 3 + 1  # smstools asks for a report of each
        reports = await until(lambda: len(r := list(folders["report"].iterdir())) == parts and r, "delivery reports")
        assert all("Status: 0,Ok" in report.read_text() for report in reports)
