"""A real dovecot with a mailbox of its own, for the mailbox plugin: free ports, its own folder, no root needed."""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Self

import pytest

USER, PASSWORD = "acks@example.com", "s3cret pass"
_PROGRAMS = ("/usr/lib/dovecot/pop3", "/usr/lib/dovecot/imap")
_numbers = count(1)


def need_dovecot():
    """Skip the test, with the reason, where dovecot is missing."""
    missing = [program for program in _PROGRAMS if not Path(program).exists()]
    if missing or shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
        pytest.skip(f"dovecot with POP3 and IMAP is not installed (missing: {', '.join(missing) or 'dovecot'})")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Dovecot:
    """One server with one user. ``start`` and ``kill`` as often as you like; the mails stay."""

    def __init__(self, folder: Path, *, certificate: tuple[Path, Path] | None = None, extra: str = "") -> None:
        need_dovecot()
        self.folder = folder
        self.ports = {name: free_port() for name in ("pop3", "imap", "pop3s", "imaps")}
        self.user, self.password = USER, PASSWORD
        self._process: subprocess.Popen[bytes] | None = None
        self.maildir = folder / "mail" / USER
        for name in ("cur", "new", "tmp"):
            (self.maildir / name).mkdir(parents=True, exist_ok=True)
        is_root = os.getuid() == 0
        owner = pwd.getpwnam("mail") if is_root else pwd.getpwuid(os.getuid())
        self._owner = (owner.pw_uid, owner.pw_gid)
        group = grp.getgrgid(os.getgid()).gr_name
        users = {"login": "dovenull", "user": "dovecot", "group": "dovecot"}
        if not is_root:
            users = {"login": getpass.getuser(), "user": getpass.getuser(), "group": group}
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::{self.maildir}::\n")
        (folder / "dovecot.conf").write_text(self._config(users, certificate, extra))
        self._own()

    def _config(self, users: dict[str, str], certificate: tuple[Path, Path] | None, extra: str) -> str:
        folder, ports = self.folder, self.ports
        tls = f"ssl=yes\nssl_cert=<{certificate[0]}\nssl_key=<{certificate[1]}" if certificate else "ssl=no"
        secure = ("pop3s", "imaps") if certificate else ()
        listeners = ""
        for protocol in ("pop3", "imap"):
            port = ports[f"{protocol}s"] if f"{protocol}s" in secure else 0
            listeners += f"""
service {protocol}-login {{
  chroot =
  inet_listener {protocol} {{
    port = {ports[protocol]}
  }}
  inet_listener {protocol}s {{
    port = {port}
    ssl = yes
  }}
}}"""
        return f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
{tls}
disable_plaintext_auth = no
default_login_user = {users["login"]}
default_internal_user = {users["user"]}
default_internal_group = {users["group"]}
mail_location = maildir:{folder}/mail/%u
first_valid_uid = {self._owner[0]}
first_valid_gid = {self._owner[1]}
auth_failure_delay = 0 secs
mail_max_userip_connections = 50
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
{listeners}
{extra}
"""

    def _own(self) -> None:
        if os.getuid() != 0:
            return
        for path in (self.folder, *self.folder.parents[:3]):
            path.chmod(path.stat().st_mode | 0o711)
        for path in (self.folder / "mail", *(self.folder / "mail").rglob("*")):
            os.chown(path, *self._owner)

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "out").open("ab") as out:
            program = shutil.which("dovecot", path="/usr/sbin:/sbin:/usr/bin")
            command = [str(program), "-F", "-c", str(self.folder / "dovecot.conf")]
            self._process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
        ends_s = time.monotonic() + 10
        while time.monotonic() < ends_s:
            try:
                for protocol in ("pop3", "imap"):
                    socket.create_connection(("127.0.0.1", self.ports[protocol]), timeout=1).close()
                return
            except OSError:
                assert self._process.poll() is None, (self.folder / "out").read_text()
                time.sleep(0.02)
        raise TimeoutError((self.folder / "out").read_text())

    def kill(self) -> None:
        """End it and all its processes at once."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            shutil.rmtree(self.folder / "run", ignore_errors=True)

    def deliver(self, raw: bytes) -> None:
        """Put a mail into the mailbox."""
        name = f"{time.time_ns()}.{next(_numbers)}.test"
        fresh = self.maildir / "tmp" / name
        fresh.write_bytes(raw)
        if os.getuid() == 0:
            os.chown(fresh, *self._owner)
        fresh.rename(self.maildir / "new" / name)

    @property
    def mails(self) -> list[Path]:
        """The mails in the inbox."""
        return sorted([*(self.maildir / "new").iterdir(), *(self.maildir / "cur").iterdir()])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()
