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
        document = json.loads(scan("--scan", "--json", "--port", port).stdout)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"addispatch SIM900, IMEI {modem.imei}" in shown.stdout
    assert f'[[plugin.modem.modem]]\nname = "sim1"\nport = "{port}"\n' in shown.stdout
    one = next(one for one in document["ports"] if one["port"] == str(port))
    assert (one["state"], one["sim"], one["imei"]) == ("modem", "ready", modem.imei)
    assert f'port = "{port}"' in document["proposal"]


def test_a_port_that_is_not_there_is_said(scan):
    shown = scan("--scan", "--port", "/dev/no-such-port")
    assert shown.returncode == 0
    assert "the port cannot be used: No such file or directory" in shown.stdout
    assert "No modem found." in shown.stdout
