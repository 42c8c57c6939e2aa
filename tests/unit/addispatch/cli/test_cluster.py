"""``addispatch cluster``: keepalived.conf from options and configuration, and the question whether the node is ready."""

from __future__ import annotations

import asyncio
import stat
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from addispatch.cli import cluster
from addispatch.cli.cluster import priority_of
from addispatch.cli.program import app
from addispatch.config import Config
from addispatch.domain.errors import ConfigError

ADDRESS = ("--address", "10.0.0.100/24", "--interface", "eth0")


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "addispatch.toml"
    file.write_text(f'[node]\nname = "node-b"\ndata_dir = "{tmp_path}/data"\n')
    return file


def keepalived(config, *arguments):
    """Run the command here: it asks no daemon."""
    words = ["cluster", "keepalived", "--config", config, *arguments]
    return CliRunner().invoke(app, [str(word) for word in words])


def test_keepalived_prints_the_file_of_this_node(config):
    more = ("--peer", "10.0.0.1", "--priority", "140", "--needs", "sms, email", "--router-id", "9", "--user", "alerts")
    done = keepalived(config, *ADDRESS, *more)
    assert (done.exit_code, done.stderr) == (0, "")
    for words in (
        "router_id node-b\n", "priority 140\n", "virtual_router_id 9\n", "script_user alerts\n", "10.0.0.1\n",
        f"--unix-socket {config.parent}/data/addispatch.sock http://localhost/readyz?needs=sms,email",
    ):  # fmt: skip
        assert words in done.stdout


def test_keepalived_writes_a_file_for_root_alone(config, tmp_path):
    password, output = tmp_path / "password", tmp_path / "keepalived.conf"
    password.write_text("s3same\n")
    output.touch(0o644)
    more = ("--priority", "150", "--password-file", password, "-o", output)
    done = keepalived(config, *ADDRESS, *more)
    assert (done.exit_code, done.output) == (0, "")
    assert "auth_pass s3same\n" in output.read_text()
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--address", "plant", "--interface", "eth0", "--priority", "150"), 2, "--address: 'plant' is no address"),
        (ADDRESS, 2, "--priority: the configuration has no [cluster] role to go by (150 for the master, 140 for the"),
        (
            (*ADDRESS, "--priority", "150", "--password-file", "/no/file"),
            2,
            "--password-file: cannot read /no/file: No",
        ),
        (
            (*ADDRESS, "--priority", "150", "-o", "/no/folder/file"),
            1,
            "--output: cannot write /no/folder/file: No such",
        ),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_option(config, arguments, code, words):
    done = keepalived(config, *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith(f"cluster keepalived: {words}")
    assert done.stderr.count("\n") == 1


async def test_a_wrong_configuration_is_told_as_everywhere(alone, tmp_path):
    done = await alone("cluster", "keepalived", "--config", tmp_path / "none.toml", *ADDRESS)
    assert done.code == 78
    assert "none.toml" in done.err


@pytest.mark.parametrize(("role", "priority"), [("master", 150), ("slave", 140)])
def test_the_role_gives_the_priority(role, priority):
    assert priority_of(SimpleNamespace(cluster=SimpleNamespace(role=role))) == priority


@pytest.mark.parametrize("config", [SimpleNamespace(), SimpleNamespace(cluster=None), Config()])
def test_without_a_role_the_priority_must_be_said(config):
    with pytest.raises(ConfigError, match="--priority"):
        priority_of(config)


async def test_check_tells_whether_the_node_is_ready(addispatch, running):
    done = await addispatch("cluster", "check")
    assert (done.code, done.out, done.err) == (0, "ready\n", "")
    lacks = await addispatch("cluster", "check", "--needs", "email,sms")
    assert (lacks.code, lacks.out, running.operations.needs) == (1, "not ready: no modem\n", ("email", "sms"))
    wrong = await addispatch("cluster", "check", "--needs", "s s")
    assert (wrong.code, wrong.err) == (1, "error: needs: write at most 20 channels as sms,email\n")


def test_check_says_that_no_alarms_are_taken(capsys):
    cluster._shown({"ready": True, "refuses": "strict is set\x1b[2J"})
    assert capsys.readouterr().out.startswith("ready, but takes no alarms: strict is set")


async def test_check_needs_no_token_on_another_node(alone, running):
    done = await alone("cluster", "check", "--server", f"http://127.0.0.1:{running.port}")
    assert (done.code, done.out) == (0, "ready\n")


async def test_check_fails_where_no_daemon_is(alone, tmp_path):
    done = await alone("cluster", "check", "--data-dir", tmp_path)
    assert done.code == 1
    assert f"addispatch is not running on {tmp_path}" in done.err


async def test_a_daemon_that_hangs_fails_the_check_in_time(alone, tmp_path):
    async def says_nothing(reader, _writer):
        await reader.read()

    server = await asyncio.start_unix_server(says_nothing, tmp_path / "addispatch.sock")
    async with server, asyncio.timeout(20):
        done = await alone("cluster", "check", "--data-dir", tmp_path, "--timeout", "0.3")
    assert done.code == 1
    assert "in time" in done.err
