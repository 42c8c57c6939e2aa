"""Talks to the daemon: HTTP over its unix socket, or over TCP with a token. Used by every command that shows data.

Plain ``http.client``, because a command must answer at once and an HTTP library costs more than the answer.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from addispatch.cli.place import find_data_dir
from addispatch.domain.errors import AddispatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Doc = dict[str, Any]

#: The daemon's socket in its data directory.
SOCKET_NAME = "addispatch.sock"
#: How long an answer may take, in seconds.
TIMEOUT_S = 30.0
#: A stream without even a heartbeat (every 15 s) is dead after so long, in seconds.
SILENT_S = 40.0
#: How much of a text is taken at once.
PIECE_BYTES = 65_536
_API = "/api/v1"
_SURROGATE = re.compile("[\ud800-\udfff]")


class NoAnswer(AddispatchError):
    """The daemon cannot be reached; the text says what to do. ``is_absent``: none runs on this machine's folder."""

    def __init__(self, text: str, *, is_absent: bool = False) -> None:
        self.is_absent = is_absent
        super().__init__(text)


class Failure(AddispatchError):
    """What was asked for cannot be done; ``lines`` say why, one for each mistake."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("; ".join(lines))


@dataclass(frozen=True, slots=True)
class Target:
    """Which daemon: named by the options every data command has."""

    server: str | None = None
    token_file: Path | None = None
    data_dir: Path | None = None
    config: Path | None = None


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """Requests to one daemon; raises ``Failure`` (it said no), ``NoAnswer`` or ``ConfigError``."""

    def __init__(self, target: Target) -> None:
        #: The node's time zone, once it has answered; empty if it does not tell.
        self.timezone = ""
        self._headers = {"accept": "application/json"}
        self._prefix, self._token_file = "", target.token_file
        self._url = urlsplit(target.server) if target.server else None
        if self._url is None:
            self._socket_path = find_data_dir(target.data_dir, target.config) / SOCKET_NAME
            return
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise Failure([f"--server: {target.server!r} is no address; write http://host:5556"])
        self._prefix = self._url.path.rstrip("/")
        if target.token_file is not None:
            self._headers["authorization"] = f"Bearer {_read_token(target.token_file)}"

    @property
    def is_elsewhere(self) -> bool:
        """Whether it was asked for by its address, and not as the daemon of this machine."""
        return self._url is not None

    def get(self, path: str, **query: Any) -> Doc:
        """Return the document at ``/api/v1`` + path; parameters that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._request("GET", path + (f"?{urlencode(given, errors='replace')}" if given else ""))

    def post(self, path: str, document: Doc) -> Doc:
        """Send a document and return the answer."""
        # Arguments that are not UTF-8 come as lone surrogates; an alarm must go out for all that, as it does by MQTT.
        text = _SURROGATE.sub("\ufffd", json.dumps(document, default=str, ensure_ascii=False))
        return self._request("POST", path, text.encode())

    def text(self, path: str, *, timeout_s: float = TIMEOUT_S, **query: Any) -> Iterator[bytes]:
        """Yield a text, or a file, in pieces."""
        connection, response = self._send("GET", f"{path}?{urlencode(query)}", None, timeout_s)
        try:
            if response.status != http.client.OK:
                self._document(response)
            while piece := response.read1(PIECE_BYTES):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error) from None
        finally:
            connection.close()

    def delete(self, path: str) -> Doc:
        """Remove what the path names."""
        return self._request("DELETE", path)

    def ready(self, needs: str, timeout_s: float) -> Doc:
        """Return ``{"ready", "reason", …}`` of a daemon that may take ``timeout_s`` to answer, ready or not."""
        query = f"?{urlencode({'needs': needs}, errors='replace')}" if needs else ""
        connection, response = self._send("GET", f"/readyz{query}", None, timeout_s, api="")
        try:
            if response.status == http.client.SERVICE_UNAVAILABLE:
                response.status = http.client.OK  # the document says it
            return self._document(response)
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error) from None
        finally:
            connection.close()

    def follow(self, after: int | None) -> Iterator[Doc]:
        """Yield events as they happen, until the daemon ends the stream; raises ``NoAnswer`` when it vanishes."""
        query = "" if after is None else f"?after={after}"
        connection, response = self._send("GET", f"/events/stream{query}", None, SILENT_S)
        try:
            if response.status != http.client.OK:
                self._document(response)
            while line := response.readline():
                name, _, value = line.partition(b":")
                if name == b"data":
                    yield json.loads(value)
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error) from None
        finally:
            connection.close()

    def _request(self, method: str, path: str, body: bytes | None = None) -> Doc:
        connection, response = self._send(method, path, body, TIMEOUT_S)
        try:
            return self._document(response)
        except (OSError, http.client.HTTPException) as error:
            raise self._no_answer(error) from None
        finally:
            connection.close()

    def _send(
        self, method: str, path: str, body: bytes | None, timeout_s: float, *, api: str = _API
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = self._connection(timeout_s)
        try:
            connection.request(method, self._prefix + api + path, body, self._headers)
            response = connection.getresponse()
            self.timezone = response.getheader("addispatch-timezone") or ""
            return connection, response
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._no_answer(error) from None

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._url is None:
            return _UnixConnection(self._socket_path, timeout_s)
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=timeout_s)

    def _document(self, response: http.client.HTTPResponse) -> Doc:
        raw = response.read()
        try:
            document = json.loads(raw)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Failure([f"{self._where} does not answer like addispatch (HTTP {response.status})"])
        if response.status < http.client.BAD_REQUEST:
            return document
        if response.status == http.client.UNAUTHORIZED:
            if self._token_file is None:
                raise Failure([f"{self._where} wants a token: name the file that holds it with --token-file"])
            hint = "'addispatch token add' there makes a new one"
            raise Failure([f"{self._where}: the token in {self._token_file} is not valid, or not any more; {hint}"])
        raise Failure([str(one.get("error", "refused")) for one in document.get("errors") or [document]])

    @property
    def _where(self) -> str:
        return self._url.geturl() if self._url is not None else str(self._socket_path)

    def _no_answer(self, error: Exception) -> NoAnswer:
        if isinstance(error, FileNotFoundError | ConnectionRefusedError) and self._url is None:
            hint = "start it with 'addispatch run', or name its folder with --data-dir"
            return NoAnswer(f"addispatch is not running on {self._socket_path.parent}: {hint}", is_absent=True)
        if isinstance(error, NotADirectoryError) and self._url is None:
            hint = "it or what is above it is no folder; name another with --data-dir, or mend [node] data_dir"
            reason = f"addispatch cannot run on {self._socket_path.parent}: {hint}"
            return NoAnswer(reason, is_absent=True)
        if isinstance(error, PermissionError):
            return NoAnswer(f"no right to use {self._where}: run this as the user addispatch runs as, or as root")
        if isinstance(error, TimeoutError):
            return NoAnswer(f"no answer from {self._where} in time; is the daemon overloaded or stopped?")
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return NoAnswer(f"no answer from {self._where}: {reason}")


def _read_token(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise Failure([f"--token-file: cannot read {path}: {reason}"]) from None
    if not token.isascii() or not token.isprintable() or not token:
        raise Failure([f"--token-file: {path} holds no token"])
    return token
