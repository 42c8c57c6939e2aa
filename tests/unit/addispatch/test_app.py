"""One node from a configuration: what it needs, what it leaves, how it stops, and reasons instead of traces."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time

import httpx
import pytest

from addispatch import app
from addispatch.config import Config
from addispatch.domain.errors import ConfigError, ConfigErrors, StoreError
from addispatch.runtime.clock import SystemClock

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
        with pytest.raises(ConfigError, match="another addispatch is running"):
            async with app.started(config(tmp_path), None):
                pass
        assert (await api.get("/healthz")).status_code == 200, "the first one is not disturbed"


async def test_a_port_that_is_taken_is_a_reason_not_a_trace(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Exception, match=address.rpartition(":")[2]) as refused:
            async with app.started(config(tmp_path, http={"listen": address}), None):
                pass
        assert "\n" not in str(refused.value)
    async with app.started(config(tmp_path), None) as node:
        assert node.is_started, "and nothing of the failed start is in the way"


async def test_a_data_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match=r"the data directory .*data cannot be written"):
        async with app.started(config(tmp_path), None):
            pass


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_stops_when_asked_and_tells_systemd(tmp_path, number):
    (tmp_path / "addispatch.toml").write_text(CONFIG)
    (tmp_path / "directory.toml").write_text(DIRECTORY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "addispatch", "run", "--config", str(tmp_path / "addispatch.toml"),
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}, stderr=asyncio.subprocess.PIPE,
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


async def test_the_node_is_given_the_real_clock(tmp_path):
    async with app.started(config(tmp_path), None) as node:
        assert isinstance(node.clock, SystemClock)
