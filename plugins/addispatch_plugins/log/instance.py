"""The ``log`` plugin: one file, one channel. Created by ``addispatch_plugins.log.plugin.create``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson

from addispatch.sdk import Health, PluginError, Receipt, Sent, Temporary

if TYPE_CHECKING:
    from addispatch.sdk import Context, Delivery
    from addispatch_plugins.log.config import LogConfig


#: Without a reference: nobody reports on a line of a file, and each costs an entry in an index of the ledger.
_SENT = Sent()


class LogChannel:
    """Writes one line per delivery.

    Each line is one unbuffered ``write`` (about a microsecond): it survives a kill of the daemon, and the loop does
    not wait for the disk.
    """

    name = "log"
    window = 256
    deadline_s = 5.0

    def __init__(self, config: LogConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._path = context.data_dir / config.path if config.path else None
        self._file = -1
        self._open = False
        self._trouble = ""

    @property
    def health(self) -> Health:
        """Up while the last write worked."""
        return Health(self._open and not self._trouble, self._trouble)

    def start(self) -> None:
        """Open the file; raises ``PluginError`` with the reason."""
        if self._path is not None:
            try:
                # Appending lets logrotate truncate the file under us (copytruncate). O_CLOEXEC is Python's default.
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            except OSError as error:
                raise PluginError(f"path: cannot write {self._path}: {error.strerror}") from error
        self._open = True

    def stop(self) -> None:
        """Close the file."""
        self._open = False
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    async def send(self, delivery: Delivery) -> Receipt:
        """Write the delivery; ``Temporary`` when the disk is full."""
        if not self._open:
            return Temporary("the log channel is stopped")
        if self._file >= 0:
            line = _json_line(delivery) if self._config.format == "json" else _text_line(delivery, self._context)
            try:
                written = os.write(self._file, line)
                if written != len(line):
                    # A full disk took part of the line: take it back, the delivery comes again whole.
                    os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                    raise OSError(None, "disk full")  # noqa: TRY301 - the same trouble as a write that failed at once
            except OSError as error:
                self._trouble = f"cannot write {self._path}: {error.strerror}"
                return Temporary(self._trouble)
            self._trouble = ""
        if self._config.to_log:
            self._context.log.info("to %s: %s", delivery.address, delivery.text)
        return _SENT


def _json_line(delivery: Delivery) -> bytes:
    return orjson.dumps(
        {
            "id": delivery.id,
            "case": delivery.case_id,
            "to": delivery.address,
            "recipient": delivery.recipient,
            "code": delivery.code,
            "subject": delivery.subject,
            "text": delivery.text,
            "attempt": delivery.attempt,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _text_line(delivery: Delivery, context: Context) -> bytes:
    text = " ".join(f"{context.clock.now():%Y-%m-%dT%H:%M:%SZ} {delivery.address}: {delivery.text}".split())
    return text.encode(errors="replace") + b"\n"


class LogPlugin:
    """The instance: its only channel does the work."""

    def __init__(self, config: LogConfig, context: Context) -> None:
        self._channel = LogChannel(config, context)
        self._where = config.path and str(context.data_dir / config.path)
        self.channels = (self._channel,)

    async def self_check(self) -> None:
        """Nothing to check: ``start`` opens the file and says what is wrong with it."""

    async def start(self) -> None:
        """Open the file."""
        self._channel.start()

    async def stop(self) -> None:
        """Close the file."""
        self._channel.stop()

    def status_line(self) -> str:
        """Say where deliveries go, or what is wrong."""
        return self._channel.health.reason or f"writing to {self._where or 'the log'}"
