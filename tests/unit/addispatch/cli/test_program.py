from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from addispatch.cli.program import app

HEAVY = {"fastapi", "sqlalchemy", "uvicorn", "paho", "structlog", "pydantic", "rich", "gammu", "tinydb"}
SOME = ("run", "demo", "check", "status", "send", "directory", "cluster", "backup")


@pytest.mark.parametrize("arguments", ["--help", "status", "send --to Adam hello", "directory export"])
def test_nothing_heavy_is_imported(arguments, tmp_path):
    """The CLI must answer at once: lab, 115 ms against 475 with everything imported."""
    script = (
        "import sys; from addispatch.cli import main\n"
        f"sys.argv = ['addispatch', *{arguments.split()!r}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"ADDISPATCH_DATA_DIR": str(tmp_path)},
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "typer" in loaded
    assert loaded & HEAVY == set()


async def test_every_command_has_help(alone):
    listed = (await alone("--help")).out
    commands = get_command(app).list_commands(None)
    assert set(SOME) <= set(commands)
    for command in commands:
        assert f"  {command} " in listed
        done = CliRunner().invoke(app, [command, "--help"], prog_name="addispatch")
        assert done.exit_code == 0, done.output
        assert f"Usage: addispatch {command}" in done.output
    # Of this one alone the others' modules are not imported.
    assert "Usage: addispatch run" in (await alone("run", "--help")).out


async def test_wrong_usage_is_2(alone):
    for arguments in (["nonsense"], ["cases", "--limit", "0"], ["send", "hello"], ["cases", "--nope"]):
        done = await alone(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "Traceback" not in done.err


async def test_a_daemon_that_is_down_is_one_line(alone, tmp_path):
    done = await alone("status", "--data-dir", tmp_path)
    assert done.code == 1
    assert done.err == (
        f"error: addispatch is not running on {tmp_path}: start it with 'addispatch run', "
        "or name its folder with --data-dir\n"
    )


async def test_a_reader_that_leaves_is_no_error(running):
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m addispatch events --follow --data-dir {running.unix_path.parent} | head -n 1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert b"something happened" in await process.stdout.readline()
    running.operations.add_event("one more")
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert b"Traceback" not in err
