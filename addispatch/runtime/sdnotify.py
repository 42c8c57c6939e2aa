"""Tells systemd how the service is: sd_notify(3) without a library. Called by the app at start, tick and stop."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


def ready(status: str) -> bool:
    """Say that the start is complete; ``status`` is shown by ``systemctl status``."""
    return _notify(f"READY=1\nSTATUS={_one_line(status)}")


def status(text: str) -> bool:
    """Show one line in ``systemctl status``."""
    return _notify(f"STATUS={_one_line(text)}")


def watchdog() -> bool:
    """Say that the daemon works; without this for ``WatchdogSec`` systemd restarts it."""
    return _notify("WATCHDOG=1")


def stopping() -> bool:
    """Say that the stop has begun."""
    return _notify("STOPPING=1")


def watchdog_interval_s() -> float | None:
    """How often to call :func:`watchdog`: half of what systemd allows; None when it does not watch this process."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _notify(state: str) -> bool:
    """Send one datagram; False when systemd did not start us or did not take it. Never blocks, never raises."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    # A leading @ stands for the zero byte of Linux's abstract socket names.
    target = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(0)
            sender.sendto(state.encode(), target)
    except OSError as error:
        log.warning("systemd did not take %r: %s", state, error)
        return False
    return True
