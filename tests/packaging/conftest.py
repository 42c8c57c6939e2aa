import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build_wheel(tmp_path_factory):
    """``build_wheel(source)`` builds without network and returns the wheel."""

    def _build(source):
        out = tmp_path_factory.mktemp("wheel")
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return next(out.glob("*.whl"))

    return _build


@pytest.fixture(scope="session")
def install_wheel():
    """``install_wheel(wheel, folder)`` unpacks a wheel of pure Python: that is all installing one means."""

    def _install(wheel, folder):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        return folder

    return _install
