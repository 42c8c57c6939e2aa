"""The kit of cut cables does what it says: a test that cuts nothing would prove nothing."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from netns import Namespace, Net, namespaces, need_namespaces

pytestmark = pytest.mark.debian

PORT = 7000


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    need_namespaces()
    with namespaces(3) as net:
        yield net


@pytest.fixture(autouse=True)
def healed(net: Net) -> Iterator[None]:
    yield
    net.heal()


@contextlib.contextmanager
def listening(machine: Namespace) -> Iterator[socket.socket]:
    with machine.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((machine.address, PORT))
        sock.settimeout(0.2)
        yield sock


def arrived_count(sender: Namespace, receiver: Namespace, *, sent_count: int = 1) -> int:
    """How many of so many datagrams arrive."""
    with listening(receiver) as inbox:
        with sender.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(sent_count):
                sock.sendto(b"x", (receiver.address, PORT))
        count = 0
        with contextlib.suppress(TimeoutError):
            while count < sent_count:
                inbox.recv(10)
                count += 1
    return count


def test_machines_reach_each_other_and_nobody_else(net: Net) -> None:
    assert arrived_count(net[0], net[1]) == 1
    assert arrived_count(net[2], net[0]) == 1
    assert net[0].run("ip", "route", "show", "default") == ""
    assert net[0].addresses() >= {"10.86.0.1"}
    with net[0].entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(OSError):
        sock.sendto(b"x", ("192.0.2.1", PORT))


def test_a_cut_is_between_two_and_heals(net: Net) -> None:
    net.cut(net[0], net[1])
    assert arrived_count(net[0], net[1]) == arrived_count(net[1], net[0]) == 0
    assert arrived_count(net[0], net[2]) == arrived_count(net[2], net[1]) == 1
    net.heal()
    assert arrived_count(net[0], net[1]) == 1


def test_a_one_way_cut_leaves_the_other_way(net: Net) -> None:
    assert arrived_count(net[1], net[0]) == arrived_count(net[0], net[1]) == 1  # they know each other's address
    net.cut_one_way(net[0], net[1])
    assert (arrived_count(net[0], net[1]), arrived_count(net[1], net[0])) == (0, 1)


def test_a_lossy_cable_loses_about_its_share(net: Net) -> None:
    assert arrived_count(net[0], net[1]) == 1
    net.lose(net[0], net[1], percent=30)
    assert 100 < arrived_count(net[0], net[1], sent_count=200) < 180  # a socket holds about 250


def test_an_unplugged_machine_sees_no_carrier(net: Net) -> None:
    net.unplug(net[0])
    assert "NO-CARRIER" in net[0].run("ip", "link", "show", "eth0")
    assert arrived_count(net[2], net[0]) == 0
    net.plug(net[0])
    began_s = time.monotonic()  # the carrier comes when the kernel has time for it
    while not arrived_count(net[2], net[0]):
        assert time.monotonic() - began_s < 10


def test_nothing_stays_behind(net: Net) -> None:
    with contextlib.suppress(RuntimeError), namespaces(1) as other:
        (machine,) = other
        sleeper = subprocess.Popen(machine.argv("sh", "-c", "echo; exec sleep 600"), stdout=subprocess.PIPE)
        assert sleeper.stdout is not None
        sleeper.stdout.readline()  # it is inside
        raise RuntimeError("a test that fails")
    assert sleeper.wait(60) == -9
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert machine.name not in listed
    assert net[0].name in listed
    assert arrived_count(net[0], net[1]) == 1
