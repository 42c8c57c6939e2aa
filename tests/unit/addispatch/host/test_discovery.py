import subprocess
import sys

import pytest

from addispatch.config import PluginsConfig
from addispatch.host import discovery
from addispatch.host.discovery import discover


def by_name(**settings):
    return {item.name: item for item in discover(PluginsConfig(**settings))[0]}


def test_the_built_in_plugins_are_found_like_any_other(install):
    install("siren")
    found = by_name()
    assert {"broker", "log", "modem", "mqtt", "smtp", "siren"} <= set(found)
    assert (found["log"].origin, found["siren"].origin) == ("addispatch", "testpkg-siren")
    assert found["siren"].version == "2.5"
    assert found["siren"].load().summary == "Does siren"


def test_finding_imports_no_plugin():
    script = """
import sys
from addispatch.config import PluginsConfig
from addispatch.host.discovery import discover
assert len(discover(PluginsConfig())[0]) >= 5
print([name for name in sys.modules if name.startswith("addispatch_plugins")])
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


def test_two_packages_with_one_name_are_refused(install):
    install("siren", package="acme-siren")
    install("siren", package="bolt-siren")
    assert by_name()["siren"].refusal == "several packages provide it: acme-siren, bolt-siren; uninstall one"


def test_a_checkout_that_is_not_installed_says_what_to_do(monkeypatch):
    monkeypatch.setattr(discovery, "entry_points", lambda group: [])
    found, (error,) = discover(PluginsConfig())
    assert found == []
    assert "no plugins found" in str(error)
    assert "pip install -e ." in str(error)


@pytest.fixture
def dropins(tmp_path):
    folder = tmp_path / "dropins"
    folder.mkdir(mode=0o755)
    return folder


def test_dropins_are_off_by_default(dropins, write_plugin):
    write_plugin(dropins / "bell.py", "bell")
    assert "bell" not in by_name()


def test_a_dropin_is_found_with_its_file_as_origin(dropins, write_plugin):
    file = write_plugin(dropins / "bell.py", "bell")
    (dropins / "_helper.py").touch()
    (dropins / "notes.txt").touch()
    found = by_name(folder=dropins)
    assert (found["bell"].origin, found["bell"].refusal) == (str(file), "")
    assert not {"_helper", "notes"} & set(found)


def test_a_dropin_shadows_an_installed_plugin_only_if_told_to(dropins, write_plugin):
    file = write_plugin(dropins / "log.py", "log")
    both = [item for item in discover(PluginsConfig(folder=dropins))[0] if item.name == "log"]
    assert [(item.origin, bool(item.refusal)) for item in both] == [("addispatch", False), (str(file), True)]
    assert "replace = true" in both[1].refusal
    both = [item for item in discover(PluginsConfig(folder=dropins, replace=True))[0] if item.name == "log"]
    assert [(item.origin, item.refusal) for item in both] == [(str(file), "")]


def test_an_unsafe_dropin_never_replaces_an_installed_plugin(dropins, write_plugin):
    write_plugin(dropins / "log.py", "log").chmod(0o666)
    both = [item for item in discover(PluginsConfig(folder=dropins, replace=True))[0] if item.name == "log"]
    assert [(item.origin, item.refusal.partition(":")[0]) for item in both] == [
        ("addispatch", ""),
        (str(dropins / "log.py"), "can be written by others"),
    ]


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_in_a_folder_others_can_write_every_file_is_refused(dropins, write_plugin, mode):
    write_plugin(dropins / "bell.py", "bell")
    dropins.chmod(mode)
    found, (error,) = discover(PluginsConfig(folder=dropins))
    assert "can be written by others" in str(error)
    assert error.path == "plugins.folder"
    assert [item.refusal for item in found if item.name == "bell"] == [error.problem]


def test_a_missing_folder_is_an_error(tmp_path):
    _, (error,) = discover(PluginsConfig(folder=tmp_path / "gone"))
    assert str(error) == f"plugins.folder: cannot read {tmp_path}/gone: No such file or directory"
