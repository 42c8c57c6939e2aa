"""``addispatch plugin new``: writes a package with a working plugin, its tests and its entry point.

The ``*.txt`` files beside this module are its templates (``string.Template``). Called by the command line.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template
from typing import Literal

from addispatch.domain.errors import ConfigError

_HERE = Path(__file__).parent


def write_scaffold(name: str, kind: Literal["channel", "source"], folder: Path) -> Path:
    """Write the project ``addispatch-<name>`` into ``folder`` and return it; raises ``ConfigError`` if it cannot."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,39}", name) or keyword.iskeyword(name):
        raise ConfigError("name", f"{name!r} is no plugin name", "2 to 40 small letters, digits and _, a letter first")
    project = f"addispatch-{name.replace('_', '-')}"
    target = folder / project
    words = {"name": name, "project": project, "Class": "".join(part.capitalize() for part in name.split("_"))}
    package = target / f"addispatch_{name}"
    files = {
        target / "pyproject.toml": "pyproject.toml.txt",
        target / "README.md": f"{kind}/README.md.txt",
        package / "__init__.py": f"{kind}/__init__.py.txt",
        package / "config.py": f"{kind}/config.py.txt",
        # Not plugin.py: once imported, a submodule takes the place of the package's attribute of that name.
        package / "instance.py": f"{kind}/instance.py.txt",
        target / "tests" / "test_plugin.py": f"{kind}/test_plugin.py.txt",
    }
    try:
        target.mkdir(parents=True)
        for file, template in files.items():
            file.parent.mkdir(exist_ok=True)
            file.write_text(Template((_HERE / template).read_text("utf-8")).substitute(words), "utf-8")
        (package / "py.typed").touch()
    except FileExistsError:
        raise ConfigError("dir", f"{target} is there already", "choose another name or folder") from None
    except OSError as error:
        raise ConfigError("dir", f"cannot write {error.filename}: {error.strerror}") from None
    return target
