"""The daemon's log: text or JSON on standard error, one line a record, libraries quiet."""

from __future__ import annotations

import json
import logging

import pytest

from addispatch.config.models import LogConfig
from addispatch.runtime import logs


@pytest.fixture(autouse=True)
def restored():
    """The root logger belongs to pytest."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in ("schedule", "aiosmtplib", "asyncio", "uvicorn", "mail")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in others.items():
        logging.getLogger(name).setLevel(before)


def test_text(capsys):
    logs.configure(LogConfig())
    logging.getLogger("addispatch.x").info("pump %d is hot", 3)
    logging.getLogger("addispatch.x").debug("not this")
    line = capsys.readouterr().err
    assert line.endswith("INFO    addispatch.x: pump 3 is hot\n")
    assert line.count("\n") == 1


def test_json_is_a_document_a_line_with_the_trace_in_it(capsys):
    logs.configure(LogConfig(format="json", level="debug"))
    log = logging.getLogger("addispatch.x")
    log.debug("first\nline")
    try:
        int("oops")
    except ValueError:
        log.exception("it failed")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["level"], first["logger"]) == ("first\nline", "debug", "addispatch.x")
    assert first["timestamp"].endswith("Z")
    assert "ValueError: invalid literal" in second["exception"]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_every_level_of_the_configuration_is_one(level):
    logs.configure(LogConfig(level=level))
    assert logging.getLogger().level == getattr(logging, level.upper())


def test_libraries_tell_only_of_trouble(capsys):
    logs.configure(LogConfig(level="debug"))
    for name in ("schedule", "uvicorn", "asyncio"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("schedule").warning("trouble")
    assert capsys.readouterr().err.endswith("WARNING schedule: trouble\n")


def test_configuring_twice_does_not_say_everything_twice(capsys):
    for _ in range(2):
        logs.configure(LogConfig())
    logging.getLogger("addispatch.x").warning("once")
    assert capsys.readouterr().err.count("once") == 1


def test_to_a_file_and_nothing_on_the_terminal(tmp_path, capsys):
    path = tmp_path / "demo.log"
    logs.configure_file(path, logging.INFO)
    logging.getLogger("addispatch.x").info("told")
    assert "addispatch.x: told" in path.read_text()
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    logging.getLogger().handlers[0].close()
