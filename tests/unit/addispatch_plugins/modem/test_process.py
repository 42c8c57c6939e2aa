import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from addispatch_plugins.modem.gammurc import write_gammurc
from addispatch_plugins.modem.process import CHILD, Child, ChildLostError, RequestFailedError


@pytest.fixture
async def child():
    child = await Child.start()
    yield child
    await child.close()


async def gone(pid):
    async with asyncio.timeout(2):
        while True:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                return
            if state == "Z":
                return
            await asyncio.sleep(0.01)


async def test_hand_over_is_quick(child):
    took_s = []
    await child.call("delete", 5, locations=[])
    for _ in range(50):
        began_s = time.perf_counter()
        await child.call("delete", 5, locations=[])
        took_s.append(time.perf_counter() - began_s)
    assert sorted(took_s)[25] < 0.02


async def test_a_port_that_is_not_there_fails_with_the_reason(child):
    with pytest.raises(RequestFailedError, match="the port cannot be used: No such file or directory") as caught:
        await child.call("probe", 5, port="/dev/no-such-port")
    assert caught.value.code == "PORT"


async def test_a_mistake_of_ours_does_not_end_the_child(child):
    with pytest.raises(RequestFailedError, match="AttributeError") as caught:
        await child.call("no_such_request", 5)
    assert caught.value.code == "BUG"
    assert child.alive


async def test_a_child_that_does_not_answer_in_time_is_killed(child):
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(ChildLostError, match=r"no answer to delete within 0\.1 s"):
        await child.call("delete", 0.1, locations=[])
    await gone(child.pid)


async def test_a_child_whose_port_is_gone_is_killed_long_before_its_deadline(child):
    os.kill(child.pid, signal.SIGSTOP)
    pulled = asyncio.Event()
    child.watch(pulled.is_set, 0.05)
    asyncio.get_running_loop().call_later(0.2, pulled.set)
    async with asyncio.timeout(20):
        with pytest.raises(ChildLostError, match="the port is gone"):
            await child.call("delete", 60, locations=[])
    await gone(child.pid)


async def test_a_child_that_died_is_noticed_at_once(child):
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildLostError, match="ended unexpectedly"):
        await child.call("delete", 5, locations=[])
    with pytest.raises(ChildLostError, match="ended unexpectedly"):
        await child.call("delete", 5, locations=[])


async def test_close_ends_it_and_frees_everything():
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        child = await Child.start()
        await child.close()
        await gone(child.pid)
        assert not child.alive
    await asyncio.sleep(0.05)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_it_ends_with_its_parent(tmp_path):
    """Also while gammu blocks: a port that says nothing keeps it busy for twelve seconds."""
    script = f"""
import json, os, subprocess, sys, time
fd = os.memfd_create("t")
child = subprocess.Popen([sys.executable, "-I", {str(CHILD)!r}, str(fd), "2"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(fd,), start_new_session=True)
child.stdin.write(json.dumps({{"op": "init", "gammurc": sys.argv[1]}}).encode() + b"\\n"); child.stdin.flush()
time.sleep(0.3)
print(child.pid, child.poll(), flush=True)
os.kill(os.getpid(), 9)
"""
    master, slave = os.openpty()
    try:
        gammurc = write_gammurc(tmp_path / "gammurc", os.ttyname(slave))
        command = [sys.executable, "-c", script, str(gammurc)]
        out = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        pid, state = out.stdout.split()
        assert state == "None"
        asyncio.run(gone(int(pid)))
    finally:
        os.close(master)
        os.close(slave)


def test_it_imports_nothing_of_addispatch():
    script = f"import runpy, sys; runpy.run_path({str(CHILD)!r}, run_name='child'); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in out.stdout.split()}
    assert modules & {"addispatch", "addispatch_plugins", "pydantic", "asyncio"} == set()
    assert {"gammu", "serial"} <= modules
