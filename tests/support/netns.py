"""Machines of a small network, each a network namespace, for tests of what happens when cables are cut.

``with namespaces(3) as net``: three machines with the addresses 10.86.0.1 to .3 on one switch, which is a namespace with a
bridge of its own: nothing of the host's network is touched, and none of the machines has a default route. Needs root, ``ip``
and ``nft``: call ``need_namespaces`` first, which skips the test where they are missing.

The switch drops whole frames, ARP included, as a cut cable does: ``net.cut(a, b)``, ``net.cut_one_way(a, b)``,
``net.lose(a, b, percent=30)``, ``net.unplug(a)``, ``net.heal()``.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

#: Names begin so; the process that made them comes next, so that what a killed one left can be found.
PREFIX = "addispatch-"
#: The network all machines are on, and its size.
NETWORK, PREFIX_LENGTH = "10.86.0.", 24
_CLONE_NEWNET = 0x4000_0000
_SBIN = ("/usr/sbin", "/sbin")
_numbers = itertools.count(1)


def find_program(name: str) -> str | None:
    """Where a program is; Debian keeps servers in sbin, which is not on a user's path."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_SBIN)))


def need_namespaces(*programs: str) -> None:
    """Skip the test, saying why, where there can be no namespaces or one of the programs is missing."""
    absent = [name for name in ("ip", "nft", *programs) if find_program(name) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)} from Debian's packages (.ci/packages installs them)")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    trial = f"{PREFIX}{os.getpid()}-trial"
    tried = subprocess.run([_ip(), "netns", "add", trial], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine makes no network namespaces: {tried.stderr.strip()}")
    _call(_ip(), "netns", "del", trial)


@dataclass(frozen=True)
class Namespace:
    """One machine."""

    name: str
    #: Its own address, and the switch's port it is plugged into.
    address: str
    port: str
    #: Its only interface besides the loopback.
    interface: str = "eth0"

    def argv(self, *command: str | Path) -> list[str]:
        """The command that runs another one on this machine; it keeps its process id (``ip`` becomes it)."""
        return [_ip(), "netns", "exec", self.name, *map(str, command)]

    def run(self, *command: str | Path, timeout_s: float = 30.0) -> str:
        """Run a command on this machine to its end and return what it printed; fails if it fails."""
        return _call(*self.argv(*command), timeout_s=timeout_s)

    def addresses(self) -> set[str]:
        """The addresses the machine has now, without the loopback's."""
        listed = _call(_ip(), "-n", self.name, "-o", "addr", "show", "dev", self.interface)
        return {line.split()[3].split("/")[0] for line in listed.splitlines()}

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets made within are this machine's for ever. For this thread alone: no ``await`` within."""
        with Path("/proc/thread-self/ns/net").open() as home, Path(f"/run/netns/{self.name}").open() as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())


class Net:
    """The machines and the switch between them."""

    def __init__(self, prefix: str, machines: list[Namespace]) -> None:
        self.machines = machines
        self._switch = f"{prefix}switch"
        #: How much of what goes from one port to another is dropped, in percent.
        self._losses: dict[tuple[str, str], int] = {}

    def __iter__(self) -> Iterator[Namespace]:
        return iter(self.machines)

    def __getitem__(self, index: int) -> Namespace:
        return self.machines[index]

    def cut(self, one: Namespace, other: Namespace) -> None:
        """Let nothing through between the two; both still reach everybody else."""
        self.lose(one, other, percent=100)

    def cut_one_way(self, sender: Namespace, receiver: Namespace) -> None:
        """Let nothing through from sender to receiver; the other direction stays."""
        self._losses[sender.port, receiver.port] = 100
        self._apply()

    def lose(self, one: Namespace, other: Namespace, *, percent: int) -> None:
        """Drop so much at random, in both directions; 0 heals."""
        self._losses[one.port, other.port] = self._losses[other.port, one.port] = percent
        self._apply()

    def unplug(self, machine: Namespace) -> None:
        """Pull the machine's cable at the switch: the machine sees its carrier go."""
        _call(_ip(), "-n", self._switch, "link", "set", machine.port, "down")

    def plug(self, machine: Namespace) -> None:
        """Put the cable back."""
        _call(_ip(), "-n", self._switch, "link", "set", machine.port, "up")

    def heal(self) -> None:
        """Let everything through again and put all cables back."""
        self._losses.clear()
        self._apply()
        for machine in self.machines:
            self.plug(machine)

    def _apply(self) -> None:
        rules = [
            f'iifname "{sender}" oifname "{receiver}"{_share(percent)} drop'
            for (sender, receiver), percent in self._losses.items()
            if percent
        ]
        # One file is one transaction: there is no moment without the old and the new rules.
        chain = "type filter hook forward priority 0; policy accept;"
        text = f"add table bridge cuts\ndelete table bridge cuts\ntable bridge cuts {{\nchain forward {{\n{chain}\n"
        _call(
            _ip(), "netns", "exec", self._switch, find_program("nft") or "nft", "-f", "-",
            given=text + "\n".join(rules) + "\n}\n}\n",
        )  # fmt: skip


@contextlib.contextmanager
def namespaces(count: int) -> Iterator[Net]:
    """Make so many machines on one switch; at the end everything that runs on them is killed and they are removed."""
    _sweep()
    prefix = f"{PREFIX}{os.getpid()}-{next(_numbers)}-"
    machines = [Namespace(f"{prefix}{number}", f"{NETWORK}{number}", f"port{number}") for number in range(1, count + 1)]
    net = Net(prefix, machines)
    try:
        _make(f"{prefix}switch", machines)
        yield net
    finally:
        for name in (*(machine.name for machine in machines), f"{prefix}switch"):
            _remove(name)


def _make(switch: str, machines: list[Namespace]) -> None:
    ip = _ip()
    _call(ip, "netns", "add", switch)
    _call(ip, "-n", switch, "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
    _call(ip, "-n", switch, "link", "set", "switch", "up")
    for one in machines:
        _call(ip, "netns", "add", one.name)
        peer = ("peer", "name", one.interface, "netns", one.name)
        _call(ip, "-n", switch, "link", "add", one.port, "type", "veth", *peer)
        _call(ip, "-n", switch, "link", "set", one.port, "master", "switch", "up")
        _call(ip, "-n", one.name, "link", "set", "lo", "up")
        _call(ip, "-n", one.name, "link", "set", one.interface, "up")
        _call(ip, "-n", one.name, "addr", "add", f"{one.address}/{PREFIX_LENGTH}", "dev", one.interface)


def _remove(name: str) -> None:
    """Kill whatever runs in the namespace and remove it; nothing happens if there is none."""
    listed = subprocess.run([_ip(), "netns", "pids", name], capture_output=True, text=True, check=False)
    for pid in listed.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run([_ip(), "netns", "del", name], capture_output=True, check=False)


def _sweep() -> None:
    """Remove what tests that were killed have left behind."""
    listed = subprocess.run([_ip(), "netns", "list"], capture_output=True, text=True, check=False).stdout
    for name in (line.split()[0] for line in listed.splitlines() if line.startswith(PREFIX)):
        owner = name.removeprefix(PREFIX).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            _remove(name)


def _share(percent: int) -> str:
    return "" if percent >= 100 else f" numgen random mod 100 < {percent}"


def _ip() -> str:
    return find_program("ip") or "ip"


def _setns(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _call(*command: str, given: str | None = None, timeout_s: float = 30.0) -> str:
    """Run to the end; an error tells what the program complained of."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
