"""The serial port: survives programs that come, go, or do not read."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import termios

from addispatch.simulator.serial_pty import MAX_UNREAD, SerialPty


async def test_programs_come_and_go() -> None:
    heard = asyncio.Queue()
    port = SerialPty(None, heard.put_nowait)
    for number in range(3):
        fd = os.open(port.port, os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(fd, termios.TIOCEXCL)
        os.write(fd, b"hello %d" % number)
        assert await heard.get() == b"hello %d" % number
        port.write(b"there")
        assert os.read(fd, 10) == b"there"
        os.close(fd)
        assert heard.empty()
    port.close()
    port.close()


async def test_exclusive_mode_does_not_outlive_the_program() -> None:
    heard = asyncio.Queue()
    port = SerialPty(None, heard.put_nowait)
    fd = os.open(port.port, os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(fd, termios.TIOCEXCL)
    os.write(fd, b"x")
    await heard.get()
    tiocgexcl = 0x80045440
    assert fcntl.ioctl(port._slave, tiocgexcl, b"\0" * 4) == b"\0" * 4
    os.close(fd)
    port.close()


async def test_a_program_that_does_not_read_costs_no_more_than_the_limit() -> None:
    port = SerialPty(None, lambda data: None)
    for _ in range(100):
        port.write(b"x" * 10_000)
    assert len(port._unwritten) <= MAX_UNREAD
    fd = os.open(port.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    got, waiting = 0, len(port._unwritten)
    while port._unwritten:
        with contextlib.suppress(BlockingIOError):  # the kernel moves it in its own time
            got += len(os.read(fd, 65536))
        await asyncio.sleep(0)
    assert got > waiting / 2
    os.close(fd)
    port.close()
