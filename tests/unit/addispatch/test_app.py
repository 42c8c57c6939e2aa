"""One node from a configuration: what it needs, what it leaves, how it stops, and reasons instead of traces."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from addispatch import app
from addispatch.config import Config, load
from addispatch.domain.errors import ConfigErrors, StoreError
from addispatch.engine.node import Node
from addispatch.runtime.clock import SystemClock
from addispatch.store.ballast import Ballast

CONFIG = '[node]\ndata_dir = "data"\n[http]\nlisten = ""\n[plugin.log]\n'
DIRECTORY = '[[recipient]]\nname = "Adam"\nchannels = ["log"]\n[[route]]\nname = "all"\nto = ["Adam"]\n'


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """What the app sets for the whole process belongs to the tests' process again afterwards."""
    interval, threshold, zone = sys.getswitchinterval(), gc.get_threshold(), os.environ.get("TZ")
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)
    gc.unfreeze()
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()


def config(folder, **more) -> Config:
    return Config.model_validate(
        {"node": {"data_dir": folder / "data"}, "http": {"listen": ""}, "plugin": {"log": {}}, **more}
    )


def client(folder):
    transport = httpx.AsyncHTTPTransport(uds=str(folder / "data" / app.SOCKET_NAME))
    return httpx.AsyncClient(transport=transport, base_url="http://node", timeout=10)


async def test_a_node_with_its_api_as_long_as_the_block_lasts(tmp_path):
    (tmp_path / "directory.toml").write_text(DIRECTORY)
    async with app.started(config(tmp_path), tmp_path / "directory.toml") as node, client(tmp_path) as api:
        assert (await api.get("/readyz")).status_code == 200
        answer = await api.post("/api/v1/alarms", json={"text": "hot"})
        assert answer.status_code == 202
        assert len(answer.json()["cases"]) == 1
        assert node.is_started
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        assert os.environ["TZ"] == "UTC"
    assert not node.is_started
    assert not (tmp_path / "data" / app.SOCKET_NAME).exists()


async def test_only_one_at_a_time(tmp_path):
    async with app.started(config(tmp_path), None), client(tmp_path) as api:
        with pytest.raises(StoreError, match="another addispatch is running"):
            async with app.started(config(tmp_path), None):
                pass
        assert (await api.get("/healthz")).status_code == 200, "the first one is not disturbed"


async def test_a_port_that_is_taken_keeps_no_alarm_back(tmp_path, monkeypatch):
    monkeypatch.setattr("addispatch.http.server.BIND_AGAIN_S", 0.05)
    taken = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{taken.getsockname()[1]}"
    started = app.started(config(tmp_path, http={"listen": address}), None)
    async with started as node, client(tmp_path) as api, asyncio.timeout(10):
        assert (await api.post("/api/v1/alarms", json={"text": "hot", "to": ["+6591234567"]})).status_code == 202
        status = (await api.get("/api/v1/status")).json()
        assert any(address in warning for warning in status["warnings"])
        events = (await api.get("/api/v1/events")).json()["events"]
        assert [event["severity"] for event in events if event["kind"] == "HttpPort"] == ["severe"]
        follower = node.feed.follow()
        taken.close()
        while "listens on" not in (await follower.next())["text"]:
            pass
        follower.close()
        async with httpx.AsyncClient() as remote:
            assert (await remote.get(f"http://{address}/readyz")).status_code == 200
        assert not any(address in warning for warning in (await api.get("/api/v1/status")).json()["warnings"])


async def test_links_have_a_port_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("addispatch.http.server.BIND_AGAIN_S", 0.05)
    taken = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{taken.getsockname()[1]}"
    started = app.started(config(tmp_path, http={"listen": "", "ack_listen": address}), None)
    async with started as node, client(tmp_path) as api, httpx.AsyncClient() as phone, asyncio.timeout(10):
        warnings = (await api.get("/api/v1/status")).json()["warnings"]
        assert [one for one in warnings if one.startswith(f"http.ack_listen: cannot listen on {address}")]
        assert "node node-a" in (await api.get("/check")).text, "they are beside the API meanwhile"
        follower = node.feed.follow()
        taken.close()
        while (await follower.next())["text"] != f"Acknowledge links are answered on {address}":
            pass
        follower.close()
        assert not any(address in warning for warning in (await api.get("/api/v1/status")).json()["warnings"])
        assert "node node-a" in (await phone.get(f"http://{address}/check")).text
        for path in ("/a/x", "/readyz", "/api/v1/status"):
            assert (await phone.get(f"http://{address}{path}")).status_code == 404
    with pytest.raises(OSError, match=r"refused|failed"):
        await asyncio.open_connection(*address.split(":"))


async def test_a_rotated_link_key_outlives_a_restart(tmp_path):
    keys = []
    for _ in range(2):
        async with app.started(config(tmp_path), None) as node, client(tmp_path) as api:
            keys.append(node.directory.snapshot.link_keys)
            assert (await api.post("/api/v1/link-key/rotate")).json() == {"keys_count": 2}
            keys.append(node.directory.snapshot.link_keys)
            assert "link_key" not in (await api.get("/api/v1/directory")).text
    first, second, found, third = keys
    assert found == second == (second[0], first[0])
    assert third[1:] == second[:1]


