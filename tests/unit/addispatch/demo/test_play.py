"""The demo tells commands that work where they are read."""

from __future__ import annotations

import sys

from addispatch.demo.play import program_path


def test_the_program_is_called_as_it_can_be_from_here(monkeypatch, tmp_path):
    program = tmp_path / "env" / "bin" / "addispatch"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.chdir(tmp_path)
    assert program_path() == "env/bin/addispatch"
    monkeypatch.chdir("/")
    assert program_path() == str(program)[1:]
    monkeypatch.setenv("PATH", str(program.parent))
    assert program_path() == "addispatch"
    monkeypatch.setattr(sys, "argv", ["/x/addispatch/__main__.py"])
    assert program_path() == f"{sys.executable} -m addispatch"
