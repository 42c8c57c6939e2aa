"""The file a backup is: a gzipped tar, a manifest first and then the parts with their checksums.

Written and read by ``store.backup`` and ``store.restore``; nothing here knows what is in a part. Every call blocks.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple

from addispatch.domain.errors import StoreError

#: The form of the file; a newer one is refused.
FORMAT = 1
MANIFEST = "manifest.json"
#: All that can be in a backup; a name that is none of these is refused, so that nothing is written elsewhere.
NAMES = re.compile(r"ledger\.db|(tokens|cluster)\.json(\.bak)?|directory/[a-z_]{1,40}\.json(\.bak)?")
#: Largest manifest, in bytes, and most parts.
MAX_MANIFEST_BYTES, MAX_PARTS = 256 * 1024, 200
#: Largest part that is no ledger, in bytes: a directory of 8 MiB is the largest there is.
MAX_PART_BYTES = 64 * 1024 * 1024
#: The ledger is mostly text: more effort than this makes it hardly smaller.
_EFFORT = 3
_PIECE_BYTES = 1024 * 1024
LEDGER = "ledger.db"


class Part(NamedTuple):
    """One part as the manifest has it."""

    sha256: str
    size_bytes: int


class Manifest(NamedTuple):
    """What a backup is of: program version, ledger version, node, store id, and the moment (ms since 1970 UTC)."""

    version: str
    ledger_version: int
    node: str
    store: str
    at_ms: int
    parts: Mapping[str, Part]


def write(out: IO[bytes], manifest: Manifest, files: Sequence[tuple[str, Path]]) -> Manifest:
    """Write a backup of these files (name in it, path); returns the manifest with its parts. ``OSError`` passes."""
    made = manifest._replace(parts={name: _measure(path) for name, path in files})
    text = json.dumps({"format": FORMAT, **made._asdict()}, indent=1).encode()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=_EFFORT) as tar:
        tar.addfile(_info(MANIFEST, len(text), made.at_ms), BytesIO(text))
        for name, path in files:
            with path.open("rb") as content:
                tar.addfile(_info(name, made.parts[name].size_bytes, made.at_ms), content)
    return made


def read(file: Path, target: Callable[[str], Path] | None = None) -> Manifest:
    """Check a backup, every checksum of it; with ``target`` also write each part to the path it gives.

    Raises ``StoreError`` in one line: not there, not a backup, damaged, cut off, too new.
    """
    try:
        with file.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|gz") as tar:
            members = iter(tar)
            manifest = _manifest(tar, next(members, None), file)
            missing = dict(manifest.parts)
            for member in members:
                part = missing.pop(member.name, None)
                if part is None or not member.isfile() or member.size != part.size_bytes:
                    raise StoreError(
                        f"{file} is no backup as addispatch makes it: {member.name[:60]!r} is not expected"
                    )
                content = tar.extractfile(member)
                assert content is not None
                _take(file, member.name, content, part, target(member.name) if target is not None else None)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise StoreError(f"{file} is no backup, or it is damaged or cut off: {error}") from None
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"{error.filename or file} cannot be read or written: {reason}") from None
    if missing:
        raise StoreError(f"{file} is cut off: {', '.join(sorted(missing))} is missing")
    return manifest


def _take(file: Path, name: str, content: IO[bytes], part: Part, to: Path | None) -> None:
    digest = hashlib.sha256()
    if to is None:
        while piece := content.read(_PIECE_BYTES):
            digest.update(piece)
    else:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with to.open("xb") as out:
            to.chmod(0o600)
            while piece := content.read(_PIECE_BYTES):
                digest.update(piece)
                out.write(piece)
    if digest.hexdigest() != part.sha256:
        raise StoreError(f"{file} is damaged: the checksum of {name} is wrong")


def _manifest(tar: tarfile.TarFile, member: tarfile.TarInfo | None, file: Path) -> Manifest:
    if member is None or member.name != MANIFEST or not member.isfile() or member.size > MAX_MANIFEST_BYTES:
        raise StoreError(f"{file} is no backup of addispatch: it does not begin with {MANIFEST}")
    content = tar.extractfile(member)
    assert content is not None
    try:
        doc: dict[str, Any] = json.loads(content.read())
        if (found := int(doc["format"])) > FORMAT:
            raise StoreError(f"{file} has the form {found}, this program knows {FORMAT}: use a newer addispatch")
        parts = {str(name): Part(str(one[0]), int(one[1])) for name, one in doc["parts"].items()}
        manifest = Manifest(
            str(doc["version"]),
            int(doc["ledger_version"]),
            str(doc["node"]),
            str(doc["store"]),
            int(doc["at_ms"]),
            parts,
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise StoreError(f"{file}: {MANIFEST} cannot be read: {error!r}") from None
    wrong = [name for name in parts if not NAMES.fullmatch(name)]
    large = [name for name, one in parts.items() if name != LEDGER and one.size_bytes > MAX_PART_BYTES]
    if wrong or large or len(parts) > MAX_PARTS or LEDGER not in parts:
        named = (wrong + large)[:1] or [f"no {LEDGER}" if LEDGER not in parts else f"{len(parts)} parts"]
        raise StoreError(f"{file}: {MANIFEST} names what no backup has: {named[0][:60]}")
    return manifest


def _measure(path: Path) -> Part:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
        return Part(digest.hexdigest(), content.tell())


def _info(name: str, size_bytes: int, at_ms: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size_bytes, at_ms // 1000, 0o600
    return info