async def test_a_secret_one_plugin_misses_turns_off_that_plugin_alone(tmp_path):
    (tmp_path / "addispatch.toml").write_text(CONFIG + '[plugin.mqtt]\nurl = "mqtt://x:${FILE:gone}@127.0.0.1"\n')
    async with app.started(load(tmp_path / "addispatch.toml").config, None), client(tmp_path) as api:
        plugins = {p["name"]: p for p in (await api.get("/api/v1/plugins")).json()["plugins"]}
    assert plugins["log"]["status"] == "enabled"
    assert plugins["mqtt"]["status"] == "config_error"
    assert f"plugin.mqtt.url: cannot read {tmp_path}/gone" in plugins["mqtt"]["reason"]


async def test_requests_while_it_starts_are_asked_to_come_back(tmp_path, monkeypatch):
    go_on, start = asyncio.Event(), Node.start

    async def slow(node, directory_file):
        await go_on.wait()
        await start(node, directory_file)

    monkeypatch.setattr(Node, "start", slow)
    async with asyncio.TaskGroup() as group, client(tmp_path) as api, asyncio.timeout(20):
        stop = asyncio.Event()

        async def run():
            async with app.started(config(tmp_path), None):
                await stop.wait()

        group.create_task(run())
        while not (tmp_path / "data" / app.SOCKET_NAME).exists():
            await asyncio.sleep(0.01)
        assert (await api.post("/api/v1/alarms", json={"text": "hot"})).status_code == 503
        assert (await api.get("/readyz")).json() == {
            "ready": False,
            "reason": "starting",
            "standby": False,
            "refuses": "",
        }
        assert (await api.get("/healthz")).json() == {"status": "starting"}
        go_on.set()
        while (await api.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.01)
        assert (await api.post("/api/v1/alarms", json={"text": "hot"})).status_code == 202
        stop.set()


@pytest.mark.parametrize("trouble", ["running", "unwritable"])
async def test_what_is_no_mistake_of_the_configuration_is_worth_another_try(tmp_path, trouble):
    """Exit code 78 tells systemd not to start it again."""
    (tmp_path / "addispatch.toml").write_text(CONFIG)
    async with contextlib.AsyncExitStack() as stack:
        if trouble == "running":
            await stack.enter_async_context(app.started(config(tmp_path), None))
        else:
            (tmp_path / "data").write_text("a file")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "addispatch", "run", "--config", str(tmp_path / "addispatch.toml"),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, log = await asyncio.wait_for(process.communicate(), 30)
    errors = [line for line in log.decode().splitlines() if line.startswith("error:")]
    assert (process.returncode, len(errors)) == (1, 1), log
    assert b"Traceback" not in log


async def test_a_data_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match=r"the data directory .*data cannot be written"):
        async with app.started(config(tmp_path), None):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs")
def test_a_data_directory_without_room_gets_that_of_the_ballast(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", tmp_path], check=False)
    if mounted.returncode:
        pytest.skip("may not mount")
    try:
        ballast = Ballast(tmp_path, 4096)
        ballast.make()
        app._prepare_folder(tmp_path)
        assert not ballast.is_there
        (tmp_path / "others").touch()
        with pytest.raises(StoreError, match="cannot be written: No space left on device"):
            app._prepare_folder(tmp_path)
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_broken_disk_ends_the_process_after_one_line():
    code = "from addispatch import app; app._end_at_once('the ledger cannot be written: x'); print('still here')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (74, "")
    assert result.stderr.startswith("the ledger cannot be written: x. The disk is not to be trusted")
    assert result.stderr.count("\n") == 1


def test_a_configuration_with_five_mistakes_names_them_all(tmp_path):
    path = tmp_path / "addispatch.toml"
    path.write_text(
        '[node]\nnam = "a"\ntimezone = "Mars/Base"\n[http]\nlisten = "nowhere"\n[dispatch]\nmax_attempts = 0\n'
        '[log]\nlevel = "loud"\n'
    )
    with pytest.raises(ConfigErrors) as wrong:
        app.run(path)
    places = {error.path for error in wrong.value.errors}
    assert len(places) == 5
    assert {"node.timezone", "http.listen", "dispatch.max_attempts", "log.level"} < places


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_process_stops_when_asked_and_tells_systemd(tmp_path, number):
    (tmp_path / "addispatch.toml").write_text(CONFIG)
    (tmp_path / "directory.toml").write_text(DIRECTORY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "addispatch", "run", "--config", str(tmp_path / "addispatch.toml"),
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}, stderr=asyncio.subprocess.PIPE,
            # Tests that run in the background, or under nohup, inherit that it is ignored.
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
        )  # fmt: skip
        loop = asyncio.get_running_loop()

        async def hears(word: bytes) -> None:
            while word not in await loop.sock_recv(notify, 4096):
                pass

        async with asyncio.timeout(30):
            await hears(b"READY=1")
            process.send_signal(number)
            await hears(b"STOPPING=1")
            _, log = await process.communicate()
    assert process.returncode == 0, log
    assert b"Traceback" not in log
    assert f"stopping: {number.name}".encode() in log


async def test_the_node_is_given_the_real_clock(tmp_path):
    async with app.started(config(tmp_path), None) as node:
        assert isinstance(node.clock, SystemClock)
