"""The commands as a user types them; foreign plugins are tried in tests/packaging/test_scaffold.py."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def addispatch(tmp_path):
    def _run(*words):
        command = [sys.executable, "-m", "addispatch", "plugin", *map(str, words)]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=60)

    return _run


def test_listing_tells_which_plugins_are_on(addispatch, tmp_path):
    (tmp_path / "addispatch.toml").write_text("[plugin.log]\n[plugin.mqqt]\n")
    done = addispatch("list")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert rows["log"].split()[1] == "enabled"
    assert rows["smtp"].split()[1] == "disabled"
    assert 'did you mean "mqtt"?' in rows["mqqt"]
    listed = json.loads(addispatch("list", "--json").stdout)["plugins"]
    assert [row["name"] for row in listed][:2] == ["log", "mqqt"]


def test_a_configuration_that_is_wrong_is_78_and_no_traceback(addispatch, tmp_path):
    (tmp_path / "addispatch.toml").write_text("[nod]\n[lgo]\n")
    done = addispatch("list")
    assert done.returncode == 78
    assert len(done.stderr.splitlines()) == 2
    assert 'nod: is no option here (did you mean "node"?)' in done.stderr


def test_one_text_by_one_plugin(addispatch, tmp_path):
    (tmp_path / "addispatch.toml").write_text(f'[plugin.log]\npath = "{tmp_path}/out.log"\n')
    done = addispatch("try", "log", "--to", "Adam", "--text", "Tank 3 high")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "sent\n"
    assert json.loads((tmp_path / "out.log").read_text())["text"] == "Tank 3 high"


def test_what_cannot_be_tried_is_one_line(addispatch):
    wrong_name, no_to = addispatch("try", "lgo", "--to", "Adam"), addispatch("try", "log")
    assert (wrong_name.returncode, len(wrong_name.stderr.splitlines())) == (78, 1)
    assert 'did you mean "log"?' in wrong_name.stderr
    assert (no_to.returncode, no_to.stderr) == (2, "--to: is missing: this plugin only sends (write --to WHOM)\n")


def test_a_new_plugin_says_what_to_do_next(addispatch, tmp_path):
    done = addispatch("new", "bell", "--kind", "source", "--dir", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"cd {tmp_path}/addispatch-bell" in done.stdout
    again = addispatch("new", "bell", "--dir", tmp_path)
    assert again.returncode == 2
    assert "is there already" in again.stderr
