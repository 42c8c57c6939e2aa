from __future__ import annotations

import subprocess
import sys

import pytest


async def test_errors_are_lines_and_exit_codes(alone, tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text("[node]\nnmae = 'a'\n[nod]\n")
    done = await alone("run", "--config", config)
    assert done.code == 78
    assert done.err.count("error:") == 2
    assert "Traceback" not in done.err
    refused = await alone("status", ADDISPATCH_DATA_DIR=str(tmp_path))
    assert refused.code == 1
    assert refused.err.startswith("error:")


async def test_run_has_its_help_and_names_its_program(alone):
    done = await alone("run", "--help")
    assert (done.code, "Usage: addispatch run" in done.out) == (0, True)
    assert (await alone("run", "--nope")).code == 2


@pytest.mark.parametrize("module", ["addispatch.cli.program", "addispatch.cli.client", "addispatch.cli.sim"])
def test_run_goes_without_the_other_commands(module, tmp_path):
    script = (
        "import sys; from addispatch.cli import main\n"
        f"sys.argv = ['addispatch', 'run', '--config', {str(tmp_path / 'none.toml')!r}]\n"
        "main(); print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "addispatch.cli.daemon" in loaded
    assert module not in loaded
