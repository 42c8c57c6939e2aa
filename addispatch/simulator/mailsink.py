"""A mail server on loopback that keeps what it gets and misbehaves when told to. Used by the demo and the tests."""
# ruff: noqa: N802, SLF001 - the hooks have aiosmtpd's names; sink, session and handler are one thing in three classes

from __future__ import annotations

import asyncio
import email
import email.policy
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.smtp import SMTP, AuthResult

from addispatch.sdk.testing.recording import Recording

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from email.message import EmailMessage


class Stage(StrEnum):
    """Where in the conversation a fault strikes; DATA is after the final dot."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"


class Fault(Enum):
    """What the server does instead of answering."""

    DROP = "drop"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that came in: the envelope and the message."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    message: EmailMessage

    def __str__(self) -> str:
        return f"to {', '.join(self.recipients)}: {self.subject}"


class MailSink:
    """``async with MailSink() as sink``: listens on ``sink.host``, ``sink.port`` (a free one unless given).

    ``users`` (name: password) makes AUTH necessary; ``tls`` is the server's context, used from the first byte, or after
    STARTTLS when ``starttls`` is true. ``faults`` maps a stage to a reply (``"451 later"``) or a ``Fault`` and can be
    changed at any time.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        users: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        starttls: bool = False,
        pipelining: bool = True,
    ) -> None:
        self.host, self.port = host, port
        self.mails: Recording[Mail] = Recording("mail")
        self.faults: dict[Stage, str | Fault] = {}
        self.connection_count = 0
        self._users = dict(users or {})
        self._tls, self._starttls = tls, starttls
        self._pipelining = pipelining
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        wrap = None if self._starttls else self._tls
        self._server = await loop.create_server(lambda: _Session(self), self.host, self.port, ssl=wrap)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop all connections; ``start`` listens on the same port again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop_connections()

    def drop_connections(self) -> None:
        """Reset every connection, as a restarted server or an impatient firewall does."""
        for session in tuple(self._sessions):
            session.drop()

    async def expect(self, fragment: str, *, timeout_s: float = 5) -> Mail:
        """Return the next mail with the fragment in its subject, text or recipients; ``TimeoutError`` if none comes."""

        def match(mail: Mail) -> bool:
            return any(fragment in part for part in (mail.subject, mail.text, *mail.recipients))

        return await self.mails.wait_for(match, timeout_s=timeout_s)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        name, password = login.login.decode(), login.password.decode()
        # handled=False lets aiosmtpd answer 535 itself; the default leaves the client without an answer.
        return AuthResult(success=self._users.get(name) == password, handled=False)


class _Session(SMTP):
    """One connection."""

    def __init__(self, sink: MailSink) -> None:
        self._sink = sink
        self._link: asyncio.Transport | None = None
        super().__init__(
            _Handler(sink),
            hostname="mailsink.localdomain",
            ident="addispatch mail sink",
            tls_context=sink._tls if sink._starttls else None,
            require_starttls=sink._starttls,
            auth_require_tls=sink._starttls,
            authenticator=sink._authenticate,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        upgraded = self._link is not None  # by STARTTLS: the same connection, made again
        self._link = transport
        if not upgraded:
            self._sink.connection_count += 1
            self._sink._sessions.add(self)
        fault = None if upgraded else self._sink.faults.get(Stage.CONNECT)
        if fault is None:
            super().connection_made(transport)
        elif fault is Fault.DROP:
            transport.abort()
        elif fault is not Fault.SILENT:
            transport.write(f"{fault}\r\n".encode())
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._sink._sessions.discard(self)
        if self._handler_coroutine is not None:
            super().connection_lost(error)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._handler_coroutine is not None else False

    def drop(self) -> None:
        """Reset the connection."""
        if self._link is not None:
            self._link.abort()


class _Handler:
    """What aiosmtpd asks us at each command."""

    def __init__(self, sink: MailSink) -> None:
        self._sink = sink

    async def handle_EHLO(
        self, _server: _Session, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] if self._sink._pipelining else []), *responses[1:]]

    async def handle_MAIL(self, server: _Session, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self._sink._users and not session.authenticated:
            return "530 5.7.0 authentication required"
        reply = await self._strike(Stage.MAIL, server)
        if reply is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply or "250 sender ok"

    async def handle_RCPT(
        self, server: _Session, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        reply = await self._strike(Stage.RCPT, server)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 recipient ok"

    async def handle_DATA(self, server: _Session, _session: Any, envelope: Any) -> str:
        fault = self._sink.faults.get(Stage.DATA)
        if not isinstance(fault, str):
            # A server that drops or hangs after the final dot has the mail all the same: that is the doubt.
            self._sink.mails.add(_parse(envelope))
        return await self._strike(Stage.DATA, server) or "250 message kept"

    async def _strike(self, stage: Stage, server: _Session) -> str | None:
        """Return the reply of a fault, or None; a drop or a silence ends with the connection."""
        fault = self._sink.faults.get(stage)
        if not isinstance(fault, Fault):
            return fault
        if fault is Fault.DROP:
            server.drop()
        await asyncio.Event().wait()
        raise AssertionError("the wait ends by cancellation only")


def _parse(envelope: Any) -> Mail:
    message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body is not None else ""
    return Mail(
        sender=envelope.mail_from,
        recipients=tuple(envelope.rcpt_tos),
        subject=str(message["Subject"] or ""),
        text=text.replace("\r\n", "\n"),
        message=message,
    )
