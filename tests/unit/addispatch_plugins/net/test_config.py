"""The table ``[plugin.net]``."""

import pytest
from pydantic import ValidationError

from addispatch_plugins.net.config import NetConfig


def test_nothing_needs_to_be_said(tmp_path):
    assert NetConfig().ca_file is None
    file = tmp_path / "plant.pem"
    file.touch()
    assert NetConfig(ca_file=str(file)).ca_file == file


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(ValidationError, match="does not point to a file"):
        NetConfig(ca_file=str(tmp_path / "plant.pem"))


def test_a_misspelt_key_is_a_mistake():
    with pytest.raises(ValidationError, match="ca_flie"):
        NetConfig(ca_flie="x")
