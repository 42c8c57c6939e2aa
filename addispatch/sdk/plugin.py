"""The object by which a plugin introduces itself. Made by plugin packages, read by ``addispatch.host``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from addispatch.sdk.probe import ProbeKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from addispatch.sdk.config import PluginConfig
    from addispatch.sdk.context import Context

#: Version of this contract. A plugin built for another major version is refused with a clear status.
API_VERSION = 1


class Capability(StrEnum):
    """What a plugin can do; for listing, and to know without starting it."""

    SOURCE = "source"
    CHANNEL = "channel"
    SERVICE = "service"


@runtime_checkable
class Instance(Protocol):
    """A configured plugin. Creating it has no side effects; each step below runs under a time-out.

    An instance may also have ``channels`` (of :class:`Channel`) and ``probes`` (of :class:`Probe`), ``modems()``
    (:class:`ModemReporter`) and ``status_line()`` (:class:`StatusReporter`). A source starts to call ``context.accept``
    in ``start``.
    """

    async def self_check(self) -> None:
        """Called once before start: raise ``PluginError`` or ``ConfigError`` if it cannot work at all.

        A broker or modem that is absent right now is no reason: start, keep trying and report it.
        """

    async def start(self) -> None:
        """Called when the ledger is open. Return soon; leave long work to ``context.supervise``."""

    async def stop(self) -> None:
        """Called in reverse order of starting. Take nothing new in, finish or abandon what is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """How a plugin introduces itself: ``plugin = Plugin(name="…", config=…, create=…, …)``.

    ``name`` equals the entry point's and the configuration table's. ``create(config, context)`` builds the instance;
    import heavy libraries inside it, so that listing plugins stays fast. ``channels`` names the channels it provides,
    ``probes`` its probes with the keys their monitors have (see ``sdk.probe``), ``receives`` those channels by which
    people can answer to what others sent (a mailbox: email). ``scan(ports)`` looks for hardware without a daemon
    (``addispatch modems --scan``): see ``addispatch.cli.scan`` for what it returns.
    """

    name: str
    summary: str
    config: type[PluginConfig]
    create: Callable[[Any, Context], Instance]
    capabilities: frozenset[Capability]
    channels: tuple[str, ...] = ()
    probes: Mapping[str, type[ProbeKeys]] = field(default_factory=dict)
    receives: tuple[str, ...] = ()
    scan: Callable[[Sequence[str]], Coroutine[Any, Any, dict[str, Any]]] | None = None
    api_version: int = API_VERSION
