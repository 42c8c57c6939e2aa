"""config/addispatch.toml, the commented example: it loads as it is and with every option taken in, and forgets none."""

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from addispatch.cluster.keyring import generate
from addispatch.config import Config, load
from addispatch.host import check_file

EXAMPLE = Path(__file__).parents[2] / "config" / "addispatch.toml"
TEXT = EXAMPLE.read_text("utf-8")
PLUGINS = {e.name: e for e in entry_points(group="addispatch.plugins") if e.dist and e.dist.name == "addispatch"}


def models_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def keys_of(model):
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in models_in(field.annotation):
            yield from keys_of(inner)


def section_of(plugin):
    """The part of the example from the headline of a plugin to the next."""
    match = re.search(rf"^# --- {plugin}: .*?(?=^# --- |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert match, f"the example has no section '# --- {plugin}: …'"
    return match[0]


def missing(model, text):
    return sorted(key for key in set(keys_of(model)) if not re.search(rf"\b{key}(\]| =)", text))


def test_it_loads_as_it_is():
    assert check_file(EXAMPLE) == []
    assert load(EXAMPLE).config == Config()


def test_every_option_of_the_core_is_in_it():
    assert missing(Config, TEXT) == ["plugin"]


@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_every_option_of_each_plugin_is_in_it(name):
    # ``enabled`` is explained once, at the first plugin.
    left = missing(PLUGINS[name].load().config, section_of(name))
    assert [key for key in left if key != "enabled"] == []


def test_taking_all_options_in_gives_a_good_configuration(tmp_path):
    text = re.sub(r"^#(?=[a-z\[])", "", TEXT, flags=re.MULTILINE).replace("/etc/addispatch", str(tmp_path))
    for name in ("ca.pem", "plant-ca.pem", "mqtt.password", "smtp.password", "mailbox.password", "cluster.password"):
        (tmp_path / name).write_text("secret")
    (tmp_path / "cluster.key").write_text(generate("k1"))
    (tmp_path / "sim1.pin").write_text("1234")
    (tmp_path / "plugins").mkdir(mode=0o755)
    path = tmp_path / "addispatch.toml"
    path.write_text(text)
    assert [str(error) for error in check_file(path)] == []
    assert set(load(path).config.plugin) == set(PLUGINS)
