"""``addispatch plugin new``: what it writes builds, is found once installed, and passes its own tests."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from addispatch.host.scaffold import write_scaffold

PLUGIN = [sys.executable, "-m", "addispatch", "plugin"]


@pytest.fixture(scope="module", params=["channel", "source"])
def package(request, tmp_path_factory, build_wheel, install_wheel):
    """Kind, source folder and site folder of a scaffolded plugin ``my_bell``."""
    folder = tmp_path_factory.mktemp(request.param)
    source = write_scaffold("my_bell", request.param, folder)
    site = install_wheel(build_wheel(source), folder / "site")
    return request.param, source, site


def environment(site):
    return {**os.environ, "PYTHONPATH": str(site), "PYTHONUNBUFFERED": "1"}


def addispatch(site, *words, cwd):
    command = [*PLUGIN, *map(str, words)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, env=environment(site), timeout=60
    )


def test_its_own_tests_are_green(package):
    _, source, site = package
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=source, env=environment(site), timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.fixture(scope="module")
def known_types(tmp_path_factory):
    """What mypy found out of the sdk: the same for both kinds."""
    return tmp_path_factory.mktemp("mypy")


def test_it_is_clean(package, known_types):
    _, source, _ = package
    for command in (
        ["ruff", "check", "--isolated", "--line-length=120"],
        ["mypy", "--strict", f"--cache-dir={known_types}"],
    ):
        target = next(source.glob("addispatch_*"))
        done = subprocess.run(
            [sys.executable, "-m", *command, target], check=False, capture_output=True, text=True, cwd=source
        )
        assert done.returncode == 0, done.stdout


def test_it_is_listed_once_installed(package, tmp_path):
    _, _, site = package
    done = addispatch(site, "list", "--json", cwd=tmp_path)
    rows = {row["name"]: row for row in json.loads(done.stdout)["plugins"]}
    assert (rows["my_bell"]["status"], rows["my_bell"]["origin"]) == ("disabled", "addispatch-my-bell")


def test_it_can_be_tried_alone(package, tmp_path):
    kind, _, site = package
    config = tmp_path / "addispatch.toml"
    if kind == "channel":
        config.write_text(f'[plugin.my_bell]\nfile = "{tmp_path}/sent"')
        done = addispatch(site, "try", "my_bell", "--to", "Adam", "--text", "Tank 3 high", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("sent, reference ")
        assert json.loads((tmp_path / "sent").read_text()) == {"to": "Adam", "text": "Tank 3 high"}
        return
    config.write_text("[plugin.my_bell]\nport = 0")
    with subprocess.Popen(
        [*PLUGIN, "try", "my_bell"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment(site),
    ) as running:  # fmt: skip
        first = running.stdout.readline()
        port = int(first.split("port ")[1].split(".")[0])
        assert "neither stored nor confirmed" in running.stdout.readline()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"Tank 3 high\n")
            assert running.stdout.readline() == "alarm raised (medium): Tank 3 high\n"
            running.send_signal(signal.SIGINT)
            client.settimeout(10)
            assert client.recv(100) in (b"again\n", b"")
        assert running.wait(10) == 0
