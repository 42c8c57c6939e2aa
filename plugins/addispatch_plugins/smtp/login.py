"""Opens connections: greeting, TLS and authentication by aiosmtplib. Used by ``server`` and by ``check_server``."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import TYPE_CHECKING

import aiosmtplib

from addispatch.sdk import DeliveryError
from addispatch_plugins.smtp.config import PORTS, Security
from addispatch_plugins.smtp.conversation import Conversation, take_over

if TYPE_CHECKING:
    from addispatch_plugins.smtp.config import ServerConfig
    from addispatch_plugins.smtp.conversation import Keeper
    from addispatch_plugins.smtp.errand import Errand

#: For everything up to the login.
CONNECT_TIMEOUT_S = 15.0


class ServerTrouble(DeliveryError):
    """The server cannot be used at all now; one line says precisely why."""


def tls_context(config: ServerConfig) -> ssl.SSLContext | None:
    """Load the certificates to trust (some milliseconds, so once); raises ``ServerTrouble`` if the file is none."""
    if config.security is Security.NONE:
        return None
    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (ssl.SSLError, OSError) as error:
        raise ServerTrouble(f"ca_file: {config.ca_file} holds no usable certificates ({error})") from error


class _NoKeeper:
    """Has no mails for the conversation."""

    def next_mail(self) -> None:
        return None

    def rests(self, _conversation: Conversation) -> None:
        pass

    def lost(self, _conversation: Conversation, _orphan: Errand | None) -> None:
        pass


async def check_server(config: ServerConfig) -> str:
    """Connect, log in, say goodbye; return the banner (``220 …``) or raise ``ServerTrouble`` with the precise error."""
    conversation, banner = await log_in(config, tls_context(config), _NoKeeper())
    conversation.close()
    return banner


async def log_in(config: ServerConfig, tls: ssl.SSLContext | None, keeper: Keeper) -> tuple[Conversation, str]:
    """Return a conversation ready for mails, and the server's banner; raises ``ServerTrouble``."""
    client = aiosmtplib.SMTP(
        hostname=config.host,
        port=config.port or PORTS[config.security],
        local_hostname=_own_name(),
        use_tls=config.security is Security.TLS,
        start_tls=False,
        tls_context=tls,
        timeout=CONNECT_TIMEOUT_S,
    )
    step = "connecting"
    conversation: Conversation | None = None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            greeting = await client.connect()
            if config.security is Security.STARTTLS:
                step = "STARTTLS"
                await client.starttls()
            step = "EHLO"
            await client.ehlo()
            if config.user:
                step = "login"
                await client.login(config.user, config.password.get_secret_value())
        assert client.transport is not None
        pipelining = client.supports_extension("pipelining")
        conversation = take_over(client.transport, keeper, pipelining=pipelining)
        return conversation, f"220 {_line(greeting.message)}"
    except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
        raise ServerTrouble(f"{config.address}: {_explain(step, error)}") from error
    finally:
        if conversation is None:
            client.close()


def _explain(step: str, error: Exception) -> str:
    """One line for people."""
    # With TLS from the first byte aiosmtplib wraps what went wrong, with STARTTLS it does not.
    cause = error.__cause__ or error
    if isinstance(error, TimeoutError):
        return f"{step}: no answer within {CONNECT_TIMEOUT_S:.0f} s"
    if isinstance(error, aiosmtplib.SMTPConnectResponseError):
        return f"greets with {error.code} {_line(error.message)} instead of 220"
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return f"login refused: {error.code} {_line(error.message)}"
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{step}: answered {error.code} {_line(error.message)}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.errno:
        # asyncio's own text repeats the address; a name that cannot be resolved has no errno of the system.
        return f"{step}: {os.strerror(cause.errno) if cause.errno > 0 else cause.strerror}"
    return f"{step}: {_line(str(error))}"


def _line(text: str) -> str:
    return "".join(filter(str.isprintable, " ".join(text.split())))[:200]


def _own_name() -> str:
    """Return our name for EHLO: the host's if it is qualified, an address literal otherwise (RFC 5321 4.1.4).

    No DNS is asked: without network that takes many seconds, and the mail server may well be in reach.
    """
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"
