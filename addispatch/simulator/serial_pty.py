"""The serial port of a simulated device: a pty whose other end any program opens like a modem's tty.

Used by :class:`SimulatedModem`. One instance per plug-in; a port that was closed stays closed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
import tty
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 4096
#: Bytes kept for a program that does not read; more are lost, as with hardware.
MAX_UNREAD = 65536
#: How often a slow line carries bytes.
_STEP_S = 0.02


class SerialPty:
    """A pty in the running loop; ``port`` is the path to open, the link if there is one."""

    def __init__(self, link: Path | None, on_data: Callable[[bytes], None]) -> None:
        """Open it. Raises ``OSError`` when the link cannot be made; a link that is there is replaced."""
        self._on_data = on_data
        self._unwritten = bytearray()
        #: Bytes a second in each direction, None for as fast as it goes.
        self.bytes_per_s: float | None = None
        self._loop = asyncio.get_running_loop()
        self._master, self._slave = os.openpty()
        self._open = True
        # Our own hold on the slave side keeps the port alive while no program has it open.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._device = Path(os.ttyname(self._slave))
        self._link = link
        if link is not None:
            self._place_link(link)
        self._loop.add_reader(self._master, self._read)

    @property
    def port(self) -> str:
        """The path for a program to open."""
        return str(self._link or self._device)

    @property
    def is_behind(self) -> bool:
        """Whether the program has not read, or the line not carried, what was written before."""
        return bool(self._unwritten)

    def write(self, data: bytes) -> None:
        """Send to the program; what it does not read in time is kept up to a limit, then lost."""
        if not self._open:
            return
        waiting = bool(self._unwritten)
        self._unwritten += data[: MAX_UNREAD - len(self._unwritten)]
        if not waiting:
            self._flush()

    def close(self) -> None:
        """Take the port away, as when a plug is pulled."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        if self._link is not None and self._link.is_symlink() and self._link.readlink() == self._device:
            self._link.unlink()
        os.close(self._master)
        os.close(self._slave)

    def _place_link(self, link: Path) -> None:
        if link.is_symlink():
            link.unlink()  # left over from a simulator that was killed
        try:
            link.symlink_to(self._device)
        except OSError as error:
            self.close()
            raise OSError(f"link: {link}: {error.strerror}") from None

    @property
    def _step(self) -> int:
        """How many bytes may pass at once."""
        return _CHUNK if self.bytes_per_s is None else max(1, round(self.bytes_per_s * _STEP_S))

    def _listen(self) -> None:
        if self._open:
            self._loop.add_reader(self._master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, self._step)
        except (BlockingIOError, InterruptedError):
            return
        if self.bytes_per_s is not None:
            self._loop.remove_reader(self._master)
            self._loop.call_later(len(data) / self.bytes_per_s, self._listen)
        # Programs make the port exclusive; since we hold it open too, that would outlive one that was killed.
        fcntl.ioctl(self._slave, termios.TIOCNXCL)
        self._on_data(data)

    def _flush(self) -> None:
        if not self._open:
            return
        try:
            while self._unwritten:
                written = os.write(self._master, self._unwritten[: self._step])
                del self._unwritten[:written]
                if self.bytes_per_s is not None and self._unwritten:
                    self._loop.remove_writer(self._master)
                    self._loop.call_later(written / self.bytes_per_s, self._flush)
                    return
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(self._master, self._flush)
            return
        self._loop.remove_writer(self._master)
