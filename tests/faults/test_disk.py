"""The disk is full, or what is on it is damaged: alarms are refused rather than lost, and the daemon stays up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from daemon import PATIENCE_S, Daemon
from publisher import Publisher

from addispatch.sdk.testing.mosquitto import Mosquitto

pytestmark = [pytest.mark.debian, pytest.mark.slow]

CONFIG = """
[limits]
disk_floor_mib = 2
disk_low_mib = 0
[plugin.mqtt]
url = "{url}"
[[plugin.mqtt.subscribe]]
topic = "plant/{{line}}/alarm"
[plugin.log]
path = "{out}"
"""
DIRECTORY = """
[[recipient]]
name = "Logbook"
channels = ["log"]
[[group]]
name = "Ops"
members = ["Logbook"]
[[route]]
name = "all"
to = ["Ops"]
"""
TOPIC = "plant/a/alarm"
CAMPAIGN = bool(os.environ.get("ADDISPATCH_CAMPAIGN"))


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path, "max_queued_messages 100000") as found:
        yield found


@pytest.fixture
def make_daemon(tmp_path, broker):
    """The sink is on another disk than the ledger."""

    def make(folder: Path = tmp_path, directory: str = DIRECTORY) -> Daemon:
        return Daemon(folder, CONFIG.format(url=broker.url, out=tmp_path / "out.log"), directory)

    return make


@pytest.fixture
def told(tmp_path):
    """The texts in the sink."""

    def read() -> list[str]:
        return [json.loads(line)["text"] for line in (tmp_path / "out.log").read_text().splitlines()]

    return read


async def subscribed(daemon: Daemon, broker: Mosquitto) -> None:
    """A retained alarm comes as soon as the daemon has subscribed; from then on the broker keeps messages for it."""
    await broker.publish(TOPIC, "before", "--retain")
    await daemon.event("before -> Ops")


class FullDisk:
    """A small file system for the ledger, and how to fill it: ballast, floor and little more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=28m", "tmpfs", str(folder)], check=True)

    def fill(self, _daemon: Daemon) -> None:
        """Somebody else takes all there is now, at once: not what the ballast gives back a moment later."""
        room = os.statvfs(self.folder)
        with (self.folder / f"others {time.monotonic_ns()}").open("wb") as others:
            os.posix_fallocate(others.fileno(), 0, room.f_bavail * room.f_frsize)

    def free(self, _daemon: Daemon) -> None:
        for file in self.folder.glob("others *"):
            file.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class SizeLimit:
    """No file may grow: what a user without root can do to a daemon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, daemon: Daemon) -> None:
        self._limit(daemon, 1000)

    def free(self, daemon: Daemon) -> None:
        self._limit(daemon, resource.RLIM_INFINITY)

    def _limit(self, daemon: Daemon, size: int) -> None:
        hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    def close(self) -> None:
        pass


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    (tmp_path / "small").mkdir()
    found = FullDisk(tmp_path / "small")
    yield found
    found.close()


@pytest.fixture(params=[FullDisk, SizeLimit])
def disk(request, tmp_path):
    if request.param is FullDisk and os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    (tmp_path / "small").mkdir()
    found = request.param(tmp_path / "small")
    yield found
    found.close()


async def test_a_full_disk_refuses_and_recovers(disk, broker, make_daemon, told):
    async with make_daemon(disk.folder) as daemon, Publisher(broker.port) as publisher:
        await subscribed(daemon, broker)
        disk.fill(daemon)
        for number in range(30):
            publisher.publish(TOPIC, f"while full {number}")
        status = await daemon.until(lambda status: "new alarms are refused" in " ".join(status["warnings"]))
        assert status["state"].startswith("Warning: ")
        answer = await daemon.post("/alarms", {"text": "by HTTP while full", "to": "Ops"})
        assert answer.status_code == 503
        assert f"disk of {daemon.data}" in answer.json()["error"]
        assert answer.headers["retry-after"]
        async with daemon.client() as client:
            ready = await client.get("/readyz")
            assert (ready.status_code, bool(ready.json()["reason"])) == (503, True)
            assert "addispatch_disk_free_bytes" in (await client.get("/metrics")).text
        await publisher.all_confirmed()
        disk.free(daemon)
        publisher.publish(TOPIC, "after")
        await daemon.event("after -> Ops")
        await daemon.until(lambda status: status["state"] == "Server running" and not any(status["queue"].values()))
        await daemon.event("Alarms can be stored again; for")
        await daemon.event("while full 29 -> Ops")
        await daemon.idle()
        assert (await daemon.post("/alarms", {"text": "by HTTP again", "to": "Ops"})).status_code == 202
        await daemon.idle()
        texts = told()
        assert sorted(texts) == sorted(["before", *publisher.accepted, "by HTTP again"])


async def test_what_came_while_full_survives_a_kill(disk, broker, make_daemon, told):
    """Not acknowledged: the broker still has it, and the next daemon gets it."""
    daemon = make_daemon(disk.folder)
    await daemon.start()
    async with Publisher(broker.port) as publisher:
        await subscribed(daemon, broker)
        await daemon.idle()
        disk.fill(daemon)
        publisher.publish(TOPIC, "while full")
        await daemon.says("Alarms cannot be stored: ")
        await publisher.all_confirmed()
        await daemon.kill()
        if isinstance(disk, FullDisk):
            disk.free(daemon)
        async with daemon:
            await daemon.event("while full -> Ops")
            await daemon.idle()
        assert sorted(told()) == ["before", "while full"]


WATCH = """
[[recipient]]
name = "Logbook"
channels = ["log"]
[[recipient]]
name = "Second"
channels = ["log"]
[[recipient]]
name = "Chief"
channels = ["log"]
[[group]]
name = "Ops"
members = ["Logbook"]
policy = "watch"
[[policy]]
name = "watch"
footnote = ""
[[policy.level]]
after_minutes = 0.05
to = ["Second"]
[[policy.level]]
after_minutes = 60
to = ["Chief"]
[[route]]
name = "all"
to = ["Ops"]
[settings]
system_alert_to = ["Chief"]
"""


async def test_while_full_escalating_and_acknowledging_go_on(small_disk, broker, make_daemon, told):
    disk = small_disk
    async with make_daemon(disk.folder, WATCH) as daemon, Publisher(broker.port) as publisher:
        await subscribed(daemon, broker)
        (case,) = (await daemon.get("/cases"))["cases"]
        assert (daemon.data / "ballast").stat().st_size == 16 * 2**20
        disk.fill(daemon)
        for number in range(10):
            publisher.publish(TOPIC, f"while full {number}")
        await daemon.event("Sending and acknowledging go on")
        assert not (daemon.data / "ballast").exists()
        # The level that was due went out, the outcome of it was stored, and so is the acknowledgement.
        await daemon.event("log to Second sent: before")
        publisher.publish("addispatch/default/ack", json.dumps({"code": case["code"], "by": "Second"}))
        await daemon.event("acknowledged by Second")
        assert (await daemon.get(f"/cases/{case['id']}"))["acknowledged_by"] == "Second"
        # The chief hears of the disk, by the disk that is full.
        await daemon.event("log to Chief sent: addispatch")
        alert = next(text for text in told() if text.startswith("addispatch node-a: "))
        assert f"disk of {daemon.data}" in alert
        put = await daemon.post("/directory/recipient", {"name": "Jane", "channels": ["log"]})
        assert put.status_code == 200  # there is room, and it is no alarm
        assert not [text for text in told() if text.startswith("while full")]
        # Then the room of the ballast is gone, too: nothing is taken, nothing ends, and nobody floods the log.
        disk.fill(daemon)
        comment = {"action": "comment", "comment": "all right"}
        answer = await daemon.post(f"/cases/{case['id']}/ack", comment)
        assert (answer.status_code, "cannot be written" in answer.text) == (503, True)
        answer = await daemon.post("/directory/recipient", {"name": "Joe", "channels": ["log"]})
        assert (answer.status_code, "cannot be written: No space left" in answer.text) == (503, True)
        names = [entry["name"] for entry in (await daemon.get("/directory/recipient"))["recipient"]]
        assert sorted(names) == ["Chief", "Jane", "Logbook", "Second"]
        assert (await daemon.status())["ledger"]["problem"]
        async with daemon.client() as client:
            assert (await client.get("/healthz")).status_code == 200
        disk.free(daemon)
        await daemon.event("The disk has room again")
        assert (daemon.data / "ballast").stat().st_size == 16 * 2**20
        await daemon.event("System alert: disk is all right again")
        await daemon.event("while full 9 -> Ops")
        assert (await daemon.post(f"/cases/{case['id']}/ack", comment)).status_code == 200
        await publisher.all_confirmed()
        await daemon.until(lambda status: status["state"] == "Server running")
        taken = [case["text"] for case in (await daemon.get("/cases", limit=100))["cases"]]
        alarms = sorted(text for text in taken if not text.startswith("addispatch "))
        assert alarms == sorted(["before", *(f"while full {number}" for number in range(10))])
        assert not [line for line in daemon.lines if "Traceback" in line]


async def test_a_start_on_a_full_disk_gives_up_the_ballast(small_disk, broker, make_daemon, told):
    disk, daemon = small_disk, make_daemon(small_disk.folder)
    async with daemon:
        await subscribed(daemon, broker)
        await daemon.idle()
    disk.fill(daemon)
    async with daemon, Publisher(broker.port) as publisher:
        publisher.publish(TOPIC, "while full")
        await daemon.event("new alarms are refused until 18 MiB are. Sending")
        assert not [event for event in await daemon.events() if event["kind"] == "LedgerSetAside"]
        disk.free(daemon)
        await daemon.event("while full -> Ops")
        await daemon.idle()
    assert sorted(told()) == ["before", "while full"]


@contextlib.asynccontextmanager
async def injected(daemon: Daemon, calls: str, fault: str) -> AsyncIterator[None]:
    """Let the daemon's system calls fail, from now to the end of the block."""
    strace = await asyncio.create_subprocess_exec(
        "strace", "-f", "-o", "/dev/null", "-p", str(daemon.process.pid),
        "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}",
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert strace.stderr is not None
    line = await asyncio.wait_for(strace.stderr.readline(), PATIENCE_S)
    if b"attached" not in line:
        pytest.skip(f"strace may not look into another process: {line.decode().strip()}")
    try:
        yield
    finally:
        if strace.returncode is None:
            strace.send_signal(signal.SIGINT)  # it lets go of the daemon
        await asyncio.wait_for(strace.communicate(), PATIENCE_S)


async def test_an_io_error_ends_the_daemon_and_loses_nothing(tmp_path, broker, make_daemon, told):
    """After an fsync that failed the kernel may call the next one good: only a new process knows what is there."""
    daemon = make_daemon(tmp_path)
    await daemon.start()
    async with Publisher(broker.port) as publisher:
        await subscribed(daemon, broker)
        await daemon.idle()
        for round_, fault in enumerate(("fsync,fdatasync", "pwrite64") if CAMPAIGN else ("fsync,fdatasync",)):
            since = len(daemon.lines)
            async with injected(daemon, fault, "error=EIO"):
                began_s = time.monotonic()
                publisher.publish(TOPIC, f"alarm {round_}")
                assert await daemon.ends() == os.EX_IOERR
                assert time.monotonic() - began_s < 1
            said = [line for line in daemon.lines[since:] if "ending at once" in line]
            assert len(said) == 1
            assert "disk I/O error" in said[0]
            await daemon.start()
            await daemon.event(f"alarm {round_} -> Ops")
            await daemon.idle()
        await publisher.all_confirmed()
    await daemon.stop()
    expected = {"before", *(f"alarm {number}" for number in range(round_ + 1))}
    assert expected == {text.removeprefix("(repeat) ") for text in told()}


async def test_a_disk_that_turns_read_only_is_like_a_full_one(tmp_path, broker, make_daemon, told):
    async with make_daemon(tmp_path) as daemon, Publisher(broker.port) as publisher:
        await subscribed(daemon, broker)
        await daemon.idle()
        calls = "pwrite64,fallocate,ftruncate,/^unlink,/^utime,/^link,/^rename"
        async with injected(daemon, calls, "error=EROFS"):
            publisher.publish(TOPIC, "while read-only")
            status = await daemon.until(lambda status: "Read-only file system" in status["state"])
            assert "new alarms are refused" in " ".join(status["warnings"])
        await daemon.event("while read-only -> Ops")
        await daemon.until(lambda status: status["state"] == "Server running")
        await daemon.idle()
    assert told() == ["before", "while read-only"]


INDEXES, COUNT = (range(1, 61), 5) if CAMPAIGN else ((1, 4), 2)


async def test_no_room_at_any_single_write(tmp_path, broker, make_daemon, told):
    async with make_daemon(tmp_path) as daemon, Publisher(broker.port) as publisher:
        await subscribed(daemon, broker)
        for index in INDEXES:
            async with injected(daemon, "pwrite64", f"error=ENOSPC:when={index}"):
                for number in range(COUNT):
                    publisher.publish(TOPIC, f"alarm {number} at {index}")
                    await daemon.event(f"alarm {number} at {index} -> Ops")
                    await daemon.idle()
        await publisher.all_confirmed()
        await daemon.until(lambda status: status["state"] == "Server running")
        assert len(await daemon.events("Sending and acknowledging go on")) == len(INDEXES)
        assert len(await daemon.events("The disk has room again")) == len(INDEXES)
        expected = {f"alarm {number} at {index}" for index in INDEXES for number in range(COUNT)} | {"before"}
        cases = [case["text"] for case in (await daemon.get("/cases", limit=500))["cases"]]
        assert sorted(cases) == sorted(expected)
        assert {text.removeprefix("(repeat) ") for text in told()} == expected


async def test_a_damaged_ledger_is_set_aside(tmp_path, broker, make_daemon, told):
    async with make_daemon() as daemon:
        await subscribed(daemon, broker)
        await daemon.idle()
    ledger = tmp_path / "data" / "ledger.db"
    damaged = b"no database" * 1000
    ledger.write_bytes(damaged)
    async with daemon:
        event = await daemon.event("is damaged")
        assert event["severity"] == "severe"
        assert "It was kept as ledger.db.corrupt-" in event["text"]
        await broker.publish(TOPIC, "after")
        await daemon.event("after -> Ops")
        await daemon.idle()
    kept = [path for path in (tmp_path / "data").glob("ledger.db.corrupt-*") if path.suffix not in ("-wal", "-shm")]
    assert [path.read_bytes() for path in kept if path.stat().st_size == len(damaged)] == [damaged]
    # What was retained is told again, for nobody remembers that it was told: better twice than not at all.
    assert told() == ["before", "before", "after"]


async def test_a_flipped_page_is_found_at_the_start(tmp_path, broker, make_daemon, told):
    async with make_daemon() as daemon:
        for number in range(50):
            await daemon.post("/alarms", {"text": f"alarm {number}", "to": "Ops"})
        await daemon.idle()
    ledger = tmp_path / "data" / "ledger.db"
    raw = bytearray(ledger.read_bytes())
    for page in range(2, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 64] = os.urandom(64)
    ledger.write_bytes(raw)
    async with daemon:
        assert (await daemon.event("is damaged"))["severity"] == "severe"
        assert (await daemon.post("/alarms", {"text": "after", "to": "Ops"})).status_code == 202
        await daemon.idle()
    assert told()[-1] == "after"


async def check(daemon: Daemon) -> tuple[int, list[str]]:
    """Run ``addispatch check`` and return its exit code and lines."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "addispatch", "check", "--config", str(daemon.config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in out
    return process.returncode, out.decode().splitlines()


async def test_a_truncated_directory_file_changes_nothing_and_is_told(tmp_path, broker, make_daemon, told):
    async with make_daemon() as daemon:
        await daemon.idle()
    file = tmp_path / "directory.toml"
    file.write_text(DIRECTORY[: DIRECTORY.index("Ops")])
    code, lines = await check(daemon)
    assert code == 78
    assert len(lines) == 1
    assert "directory.toml" in lines[0]
    async with daemon:
        event = await daemon.event("directory.toml not applied")
        assert event["severity"] == "severe"
        await broker.publish(TOPIC, "after")  # by the directory as it was before
        await daemon.event("after -> Ops")
        await daemon.idle()
    assert told() == ["after"]


async def test_a_truncated_directory_file_on_the_first_start(tmp_path, broker, make_daemon, told):
    """Nobody is known yet, so nobody is told; but the daemon is up, says so, and can be helped."""
    async with make_daemon(directory=DIRECTORY[: DIRECTORY.index("Ops")]) as daemon:
        await daemon.event("directory.toml not applied")
        status = await daemon.status()
        assert "the directory is empty: nobody would be told of an alarm" in status["warnings"]
        await broker.publish(TOPIC, "nobody hears this")
        assert (await daemon.event("neither a group 'default'"))["severity"] == "severe"
        async with daemon.client() as client:
            put = await client.put("/api/v1/directory/recipient/Logbook", json={"channels": ["log"]})
            assert put.status_code == 200, put.text
        assert (await daemon.post("/alarms", {"text": "helped", "to": "Logbook"})).status_code == 202
        await daemon.idle()
    assert told() == ["helped"]


#: Of each table: a change, and how its file is damaged.
DAMAGES = {
    "recipient": ({"name": "Jane", "channels": ["log"]}, b""),
    "group": ({"name": "Others", "members": ["Logbook"]}, b'{"half": '),
    "route": ({"name": "more", "match": {"topic": "other/#"}, "to": ["Ops"]}, b"\xff" * 500),
}


async def test_damaged_directory_tables_are_mended(tmp_path, broker, make_daemon, told):
    async with make_daemon() as daemon:
        for table, (entry, _) in DAMAGES.items():  # from the second change on there is the generation before
            assert (await daemon.post(f"/directory/{table}", entry)).status_code == 200
    for table, (_, damage) in DAMAGES.items():
        (tmp_path / "data" / "directory" / f"{table}.json").write_bytes(damage)
    async with daemon:
        mended = [event["text"] for event in await daemon.events() if event["kind"] == "DirectoryMended"]
        assert [sum(f"{table}.json" in text for text in mended) for table in DAMAGES] == [1, 1, 1], mended
        await broker.publish(TOPIC, "after")
        await daemon.event("after -> Ops")
        await daemon.idle()
    assert told() == ["after"]


async def test_a_directory_that_cannot_be_mended_is_not_taken_for_an_empty_one(tmp_path, make_daemon):
    """An empty address book would swallow every alarm: better not to start, and to say what to do."""
    async with make_daemon() as daemon:
        await daemon.idle()
    for file in (tmp_path / "data" / "directory").iterdir():
        file.write_bytes(b"")
    before = len(daemon.lines)
    await daemon.spawn()
    assert await daemon.ends() == 1
    assert "restore one of them, or move both away to start empty" in daemon.lines[-1]
    assert not [line for line in daemon.lines[before:] if "Traceback" in line]
