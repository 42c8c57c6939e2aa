"""A dovecot with a mailbox, and the plugin in front of it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from dovecot import Dovecot, need_dovecot
from instances import starting

from addispatch.sdk.testing import RecordingContext
from addispatch_plugins.mailbox import plugin
from addispatch_plugins.mailbox.config import MailboxConfig


@pytest.fixture
def folder():
    """Not ``tmp_path``: another user must reach it, and a socket's name must be short."""
    path = Path(tempfile.mkdtemp(prefix="dovecot-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(folder):
    with Dovecot(folder) as running:
        yield running


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="mailbox") as context:
        yield context


@pytest.fixture
def table(server):
    """Return a function: the configuration table for the server."""

    def table(kind="pop3", **changes):
        return {
            "kind": kind, "host": "127.0.0.1", "port": server.ports[kind], "security": "none", "user": server.user,
            "password": server.password, "poll_s": 1, "timeout_s": 5, **changes,
        }  # fmt: skip

    return table


@pytest.fixture
def config(table):
    """Return a function: the checked configuration."""
    return lambda kind="pop3", **changes: MailboxConfig.model_validate(table(kind, **changes))


@pytest.fixture
async def start(context, table):
    """Return a function: a started plugin."""

    def make(kind="pop3", **changes):
        return plugin.create(MailboxConfig.model_validate(table(kind, **changes)), context)

    async with starting(make) as start:
        yield start


@pytest.fixture
def until():
    """Return a function: wait until something that tells nobody is so."""

    async def until(condition, timeout_s=15):
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)

    return until


@pytest.fixture
def certificate(tmp_path):
    """Return the files of a self-made certificate for 127.0.0.1 and its key."""
    need_dovecot()
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
