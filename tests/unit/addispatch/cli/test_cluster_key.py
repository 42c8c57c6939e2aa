from __future__ import annotations

import re

import pytest
import typer
from typer.testing import CliRunner

from addispatch.cli.cluster_key import key
from addispatch.cluster.keyring import Keyring


@pytest.fixture
def make():
    app = typer.Typer()
    app.command()(key)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_each_call_prints_a_new_key_that_the_configuration_takes(make):
    first, second = make(), make()
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.output != second.output
    assert re.fullmatch(r"k\d{8}:[0-9a-f]{64}\n", first.output)
    assert len(Keyring.parse(first.output).keys) == 1


def test_the_name_can_be_chosen(make):
    assert Keyring.parse(make("--kid", "k2").output).kid == "k2"
    wrong = make("--kid", "a:b")
    assert wrong.exit_code == 2
    assert "1 to 16 letters" in wrong.output
