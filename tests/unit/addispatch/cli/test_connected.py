from __future__ import annotations

import json
from typing import Annotated

import pytest
import typer

from addispatch.cli.client import Client
from addispatch.cli.connected import connected


@pytest.fixture
def run(tmp_path):
    """Run one command of a program made with ``connected``."""
    app = typer.Typer(rich_markup_mode=None)

    @connected(app, view=lambda document: print("view of", document["word"]), verdict=lambda document: document["code"])
    def say(client: Client, word: Annotated[str, typer.Option()], code: Annotated[int, typer.Option()] = 0):
        """Say a word."""
        assert isinstance(client, Client)
        return {"word": word, "code": code}

    @connected(app, view=lambda _document: print("never"))
    def own(client: Client, as_json: bool):
        """Print by itself."""
        print("json" if as_json else "text")

    def invoke(*arguments):
        try:
            return app([*arguments, "--data-dir", str(tmp_path)], standalone_mode=False)
        except SystemExit as end:
            return end.code

    return invoke


def test_people_get_the_view_and_programs_the_document(run, capsys):
    run("say", "--word", "ä")
    assert capsys.readouterr().out == "view of ä\n"
    run("say", "--word", "ä", "--json")
    assert json.loads(capsys.readouterr().out) == {"word": "ä", "code": 0}


def test_the_verdict_is_the_exit_code_either_way(run):
    assert run("say", "--word", "x", "--code", "3") == 3
    assert run("say", "--word", "x", "--code", "3", "--json") == 3


def test_a_function_may_print_by_itself(run, capsys):
    run("own")
    run("own", "--json")
    assert capsys.readouterr().out == "text\njson\n"


def test_help_has_the_function_s_words_and_the_common_options(run, capsys):
    run("say", "--help")
    text = capsys.readouterr().out
    assert "Say a word." in text
    for option in ("--word", "--json", "--server", "--token-file", "--data-dir", "--config"):
        assert option in text
