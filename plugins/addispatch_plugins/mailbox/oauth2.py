"""Access tokens for mailboxes that take no password (RFC 6749 4.4 and 6). Used by ``instance`` as the credentials.

Runs in the thread of the session that logs in. Microsoft gives out a new refresh token with each access token and lets
an old one end after 90 days; the newest is kept in the plugin's folder, readable by its owner only.
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from addispatch_plugins.mailbox.config import Kind, Provider
from addispatch_plugins.mailbox.session import MailboxTrouble, explain, one_line

if TYPE_CHECKING:
    from addispatch.sdk import Clock
    from addispatch_plugins.mailbox.config import OAuth2Config

TIMEOUT_S = 15.0
#: Largest answer of a token endpoint that is read, in bytes; a token has a few thousand.
MAX_ANSWER_BYTES = 65_536
#: A token is not used in the last part of its life, and is taken to live this long if nobody says, in seconds.
MARGIN_S, USUAL_LIFE_S = 120.0, 300.0

_GOOGLE_URL = "https://oauth2.googleapis.com/token"
_MICROSOFT_URL = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
_MICROSOFT_SCOPES = {Kind.POP3: "POP.AccessAsUser.All", Kind.IMAP: "IMAP.AccessAsUser.All"}
#: Answers that no waiting helps against (RFC 6749 5.2).
_REFUSED = frozenset(
    ["invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"]
)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the secrets elsewhere."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Take it as the error it is."""


class TokenSource:
    """Gives access tokens, each as long as it lives."""

    def __init__(self, config: OAuth2Config, kind: Kind, clock: Clock, file: Path | None) -> None:
        """``file`` is where a new refresh token is kept; None: nowhere."""
        self._config, self._kind, self._clock, self._file = config, kind, clock, file
        self._token, self._ends_s = "", 0.0
        self._opener = urllib.request.build_opener(_NoRedirect)

    @property
    def url(self) -> str:
        """The token endpoint."""
        if self._config.token_url:
            return self._config.token_url
        google = self._config.provider is Provider.GOOGLE
        return _GOOGLE_URL if google else _MICROSOFT_URL.format(tenant=self._config.tenant)

    def __call__(self) -> str:
        """Return a token; raises ``MailboxTrouble``."""
        if self._token and self._clock.monotonic_s() < self._ends_s:
            return self._token
        answer = self._ask()
        token, life_s = answer.get("access_token"), answer.get("expires_in", USUAL_LIFE_S)
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise MailboxTrouble(f"{self._host} gives no access_token")
        try:
            life_s = float(life_s)
        except (TypeError, ValueError):
            life_s = USUAL_LIFE_S
        self._token, self._ends_s = token, self._clock.monotonic_s() + max(life_s - MARGIN_S, life_s / 2)
        self._keep(answer.get("refresh_token"))
        return token

    def forget(self) -> None:
        """Ask for a new token next time: the mail server refused this one."""
        self._token = ""

    @property
    def _host(self) -> str:
        return urlsplit(self.url).hostname or self.url

    def _form(self) -> dict[str, str]:
        config = self._config
        refresh, secret = self._refresh_token(), config.client_secret.get_secret_value()
        form = {"client_id": config.client_id, "grant_type": "refresh_token" if refresh else "client_credentials"}
        if refresh:
            form["refresh_token"] = refresh
        if secret:
            form["client_secret"] = secret
        if scope := config.scope or self._usual_scope(by_itself=not refresh):
            form["scope"] = scope
        return form

    def _usual_scope(self, *, by_itself: bool) -> str:
        if self._config.provider is not Provider.MICROSOFT:
            return ""
        if by_itself:
            return "https://outlook.office365.com/.default"
        return f"https://outlook.office.com/{_MICROSOFT_SCOPES[self._kind]} offline_access"

    def _ask(self) -> dict[str, Any]:
        # The configuration takes https only, but for this machine.
        request = urllib.request.Request(self.url, urlencode(self._form()).encode(), method="POST")  # noqa: S310
        request.add_header("Accept", "application/json")
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                raw = response.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, _document(error.read(MAX_ANSWER_BYTES))) from None
        except (OSError, HTTPException, ValueError) as error:
            cause = error.reason if isinstance(error, urllib.error.URLError) else error
            cause = cause if isinstance(cause, Exception) else error
            raise MailboxTrouble(f"{self._host}: {explain('asking for a token', cause, TIMEOUT_S)}") from None
        return _document(raw[:MAX_ANSWER_BYTES])

    def _refused(self, code: int, document: dict[str, Any]) -> MailboxTrouble:
        name = one_line(str(document.get("error", "")))
        described = one_line(str(document.get("error_description", "")).partition("\n")[0])
        reason = f"{self._host}: login refused: HTTP {code} {name} {described}".strip()
        return MailboxTrouble(reason, is_login=name in _REFUSED)

    def _refresh_token(self) -> str:
        """Return the newest one that descends from the configured one."""
        configured = self._config.refresh_token.get_secret_value()
        if not configured or self._file is None:
            return configured
        try:
            document = _document(self._file.read_bytes()[:MAX_ANSWER_BYTES])
        except OSError:
            return configured
        token = document.get("refresh_token")
        return token if document.get("of") == _mark(configured) and isinstance(token, str) and token else configured

    def _keep(self, token: object) -> None:
        configured = self._config.refresh_token.get_secret_value()
        if self._file is None or not configured or not isinstance(token, str) or token == self._refresh_token():
            return
        fresh = self._file.with_suffix(".new")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump({"of": _mark(configured), "refresh_token": token}, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
        except OSError as error:
            # This token works; only the next start may need a new login.
            raise MailboxTrouble(f"the new refresh token cannot be stored: {error.strerror}") from None


def _mark(token: str) -> str:
    """By which a kept token knows the configured one it came from, without holding it."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
