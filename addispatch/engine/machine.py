"""What ``addispatch doctor`` finds out about files and machine. Blocks: call it in a thread. Used by ``engine.doctor``.

Each function looks at one thing, changes nothing and returns findings.
"""

from __future__ import annotations

import ctypes
import errno
import grp
import os
import pwd
import re
import shutil
import stat
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from addispatch.config.loading import Document, read
from addispatch.config.paths import walk
from addispatch.config.secrets import is_secret
from addispatch.host.prepare import check_file
from addispatch.sdk.protocols import Finding

#: A clock before this year was never set.
EARLIEST_YEAR = 2025
#: Most mistakes of the configuration that are told one by one.
MOST_MISTAKES = 20

_FILE = re.compile(r"\$\{FILE:([^}]*)\}")
_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s$]+@")
_OTHER_FOLDER = "name another folder: [node] data_dir"
#: adjtimex(2): the kernel says that nobody disciplines its clock.
_STA_UNSYNC = 0x0040
#: Made by systemd-timesyncd at its first success.
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


def configuration(file: Path, changed_after: datetime | None = None) -> list[Finding]:
    """Whether the files are valid, and whether a daemon that started at ``changed_after`` knows what they say."""
    errors = check_file(file)
    found = [Finding("configuration", problem=f"{e.path}: {e.problem}", advice=e.hint) for e in errors[:MOST_MISTAKES]]
    if len(errors) > MOST_MISTAKES:
        found.append(Finding("configuration", problem=f"and {len(errors) - MOST_MISTAKES} more mistakes"))
    document = read(file)
    newer = [path.name for path in document.files if changed_after and _changed_at(path) > changed_after]
    if newer and not found:
        problem = f"{', '.join(newer)} changed since the start"
        found.append(Finding("configuration", problem=problem, advice="restart addispatch to use it"))
    return found or [Finding("configuration", f"{', '.join(map(str, document.files))} is valid")]


def secrets(file: Path) -> list[Finding]:
    """Whether only those read passwords and PINs who must."""
    document = read(file)
    found: list[Finding] = []
    names: set[str] = set()
    for path in document.files:
        text = path.read_text("utf-8-sig", errors="replace")
        names.update(name.strip() for name in _FILE.findall(text))
        if _is_open(path) and _has_secrets(document):
            advice = f"chmod 640 {path}, or move them to files of their own: ${{FILE:path}}"
            found.append(Finding("secrets", problem=f"{path} has passwords and everybody can read it", advice=advice))
    for secret in sorted(document.folder / name for name in names):
        try:
            is_open = _is_open(secret)
        except OSError:
            continue  # the configuration's finding says so
        if is_open:
            problem = f"everybody on this machine can read {secret}"
            found.append(Finding("secrets", problem=problem, advice=f"chmod 640 {secret}"))
    return found or [Finding("secrets", "nobody else can read them" if names or _has_secrets(document) else "none")]


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o007)


def _has_secrets(document: Document) -> bool:
    """Whether a secret itself stands in the files, not only a reference to one."""
    seen: list[str] = []

    def look(path: str, key: str, value: Any) -> None:
        if not isinstance(value, str) or not value or path in document.references:
            return
        if is_secret(path, key, frozenset()) or _URL_WITH_PASSWORD.search(value):
            seen.append(path)

    walk(document.data, look)
    return bool(seen)


def data_folder(folder: Path) -> Finding:
    """Whether the data directory can be written and is private."""
    what = "data folder"
    if not folder.exists():
        parent = _nearest(folder)
        if not parent.is_dir():
            return _no_folder(folder, parent)
        if os.access(parent, os.W_OK | os.X_OK) and _takes_files(parent):
            return Finding(what, f"{folder} is not there yet: the first start makes it")
        return Finding(
            what, problem=f"{folder} is not there and cannot be made in {parent}", advice=_give_or_move(parent)
        )
    if not folder.is_dir():
        return _no_folder(folder, folder)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding(what, problem=f"{folder} cannot be written by {_me()}", advice=_give(folder))
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        problem = f"{folder} is open to others (mode {mode:04o}): it has phone numbers and keys"
        return Finding(what, problem=problem, advice=f"chmod 700 {folder}")
    return Finding(what, f"{folder}, private to {_name_of(status.st_uid)}")


