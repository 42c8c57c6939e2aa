"""A serial port as a transport of asyncio. Used by ``link``; opening and closing happen in a thread, both may block."""

from __future__ import annotations

import asyncio
import errno
import os
from concurrent.futures import Executor
from typing import TYPE_CHECKING

import serial

from addispatch_plugins.modbus.link import Link

if TYPE_CHECKING:
    from addispatch_plugins.modbus.keys import LineKey

_READ_BYTES = 512


class SerialTransport(asyncio.WriteTransport):
    """Moves bytes between a port and a protocol. Requests are short: what the port does not take at once is a fault."""

    def __init__(self, port: serial.Serial, protocol: asyncio.Protocol, executor: Executor) -> None:
        super().__init__()
        self._port, self._protocol, self._executor = port, protocol, executor
        self._loop = asyncio.get_running_loop()
        self._fd = port.fileno()
        self._is_closed = False
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._readable)
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now, or lose the connection."""
        try:
            sent = os.write(self._fd, data)
        except OSError as error:
            self._lose(error)
            return
        if sent < len(data):
            self._lose(OSError(errno.EAGAIN, "the serial port takes no more"))

    def abort(self) -> None:
        """Close without waiting for what is not sent yet."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._fd)
        try:
            self._executor.submit(close_port, self._port)
        except RuntimeError:  # the plugin has stopped
            close_port(self._port)

    close = abort

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._is_closed

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._lose(OSError(errno.ENODEV, "the serial port is gone"))

    def _lose(self, error: OSError) -> None:
        self.abort()
        # Not from within write(): the protocol first has to wait for the answer that will not come.
        self._loop.call_soon(self._protocol.connection_lost, error)


def close_port(port: serial.Serial) -> None:
    """Close, dropping what is not sent: the kernel would wait for it up to half a minute."""
    try:
        port.reset_output_buffer()
    except (OSError, serial.SerialException):
        pass  # it is unplugged
    finally:
        port.close()


def _open(key: LineKey) -> serial.Serial:
    try:
        return serial.Serial(
            key.serial,
            baudrate=key.baud,
            parity=key.parity[0].upper(),
            stopbits=key.stop_bits,
            exclusive=True,
            timeout=0,
        )
    except ValueError:
        raise OSError(errno.EINVAL, f"the port does not take {key.baud} baud") from None


async def open_serial(key: LineKey, executor: Executor) -> Link:
    """Open the port; raises ``OSError``. Cancelled, it closes the port when that is open after all."""
    opening = asyncio.get_running_loop().run_in_executor(executor, _open, key)
    try:
        port = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(lambda done: done.exception() or executor.submit(close_port, done.result()))
        raise
    link = Link(is_rtu=True)
    SerialTransport(port, link, executor)
    return link
