"""The programs that send texts through modems, each as fast as it can be set. Used by ``modem``.

gammu-smsd 1.42 and smstools 3.1 are Debian's packages. gammu-smsd serves one modem a process: for eight there are eight,
each with an outbox of its own. The others share one queue among their modems.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path

import httpx

NUMBER = "+6591234567"
#: How long a program may take until it sends, in seconds.
PATIENCE_S = 60.0


class Contestant:
    """A program with its folder. ``start`` may be called again after ``kill``: the queue is where it was."""

    name = ""
    programs: tuple[str, ...] = ()

    def __init__(self, folder: Path, ports: list[str]) -> None:
        self.folder, self.ports = folder, ports
        self._processes: list[asyncio.subprocess.Process] = []
        self._serial = 0

    @classmethod
    def missing(cls) -> list[str]:
        return [name for name in cls.programs if _find(name) is None]

    def commands(self) -> list[list[str]]:
        """Write the configuration, if it is not there, and return what to run."""
        raise NotImplementedError

    async def enqueue(self, texts: list[str]) -> None:
        """Hand texts over in the way people do; durable when it returns."""
        raise NotImplementedError

    async def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            for command in self.commands():
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                    cwd=self.folder, env=os.environ | {"PYTHONUNBUFFERED": "1"},
                )  # fmt: skip
                self._processes.append(process)

    async def is_up(self) -> bool:
        """Whether all its modems work, if it can tell."""
        return True

    async def kill(self) -> None:
        """kill -9 to everything it started."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        for process in self._processes:
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        self._processes = []


def _find(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


class Addispatch(Contestant):
    """addispatch as it is, the token bucket off; texts come in by the API, each is committed before the answer."""

    name = "addispatch"

    def commands(self) -> list[list[str]]:
        config = self.folder / "addispatch.toml"
        if not config.exists():
            self._configure(config)
        return [[str(Path(sys.executable).with_name("addispatch")), "run", "--config", str(config)]]

    def _configure(self, config: Path) -> None:
        from addispatch_plugins.modem.config import ModemConfig

        unlimited = "rate_per_minute = 0\n" * ("rate_per_minute" in ModemConfig.model_fields)
        modems = "".join(
            f'[[plugin.modem.modem]]\nname = "m{number}"\nport = "{port}"\n{unlimited}'
            for number, port in enumerate(self.ports)
        )
        config.write_text(f'[node]\ndata_dir = "{self.folder / "data"}"\n[http]\nlisten = ""\n{modems}')
        (self.folder / "directory.toml").write_text(f'[[recipient]]\nname = "Adam"\nsms = "{NUMBER}"\n')

    def _client(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.folder / "data" / "addispatch.sock"))
        return httpx.AsyncClient(transport=transport, base_url="http://node/api/v1", timeout=PATIENCE_S)

    async def is_up(self) -> bool:
        try:
            async with self._client() as client:
                modems = (await client.get("/status")).json().get("modems", [])
        except httpx.HTTPError:
            return False
        return sum(modem["state"] == "online" for modem in modems) == len(self.ports)

    async def enqueue(self, texts: list[str]) -> None:
        async with self._client() as client:
            for text in texts:
                (await client.post("/alarms", json={"text": text, "to": ["Adam"]})).raise_for_status()


class GammuSmsd(Contestant):
    """gammu-smsd with files, at its fastest: the shortest sleeps, no checks between texts."""

    name = "gammu-smsd"
    programs = ("gammu-smsd",)
    settings = (
        "loopsleep = 1\ncommtimeout = 1\nstatusfrequency = 0\nchecksecurity = 0\nchecksignal = 0\nchecknetwork = 0\n"
        "checkbattery = 0\nresetfrequency = 0\nhardresetfrequency = 0\n"
    )

    def commands(self) -> list[list[str]]:
        program, found = _find("gammu-smsd"), []
        for number, port in enumerate(self.ports):
            own = self.folder / f"smsd{number}"
            boxes = {name: own / name for name in ("inbox", "outbox", "sent", "error")}
            for box in boxes.values():
                box.mkdir(parents=True, exist_ok=True)
            (own / "smsdrc").write_text(
                f"[gammu]\ndevice = {port}\nconnection = at115200\nmodel = at\n[smsd]\nservice = files\n{self.settings}"
                f"logfile = {own / 'smsd.log'}\ninboxpath = {boxes['inbox']}/\noutboxpath = {boxes['outbox']}/\n"
                f"sentsmspath = {boxes['sent']}/\nerrorsmspath = {boxes['error']}/\n"
            )
            found.append([str(program), "-c", str(own / "smsdrc")])
        return found

    async def enqueue(self, texts: list[str]) -> None:
        for text in texts:
            own = self.folder / f"smsd{self._serial % len(self.ports)}"
            draft = own / "draft"
            draft.write_text(text)
            draft.rename(own / "outbox" / f"OUTC20260101_000000_{self._serial:06d}_{NUMBER}_x.txt")
            self._serial += 1


class GammuSmsdDefault(GammuSmsd):
    """gammu-smsd as it comes."""

    name = "gammu-smsd, its defaults"
    settings = ""


class Smstools(Contestant):
    """smstools with the shortest pauses it takes."""

    name = "smstools"
    programs = ("smsd",)

    def commands(self) -> list[list[str]]:
        names = ("outgoing", "checked", "incoming", "sent", "failed", "report")
        for name in names:
            (self.folder / name).mkdir(exist_ok=True)
        config = self.folder / "smsd.conf"
        devices = [f"GSM{number}" for number in range(1, len(self.ports) + 1)]
        config.write_text(
            f"devices = {','.join(devices)}\n"
            + "".join(f"{name} = {self.folder / name}\n" for name in names)
            + f"logfile = {self.folder / 'smsd.log'}\ninfofile = {self.folder / 'info'}\npidfile = {self.folder / 'pid'}\n"
            "loglevel = 4\ndelaytime = 1\nreceive_before_send = no\nblocktime = 1\nerrorsleeptime = 1\n"
            + "".join(
                f"[{device}]\ndevice = {port}\nincoming = no\nbaudrate = 115200\nmemory_start = 1\n"
                for device, port in zip(devices, self.ports, strict=True)
            )
        )
        return [[str(_find("smsd")), "-c", str(config), "-t"]]

    async def enqueue(self, texts: list[str]) -> None:
        for text in texts:
            draft = self.folder / "draft"
            draft.write_text(f"To: {NUMBER[1:]}\n\n{text}")
            draft.rename(self.folder / "outgoing" / f"m{self._serial:06d}")
            self._serial += 1


ALL: tuple[type[Contestant], ...] = (Addispatch, GammuSmsd, GammuSmsdDefault, Smstools)
