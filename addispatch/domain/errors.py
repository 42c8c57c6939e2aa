"""The small tree of errors. Everything raised on purpose is one of these; anything else is a bug."""

from __future__ import annotations


class AddispatchError(Exception):
    """Base of all errors raised on purpose. ``str()`` is one line a user can act on."""


class ConfigError(AddispatchError):
    """A mistake in what the user wrote: where it is (``path``), what is wrong, and what to do (``hint``)."""

    def __init__(self, path: str, problem: str, hint: str = "") -> None:
        self.path, self.problem, self.hint = path, problem, hint
        super().__init__((f"{path}: " if path else "") + problem + (f" ({hint})" if hint else ""))


class ConfigErrors(AddispatchError):
    """Several ``ConfigError`` at once: users see all their mistakes in one go."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = errors
        super().__init__("; ".join(str(e) for e in errors))


class Refused(AddispatchError):
    """An alarm or request was not accepted; ``field`` names what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}")


class PluginError(AddispatchError):
    """A plugin cannot load, start or do its work; the daemon goes on without it and says so."""


class DeliveryError(AddispatchError):
    """A channel could not deliver. Channels return receipts; these are for code below them."""


class StoreError(AddispatchError):
    """The ledger or the directory could not store or read; the caller must not confirm anything."""


class ClusterError(AddispatchError):
    """The peer or the link to it misbehaves."""
