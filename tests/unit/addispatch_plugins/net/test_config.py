"""The table ``[plugin.net]``."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from addispatch_plugins.net.config import NetConfig


def test_nothing_needs_to_be_said():
    assert NetConfig().ca_file is None
    assert NetConfig(ca_file="plant.pem").ca_file == Path("plant.pem")


def test_a_misspelt_key_is_a_mistake():
    with pytest.raises(ValidationError, match="ca_flie"):
        NetConfig(ca_flie="x")
