"""Configuration tables ``[plugin.smtp.primary]`` and ``[plugin.smtp.secondary]``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator, model_validator

from addispatch.sdk import PluginConfig, Switch
from addispatch_plugins.smtp.address import to_wire

#: Most mails under way at once, over all servers: what a crash can repeat.
MAX_CONNECTIONS = 8


class Security(StrEnum):
    """How a connection is protected: not at all, by STARTTLS (RFC 3207), or by TLS from the first byte (RFC 8314)."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


#: The port people mean when they give none.
PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


class ServerConfig(BaseModel):
    """One mail server."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    enabled: Switch = True
    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """0: the usual port of ``security``."""
    security: Security = Security.STARTTLS
    ca_file: FilePath | None = None
    """Certificates to trust instead of the system's."""
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str
    """Mail address in From and in the envelope."""
    display_name: str = "addispatch"
    connections: Annotated[int, Field(ge=1, le=MAX_CONNECTIONS)] = 4
    daily_cap: Annotated[int, Field(ge=0)] = 0
    """Most mails per day (UTC); 0: no limit. Emergencies are exempt."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    """For one mail, from the connection to the server's last word."""

    @field_validator("sender")
    @classmethod
    def _valid_sender(cls, sender: str) -> str:
        to_wire(sender)
        return sender

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.user) != bool(self.password.get_secret_value()):
            raise ValueError("user and password belong together: give both or none")
        if self.ca_file is not None and self.security is Security.NONE:
            raise ValueError('ca_file has no use with security = "none"')
        return self

    @property
    def address(self) -> str:
        """``host:port`` for people."""
        return f"{self.host}:{self.port or PORTS[self.security]}"


class SmtpConfig(PluginConfig):
    """The servers, the preferred one first."""

    primary: ServerConfig
    secondary: ServerConfig | None = None
    reply_to: str = ""
    """Where answers go: the address of the mailbox that is polled; empty: to the sender."""

    @field_validator("reply_to")
    @classmethod
    def _valid_reply_to(cls, reply_to: str) -> str:
        if reply_to:
            to_wire(reply_to)
        return reply_to

    @model_validator(mode="after")
    def _one_is_on(self) -> Self:
        if not self.servers:
            raise ValueError("no server is enabled; turn the plugin off instead (enabled = false)")
        return self

    @property
    def servers(self) -> dict[str, ServerConfig]:
        """The enabled servers by name, the preferred one first."""
        both = {"primary": self.primary, "secondary": self.secondary}
        return {name: server for name, server in both.items() if server is not None and server.enabled}
