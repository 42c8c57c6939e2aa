"""Logs: lines for people, JSON for collectors, a file for the demo."""

from __future__ import annotations

import json
import logging

import pytest

from addispatch.config.models import LogConfig
from addispatch.runtime.logs import configure, configure_file


@pytest.fixture(autouse=True)
def _keep_the_root_logger():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_text_has_level_and_place(capsys):
    configure(LogConfig())
    logging.getLogger("addispatch.x").warning("disk %s", "low")
    line = capsys.readouterr().err
    assert line.rstrip().endswith("WARNING addispatch.x: disk low")


def test_json_is_one_document_a_line(capsys):
    configure(LogConfig(format="json"))
    try:
        int("broken")
    except ValueError:
        logging.getLogger("addispatch.x").exception("it failed")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["logger"]) == ("it failed", "error", "addispatch.x")
    assert "ValueError: invalid literal" in line["exception"]


def test_the_level_is_respected(capsys):
    configure(LogConfig(level="error"))
    logging.getLogger("addispatch.x").warning("not shown")
    assert capsys.readouterr().err == ""


def test_a_file_takes_everything(tmp_path, capsys):
    configure_file(tmp_path / "log", logging.INFO)
    logging.getLogger("addispatch.x").info("shown")
    assert "shown" in (tmp_path / "log").read_text()
    assert capsys.readouterr().err == ""
