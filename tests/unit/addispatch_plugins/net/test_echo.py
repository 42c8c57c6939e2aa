"""Echoes of the kernel: on the loopback, and in network name spaces where more or less is allowed."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys

import pytest

from addispatch_plugins.net.echo import NOT_ALLOWED, Echoes, PingFailed, open_socket
from addispatch_plugins.net.names import Address

HOME = {socket.AF_INET: Address(socket.AF_INET, "127.0.0.1"), socket.AF_INET6: Address(socket.AF_INET6, "::1")}


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
async def echoes(request):
    made = Echoes(request.param)
    made.home = HOME[request.param]
    try:
        await asyncio.wait_for((await made.send(made.home))[1], 2)
    except (PingFailed, TimeoutError) as error:
        pytest.skip(f"no pings of {made.home.ip} here: {error}")
    yield made
    made.close()


async def test_an_answer_has_its_time_and_nothing_is_kept(echoes):
    _, answered = await echoes.send(echoes.home)
    assert 0 < await asyncio.wait_for(answered, 2) < 2
    assert echoes.waiting_count == 0


async def test_many_at_once_each_get_their_own(echoes):
    """More than the kernel keeps answers for, if nobody reads them in between."""
    echoes._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)
    sent = [await echoes.send(echoes.home) for _ in range(2000)]
    assert len({sequence for sequence, _ in sent}) == 2000
    await asyncio.wait_for(asyncio.gather(*(answered for _, answered in sent)), 5)
    assert echoes.waiting_count == 0


async def test_what_is_forgotten_is_not_taken_for_another(echoes):
    sequence, answered = await echoes.send(echoes.home)
    echoes.forget(sequence)
    await asyncio.wait_for((await echoes.send(echoes.home))[1], 2)
    assert not answered.done()


async def test_an_answer_without_the_secret_is_none(echoes):
    sequence, answered = await echoes.send(echoes.home)
    echoes._waiting[sequence].secret = b"another!"
    await asyncio.wait_for((await echoes.send(echoes.home))[1], 2)
    assert not answered.done()
    assert echoes.waiting_count == 1


async def test_two_programs_do_not_take_each_other_s(echoes):
    other = Echoes(echoes.home.family)
    try:
        for _ in range(5):
            one, two = await echoes.send(echoes.home), await other.send(echoes.home)
            await asyncio.wait_for(asyncio.gather(one[1], two[1]), 2)
    finally:
        other.close()


async def test_a_number_that_is_out_is_not_given_again(echoes):
    sequence, _ = await echoes.send(echoes.home)
    echoes._waiting[sequence] = object()
    echoes._sequence = sequence - 1
    assert (await echoes.send(echoes.home))[0] == (sequence + 1) & 0xFFFF
    echoes._waiting = dict.fromkeys(range(0x10000))
    with pytest.raises(PingFailed, match="too many"):
        await echoes.send(echoes.home)


async def test_what_cannot_be_sent_is_said(echoes):
    nowhere = {
        socket.AF_INET: Address(socket.AF_INET, "255.255.255.255"),
        socket.AF_INET6: Address(socket.AF_INET6, "fe80::1", 999_999),
    }
    with pytest.raises(PingFailed, match=r"^[a-z ]+$"):
        await echoes.send(nowhere[echoes.home.family])
    assert echoes.waiting_count == 0


# -- other rights than ours: a name space of its own --------------------------------------------------------------------

SCRIPT = """
import asyncio, socket
from addispatch_plugins.net.keys import PingKeys
from addispatch_plugins.net.names import Names
from addispatch_plugins.net.ping import PingProbe
async def main():
    probe = PingProbe(Names())
    for host in ("127.0.0.1", "::1", "198.51.100.1"):
        (reading,) = await probe.read([PingKeys(host=host)], 3)
        print(host, reading.problem or "answers")
    print("raw", [echoes._is_raw for echoes in probe.echoes.values()])
asyncio.run(main())
"""


def in_name_space(prepare: str, run: str = "") -> dict[str, str]:
    if not (shutil.which("unshare") and shutil.which("ip") and shutil.which("setpriv")):
        pytest.skip("unshare, ip or setpriv is not installed")
    shell = f'set -e; ip link set lo up; {prepare}; exec {run} "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", shell, sys.executable, SCRIPT],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode and "raw" not in done.stdout and "Traceback" not in done.stderr:
        pytest.skip(f"no name space here: {done.stderr.strip()[-100:]}")
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_anybody_may_ping_where_the_kernel_lets_him():
    group = "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range"
    seen = in_name_space(group, "setpriv --bounding-set -net_raw")
    assert seen["raw"] == "[False, False]"
    assert seen["127.0.0.1"] == seen["::1"] == "answers"
    assert seen["198.51.100.1"] == "network is unreachable"


def test_who_may_not_hears_what_to_set():
    seen = in_name_space("echo '1 0' > /proc/sys/net/ipv4/ping_group_range", "setpriv --bounding-set -net_raw")
    assert seen["127.0.0.1"] == seen["::1"] == NOT_ALLOWED
    assert "net.ipv4.ping_group_range" in NOT_ALLOWED


def test_a_socket_says_which_kind_it_is():
    try:
        sock, is_raw = open_socket(socket.AF_INET)
    except PingFailed as error:
        pytest.skip(str(error))
    with sock:
        assert is_raw == (sock.type == socket.SOCK_RAW)
