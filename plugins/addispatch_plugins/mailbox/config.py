"""Configuration table ``[plugin.mailbox]`` and ``[plugin.mailbox.oauth2]``. Checked by the host."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator, model_validator

from addispatch.sdk import PluginConfig, Switch

#: Where secrets may go unprotected: this machine.
_LOOPBACK = ("127.", "::1", "localhost")


class Kind(StrEnum):
    """The protocol: POP3 (RFC 1939) or IMAP (RFC 3501)."""

    POP3 = "pop3"
    IMAP = "imap"


class Security(StrEnum):
    """How the connection is protected: not at all, by STLS/STARTTLS (RFC 2595), or by TLS from the first byte."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Provider(StrEnum):
    """Whose addresses and scopes are meant."""

    MICROSOFT = "microsoft"
    GOOGLE = "google"
    CUSTOM = "custom"


#: The port people mean when they give none: without TLS or with STARTTLS, with TLS.
PORTS = {Kind.POP3: (110, 995), Kind.IMAP: (143, 993)}


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    return host.startswith(_LOOPBACK)


class OAuth2Config(BaseModel):
    """How to get access tokens (RFC 6749): with a refresh token, or with the client's own secret alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    provider: Provider
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,100}$")] = "common"
    """Microsoft only: the directory's id or domain."""
    client_id: Annotated[str, Field(min_length=1, max_length=500)]
    client_secret: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")
    """Without one the grant is client_credentials: Microsoft's applications that act by themselves."""
    token_url: Annotated[str, Field(max_length=500)] = ""
    scope: Annotated[str, Field(max_length=1000)] = ""
    """Empty: what the provider needs."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        secret, refresh = self.client_secret.get_secret_value(), self.refresh_token.get_secret_value()
        if not secret and not refresh:
            raise ValueError("refresh_token is missing (or client_secret, for an application that acts by itself)")
        if self.provider is Provider.GOOGLE and not refresh:
            raise ValueError("refresh_token is missing: Google gives no access to a mailbox by client_secret alone")
        if self.provider is Provider.CUSTOM and not self.token_url:
            raise ValueError('token_url is missing: provider = "custom" has no usual one')
        if self.provider is Provider.MICROSOFT and not refresh and self.tenant == "common":
            raise ValueError("tenant is missing: an application that acts by itself belongs to one")
        return self

    @field_validator("token_url")
    @classmethod
    def _is_protected(cls, token_url: str) -> str:
        url = urlsplit(token_url)
        local = url.scheme == "http" and is_loopback(url.hostname or "")
        if token_url and not (url.hostname and (url.scheme == "https" or local)):
            raise ValueError("must be an https:// address")
        return token_url


class MailboxConfig(PluginConfig):
    """One mailbox, which must belong to addispatch alone."""

    # Secrets must not show up in error messages.
    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Kind
    host: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._:-]+$")]
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """0: the usual port of ``kind`` and ``security``."""
    security: Security = Security.TLS
    ca_file: FilePath | None = None
    """Certificates to trust instead of the system's."""
    user: Annotated[str, Field(min_length=1, max_length=320)]
    password: SecretStr = SecretStr("")
    oauth2: OAuth2Config | None = None
    """Instead of a password."""
    poll_s: Annotated[float, Field(ge=1, le=3600)] = 30
    """How often the mailbox is looked at."""
    timeout_s: Annotated[float, Field(ge=1, le=120)] = 20
    """For each answer of the server."""
    grace_s: Annotated[float, Field(ge=0, le=86_400)] = 600
    """How long the mailbox may be out of reach before that is severe."""
    folder: Annotated[str, Field(min_length=1, max_length=200)] = "INBOX"
    """IMAP only."""
    keep: Switch = False
    """IMAP only: mark mails as seen instead of deleting them; only mails that are not seen are taken."""
    move_to: Annotated[str, Field(max_length=200)] = ""
    """IMAP only: move mails to this folder instead of deleting them."""
    max_size: Annotated[int, Field(ge=65_536, le=16_777_216)] = 1_048_576
    """Larger mails are read in part, in bytes."""

    @field_validator("user", "folder", "move_to")
    @classmethod
    def _one_line(cls, text: str) -> str:
        if not text.isprintable():
            raise ValueError("must be one line of printable characters")
        return text

    @field_validator("password")
    @classmethod
    def _no_controls(cls, password: SecretStr) -> SecretStr:
        if not password.get_secret_value().isprintable():
            raise ValueError("must be one line of printable characters")
        return password

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.password.get_secret_value()) == (self.oauth2 is not None):
            raise ValueError("give either password or oauth2")
        if self.ca_file is not None and self.security is Security.NONE:
            raise ValueError('ca_file has no use with security = "none"')
        if self.oauth2 is not None and self.security is Security.NONE and not is_loopback(self.host):
            raise ValueError('oauth2 with security = "none" would send the access token unprotected')
        if self.kind is Kind.POP3 and (self.keep or self.move_to or self.folder != "INBOX"):
            raise ValueError('keep, move_to and folder need kind = "imap": POP3 can only delete')
        if self.keep and self.move_to:
            raise ValueError("give either keep or move_to")
        if self.move_to == self.folder:
            raise ValueError("move_to must be another folder than folder")
        return self

    @property
    def port_used(self) -> int:
        """The port, the usual one if none is given."""
        return self.port or PORTS[self.kind][self.security is Security.TLS]

    @property
    def address(self) -> str:
        """``host:port`` for people."""
        return f"{self.host}:{self.port_used}"

    @property
    def mailbox(self) -> str:
        """The mailbox's name for people: its mail address as far as that is known."""
        return self.user if "@" in self.user else f"{self.user}@{self.host}"