def _no_folder(folder: Path, file: Path) -> Finding:
    problem = f"{folder} cannot be made: {file} is no folder" if file != folder else f"{folder} is no folder"
    return Finding("data folder", problem=problem, advice=_OTHER_FOLDER)


def _takes_files(folder: Path) -> bool:
    """Whether files can be made there: in /proc or on a read-only disk not even root can. None is left behind."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)  # that is said elsewhere


def _give_or_move(folder: Path) -> str:
    """Advice about a folder in which nothing can be made."""
    return _OTHER_FOLDER if os.access(folder, os.W_OK | os.X_OK) else _give(folder)


def disk(folder: Path, least_mib: int) -> Finding:
    """Whether there is more room than the node warns of."""
    where = _nearest(folder)
    usage, files = shutil.disk_usage(where), os.statvfs(where)
    free = f"{_size(usage.free)} of {_size(usage.total)} free"
    if usage.free < least_mib * 2**20:
        advice = f"make room on the disk of {folder}: without room alarms are refused"
        return Finding("disk", problem=f"only {free}, less than {_size(least_mib * 2**20)}", advice=advice)
    if files.f_files and not files.f_favail:
        return Finding("disk", problem="no inodes left", advice=f"remove files from the disk of {folder}")
    return Finding("disk", free)


def clock(now: datetime) -> Finding:
    """Whether the clock was ever set, and whether somebody keeps it right."""
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.year < EARLIEST_YEAR:
        advice = "set it: timedatectl set-time, or timedatectl set-ntp true"
        return Finding("clock", problem=f"it says {shown}, which cannot be", advice=advice)
    synchronised = is_synchronised()
    if synchronised is None:
        return Finding("clock", f"{shown}; whether it is synchronised is not known")
    if synchronised:
        return Finding("clock", f"{shown}, synchronised")
    problem = f"it says {shown}, and nothing keeps it right (no NTP)"
    return Finding("clock", problem=problem, advice="timedatectl set-ntp true")


def is_synchronised() -> bool | None:
    """Ask the kernel whether the clock is disciplined (adjtimex(2), changes nothing); None if it does not tell."""
    if _TIMESYNCD.exists():
        return True
    # struct timex begins: modes, then offset, freq, maxerror and esterror, then status.
    timex = (ctypes.c_long * 64)()
    try:
        answer = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):  # no glibc
        return None
    status = ctypes.c_int.from_buffer(timex, 5 * ctypes.sizeof(ctypes.c_long)).value
    return None if answer < 0 else not status & _STA_UNSYNC


def time_zone(name: str, now: datetime) -> Finding:
    """What time it is for the people here: they see whether that is so."""
    return Finding("time zone", f"{name}, where it is {now.astimezone(ZoneInfo(name)):%H:%M}")


def gammu() -> Finding:
    """Whether the library that drives modems is there."""
    try:
        if find_spec("gammu") is not None:
            return Finding("gammu", f"python-gammu {version('python-gammu')}")
    except (PackageNotFoundError, ValueError, ImportError):
        pass
    return Finding("gammu", problem="python-gammu is not installed: no modem works", advice="pip install python-gammu")


def _changed_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.min.replace(tzinfo=UTC)


def _nearest(path: Path) -> Path:
    """The path, or the first folder above it that is there."""
    return next((each for each in (path, *path.absolute().parents) if each.exists()), Path("/"))


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _me() -> str:
    return _name_of(os.geteuid())


def _give(folder: Path) -> str:
    try:
        group = grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        group = str(os.getegid())
    return f"chown {_me()}:{group} {folder}, or run this as the user addispatch runs as"
