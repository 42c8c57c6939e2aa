from __future__ import annotations

import os
import shutil

import pytest

from addispatch.cli import doctor, text

GOOD = {"subject": "disk", "detail": "12 GiB free", "problem": "", "advice": ""}
BAD = {"subject": "smtp mail.example.com", "detail": "", "problem": "login refused: 535", "advice": "see the password"}


async def test_a_daemon_that_is_well(addispatch, running):
    running.operations.findings = [GOOD]
    done = await addispatch("doctor")
    assert (done.code, done.out) == (0, "ok   disk  12 GiB free\n\nAll is well.\n")


async def test_what_is_wrong_has_its_remedy_below_and_1(addispatch, running):
    running.operations.findings = [GOOD, BAD]
    done = await addispatch("doctor")
    assert (done.code, done.out.splitlines()) == (1, [
        "ok   disk                   12 GiB free",
        "!!   smtp mail.example.com  login refused: 535",
        "                            -> see the password",
        "",
        "1 of 2 needs something done.",
    ])  # fmt: skip
    as_json = await addispatch("doctor", "--json")
    assert (as_json.code, as_json.doc["findings"]) == (1, [GOOD, BAD])


async def test_without_a_daemon_it_looks_by_itself(alone, tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text('[node]\ndata_dir = "data"\n[http]\nlisten = ""\n[plugin.log]\n')
    done = await alone("doctor", "--config", config, "--json")
    found = {one["subject"]: one for one in done.doc["findings"]}
    assert (done.code, done.doc["running"]) == (1, False)
    assert found["daemon"]["detail"].startswith("does not run")
    assert "there is nobody" in found["recipients"]["problem"]
    assert not found["plugin log"]["problem"]
    assert not (tmp_path / "data").exists()


async def test_without_a_configuration_it_says_so(alone, tmp_path):
    done = await alone("doctor", "--data-dir", tmp_path, "--config", tmp_path / "none.toml", "--json")
    assert done.code == 1
    assert [one["subject"] for one in done.doc["findings"] if one["problem"]] == ["configuration"]


async def test_a_node_elsewhere_is_not_looked_for_here(alone):
    done = await alone("doctor", "--server", "http://127.0.0.1:1")
    assert (done.code, done.out) == (1, "")
    assert "no answer from http://127.0.0.1:1" in done.err


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_the_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(text, "is_terminal", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((columns, 24)))
    long = {"subject": "broker " + "x" * 25, "detail": "", "problem": "word " * 40, "advice": "do this " * 20}
    doctor.show({"findings": [GOOD, long]})
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > columns and "xxx" not in line] == []
    assert " ".join(" ".join(lines).split()).count("word") == 40


def test_texts_from_outside_cannot_steer_the_terminal(capsys):
    evil = "x\x1b[2J\u202e\ny"
    doctor.show({"findings": [dict.fromkeys(GOOD, evil)]})
    assert not set(capsys.readouterr().out) & set("\x1b\u202e")
