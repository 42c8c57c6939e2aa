from __future__ import annotations

from pathlib import Path

import pytest

from addispatch.cli import place
from addispatch.config import loading, models
from addispatch.domain.errors import ConfigError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(place.ENVIRONMENT, raising=False)


def test_the_light_reading_agrees_with_the_whole_one():
    assert place.SEARCHED == loading.SEARCHED
    assert models.NodeConfig().data_dir == place.DEFAULT


def test_option_then_environment_then_configuration_then_default(tmp_path, monkeypatch):
    assert place.find_data_dir(None, None) == place.DEFAULT
    Path("addispatch.toml").write_text('[node]\ndata_dir = "data"\n')
    assert place.find_data_dir(None, None) == tmp_path / "data"
    monkeypatch.setenv(place.ENVIRONMENT, "/from/environment")
    assert place.find_data_dir(None, None) == Path("/from/environment")
    assert place.find_data_dir(None, Path("addispatch.toml")) == tmp_path / "data"
    assert place.find_data_dir(Path("/named"), Path("addispatch.toml")) == Path("/named")


def test_conf_d_and_references_count(tmp_path, monkeypatch):
    Path("addispatch.toml").write_text("")
    Path("conf.d").mkdir()
    Path("conf.d/node.toml").write_text('[node]\ndata_dir = "${ENV:WHERE}/sub"\n')
    monkeypatch.setenv("WHERE", "/srv")
    assert place.find_data_dir(None, None) == Path("/srv/sub")


def test_a_broken_configuration_is_named(tmp_path):
    Path("addispatch.toml").write_text("[node")
    with pytest.raises(ConfigError, match="is no TOML"):
        place.find_data_dir(None, None)
