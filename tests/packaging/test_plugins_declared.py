"""A plugin folder without entry point would silently not exist; an entry point without folder would be a load error."""

import importlib
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from addispatch.sdk import Plugin

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins" / "addispatch_plugins"
FOLDERS = sorted(path.name for path in PLUGINS.iterdir() if path.is_dir() and not path.name.startswith("_"))
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["addispatch.plugins"]


def test_each_folder_has_an_entry_point_and_each_entry_point_a_folder():
    assert {name: f"addispatch_plugins.{name}:plugin" for name in FOLDERS} == DECLARED


def test_the_installed_entry_points_are_the_declared_ones():
    installed = {entry.name for entry in entry_points(group="addispatch.plugins") if entry.dist.name == "addispatch"}
    assert installed == set(DECLARED), "run pip install -e . again"


@pytest.mark.parametrize("name", FOLDERS)
def test_each_plugin_says_who_it_is(name):
    plugin = importlib.import_module(f"addispatch_plugins.{name}").plugin
    assert isinstance(plugin, Plugin)
    assert plugin.name == name


@pytest.mark.parametrize("name", FOLDERS)
def test_each_plugin_has_a_readme_that_shows_its_table(name):
    text = (PLUGINS / name / "README.md").read_text("utf-8")
    assert f"[plugin.{name}" in text


@pytest.mark.parametrize("name", FOLDERS)
def test_no_module_hides_the_plugin_object(name):
    # Once imported, plugin.py would take the place of the package's attribute ``plugin``.
    assert not (PLUGINS / name / "plugin.py").exists()
