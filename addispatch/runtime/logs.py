"""Logging of the daemon: structlog over the standard library, as text for people or JSON for collectors.

Called once by the app. Modules use ``logging.getLogger(__name__)``; what happens to alarms is in the event log.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from addispatch.config.models import LogConfig


def configure(settings: LogConfig) -> None:
    """Send all log records to standard error; systemd's journal keeps them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json() if settings.format == "json" else _text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    # Libraries tell of their own doings at INFO; ours are the ones to read.
    for name in ("schedule", "aiosmtplib", "asyncio", "uvicorn", "mail"):
        logging.getLogger(name).setLevel(logging.WARNING)


def configure_file(path: Path, level: int) -> None:
    """Send all log records to a file: the demo's terminal tells a story."""
    handler = logging.FileHandler(path)
    handler.setFormatter(_text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _text() -> logging.Formatter:
    return logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")


def _json() -> logging.Formatter:
    import structlog  # noqa: PLC0415 - 90 ms of import: only who wants JSON pays

    steps: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=steps, processor=structlog.processors.JSONRenderer())
