"""sd_notify against real unix datagram sockets, named and abstract."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from addispatch.runtime import sdnotify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket such as systemd gives its services."""
    name = f"@addispatch-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name[1:] if name.startswith("@") else name)
        receiver.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield receiver


def test_the_life_of_a_service(systemd: socket.socket) -> None:
    assert sdnotify.ready("serving\n1 modem")
    assert sdnotify.status("2 open cases")
    assert sdnotify.watchdog()
    assert sdnotify.stopping()
    assert [systemd.recv(4096).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=serving 1 modem",
        "STATUS=2 open cases",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not sdnotify.ready("serving")


def test_a_socket_that_is_gone_is_logged_not_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not sdnotify.watchdog()
    assert "systemd did not take 'WATCHDOG=1'" in caplog.text


def test_a_systemd_that_does_not_read_never_blocks_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        taken = [sdnotify.watchdog() for _ in range(5000)]
    assert taken[0]
    assert not taken[-1]


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_interval(environment: dict[str, str], interval_s: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert sdnotify.watchdog_interval_s() == interval_s
