"""``addispatch modems --scan`` as a user types it, without a daemon or configuration."""

import json
import subprocess
import sys

import pytest

from addispatch.simulator import simulator_thread


@pytest.fixture
def scan(tmp_path):
    def _run(*words):
        command = [sys.executable, "-m", "addispatch", "modems", *map(str, words)]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=60)

    return _run


def test_a_modem_is_found_and_its_table_proposed(scan, tmp_path):
    port = tmp_path / "tty"
    with simulator_thread() as simulator:
        modem = simulator.modem("+6590000001", link=port)
        shown = scan("--scan", "--port", port)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"addispatch SIM900, IMEI {modem.imei}" in shown.stdout
    assert f'[[plugin.modem.modem]]\nname = "sim1"\nport = "{port}"\n' in shown.stdout


def test_as_one_document(scan):
    document = json.loads(scan("--scan", "--json", "--port", "/dev/no-such-port").stdout)
    one = next(one for one in document["ports"] if one["port"] == "/dev/no-such-port")
    assert (one["state"], one["problem"]) == ("unusable", "the port cannot be used: No such file or directory")
    assert "no-such-port" not in document["proposal"]


@pytest.mark.parametrize(
    ("options", "error"),
    [(("--port", "/dev/x"), "goes with --scan"), (("--scan", "--server", "http://x:1"), "goes without --server")],
)
def test_options_in_the_wrong_place(scan, options, error):
    shown = scan(*options)
    assert shown.returncode == 2
    assert error in " ".join(shown.stderr.split())
