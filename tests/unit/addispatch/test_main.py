from __future__ import annotations

import subprocess
import sys


def test_the_package_can_be_run():
    done = subprocess.run([sys.executable, "-m", "addispatch", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("addispatch 0.")
