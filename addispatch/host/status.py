"""What is known about one plugin: where it comes from, whether it runs, and if not, why. Shown by ``report()``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from addispatch.domain.errors import AddispatchError, ConfigError

if TYPE_CHECKING:
    from addispatch.sdk.config import PluginConfig
    from addispatch.sdk.plugin import Plugin

#: Longest reason shown, in characters.
MAX_REASON_CHARS = 300


class Status(StrEnum):
    """Whether a plugin works."""

    ENABLED = "enabled"
    """Its configuration is good; once the daemon runs: it was started."""
    DISABLED = "disabled"
    """It has no table ``[plugin.<name>]``, or ``enabled = false``."""
    LOAD_ERROR = "load_error"
    """It cannot be imported, is no plugin of this version, or may not be loaded."""
    CONFIG_ERROR = "config_error"
    """Its table has mistakes."""
    CHECK_FAILED = "check_failed"
    """It said itself that it cannot work."""
    CRASHED = "crashed"
    """It failed at start, or one of its tasks failed and is being restarted."""


@dataclass(slots=True)
class Record:
    """One plugin. ``origin`` is the installed package or the drop-in file it comes from."""

    name: str
    origin: str = ""
    version: str = ""
    status: Status = Status.DISABLED
    reason: str = ""
    plugin: Plugin | None = None
    settings: PluginConfig | None = None
    errors: list[ConfigError] = field(default_factory=list)

    def fail(self, status: Status, error: BaseException | str) -> None:
        """Note why the plugin is off."""
        self.status, self.reason = status, error if isinstance(error, str) else describe(error)

    def document(self) -> dict[str, Any]:
        """Return the JSON document of ``addispatch plugins`` and ``/api/v1/plugins``."""
        return {
            "name": self.name,
            "status": self.status.value,
            "summary": self.plugin.summary if self.plugin else "",
            "reason": self.reason,
            "origin": self.origin,
            "version": self.version,
            "channels": list(self.plugin.channels) if self.plugin else [],
            "receives": list(self.plugin.receives) if self.plugin else [],
            "capabilities": sorted(self.plugin.capabilities) if self.plugin else [],
            "status_line": "",
        }

    def line(self) -> str:
        """Return the one line logged at start."""
        what = self.reason or (self.plugin.summary if self.plugin else "")
        return f"plugin {self.name}: {self.status}" + (f" - {what}" if what else "")


def describe(error: BaseException) -> str:
    """Say an error in one line: our own as it is, any other with its type."""
    text = " ".join(str(error).split())
    if not isinstance(error, AddispatchError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if len(text) <= MAX_REASON_CHARS else text[: MAX_REASON_CHARS - 1] + "…"
