"""Drop-in plugins: ``*.py`` files in the folder of ``[plugins] folder``. Called by ``host.discovery``.

They run with all rights of the daemon, so folder and file must belong to root or to us, and nobody else may write them.
"""

from __future__ import annotations

import os
import stat
import sys
from functools import partial
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from addispatch.domain.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Drop-ins live in this package, so that they can neither shadow nor be mistaken for an installed module.
PACKAGE = "addispatch_dropin"
#: Most drop-in files, and the largest one in bytes.
MAX_FILES_COUNT, MAX_FILE_BYTES = 100, 1024 * 1024


def files_in(folder: Path) -> tuple[list[Path], str]:
    """Return the drop-in files, and why none of them may be loaded (empty if they may)."""
    try:
        about = folder.stat()
        names = sorted(path for path in folder.iterdir() if path.suffix == ".py" and not path.name.startswith("_"))
    except OSError as error:
        return [], f"cannot read {folder}: {error.strerror}"
    if len(names) > MAX_FILES_COUNT:
        return names[:MAX_FILES_COUNT], f"{folder} has more than {MAX_FILES_COUNT} files"
    reason = _unsafe(about)
    return names, f"{folder} {reason}" if reason else ""


def refusal_of(file: Path) -> str:
    """Say why this file must not be loaded; empty if it may."""
    if not file.stem.isidentifier():
        return "the file's name must be the plugin's: letters, digits and _ only"
    try:
        about = file.lstat()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not stat.S_ISREG(about.st_mode):
        return "is not a regular file"
    return _unsafe(about)


def loader(file: Path) -> Callable[[], object]:
    """Return a function that imports the file and returns its ``plugin``."""
    return partial(_load, file)


def _unsafe(about: os.stat_result) -> str:
    if about.st_uid not in (0, os.geteuid()):
        return "belongs to somebody else: it must be owned by root or by the daemon's user"
    if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written by others: run chmod go-w"
    return ""


def _load(file: Path) -> object:
    name = f"{PACKAGE}.{file.stem}"
    sys.modules.setdefault(PACKAGE, _empty_package())
    module = module_from_spec(_spec(name, file))
    module.__file__ = str(file)
    sys.modules[name] = module
    try:
        exec(compile(_source(file), str(file), "exec"), module.__dict__)  # noqa: S102 - running it is the purpose
        return module.plugin
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, AttributeError) and not hasattr(module, "plugin"):
            raise PluginError("the file defines no variable named plugin") from error
        raise


def _source(file: Path) -> bytes:
    # Checked again on the open file: between listing and loading it could have been exchanged. Python's own importer
    # would also trust a __pycache__ folder that nobody checked.
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as opened:  # noqa: PTH123
        about = os.fstat(descriptor)
        reason = _unsafe(about) if stat.S_ISREG(about.st_mode) else "is not a regular file"
        raw = opened.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        reason = reason or f"is larger than {MAX_FILE_BYTES // 1024} KiB"
    if reason:
        raise PluginError(reason)
    return raw


def _spec(name: str, file: Path) -> ModuleSpec:
    spec = spec_from_loader(name, loader=None, origin=str(file))
    assert spec is not None
    return spec


def _empty_package() -> ModuleType:
    package = ModuleType(PACKAGE, "Home of drop-in plugins.")
    package.__path__ = []
    return package
