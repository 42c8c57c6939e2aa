"""Binds the API's two sockets, saying in words why one of them cannot be had. Called by ``addispatch.http.server``."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import TYPE_CHECKING

from addispatch.domain.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

#: Connections the kernel holds until they are taken.
BACKLOG = 128
#: Longest path of a unix socket, in bytes (unix(7)).
MAX_UNIX_PATH_BYTES = 107


def bind_tcp(host: str, port: int, key: str = "http.listen") -> socket.socket:
    """Return a bound socket; raises ``ConfigError`` saying why it cannot be had. May block: asks the resolver.

    ``key`` is where the address was configured.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        hints = {
            errno.EADDRINUSE: f"another program has it; 'ss -ltnp sport = :{port}' shows which",
            errno.EACCES: "ports below 1024 need the right CAP_NET_BIND_SERVICE",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }
        reason = os.strerror(error.errno) if error.errno in hints else str(error.strerror)
        problem = f"cannot listen on {host}:{port}: {reason}"
        raise ConfigError(key, problem, hints.get(error.errno or 0, "")) from None
    sock.setblocking(False)  # noqa: FBT003
    return sock


def bind_unix(path: Path) -> socket.socket:
    """Return a bound socket with mode 0600, replacing what a dead process left.

    Raises ``ConfigError`` for a path that cannot be one, ``StoreError`` for what the configuration is not to blame for.
    """
    if len(os.fsencode(path)) > MAX_UNIX_PATH_BYTES:
        hint = f"at most {MAX_UNIX_PATH_BYTES} bytes: use a shorter data_dir"
        raise ConfigError("node.data_dir", f"{path} is too long for a unix socket", hint)
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(os.fspath(path))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise StoreError(f"cannot make {path}: {error.strerror}") from None
    finally:
        os.umask(mask)
    sock.setblocking(False)  # noqa: FBT003
    return sock


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise StoreError(f"{path} is in the way: it is no socket; move it elsewhere")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot use {path}: {error.strerror or error}") from None
        else:
            hint = "stop it first, or give this one a data_dir of its own"
            raise StoreError(f"another addispatch is running on {path.parent}: {hint}")
