"""What is installed from the wheel, tried without the source folder in reach."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def wheel(root, build_wheel):
    return build_wheel(root)


@pytest.fixture(scope="session")
def site(wheel, install_wheel, tmp_path_factory):
    return install_wheel(wheel, tmp_path_factory.mktemp("site"))


def files_below(folder):
    return {path.relative_to(folder.parent).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_both_roots_are_in_it_complete(wheel, root):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        name
        for folder in (root / "addispatch", root / "plugins" / "addispatch_plugins")
        for name in files_below(folder)
        if "__pycache__" not in name
    }
    assert {
        "addispatch/py.typed",
        "addispatch_plugins/py.typed",
        "addispatch/host/scaffold/pyproject.toml.txt",
    } <= packed
    assert packed == wanted


def run(site, script):
    """Run it with the wheel's files first on the path and the editable install's path entries removed."""
    prelude = f"import sys; sys.path[:] = [{str(site)!r}] + [p for p in sys.path if 'site-packages' in p or 'lib/python' in p]\n"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-I", "-c", prelude + script]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/", env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_plugins_load_from_it(site, root):
    script = """
import json
from addispatch.host.discovery import discover
from addispatch.config import PluginsConfig
import addispatch
found = discover(PluginsConfig())[0]
print(json.dumps([addispatch.__file__, {item.name: sys.modules[item.load().__class__.__module__].__file__ for item in found},
                  sys.modules["addispatch_plugins"].__file__]))
"""
    package, found, plugins = json.loads(run(site, script))
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"]["addispatch.plugins"]
    assert set(found) == set(declared)
    assert Path(package).parent == site / "addispatch"
    assert Path(plugins).parent == site / "addispatch_plugins"


def test_the_scaffold_works_from_it(site, tmp_path):
    run(
        site,
        f"from pathlib import Path; from addispatch.host.scaffold import write_scaffold; write_scaffold('bell', 'channel', Path({str(tmp_path)!r}))",
    )
    assert (tmp_path / "addispatch-bell" / "pyproject.toml").exists()
