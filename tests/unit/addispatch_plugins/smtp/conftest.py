"""A mail sink, and the plugin in front of it."""

from __future__ import annotations

import ssl
import subprocess

import pytest
from instances import starting

from addispatch.sdk.testing import RecordingContext
from addispatch.simulator.mailsink import MailSink
from addispatch_plugins.smtp import plugin
from addispatch_plugins.smtp.config import SmtpConfig


@pytest.fixture
async def sink():
    async with MailSink() as sink:
        yield sink


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="smtp") as context:
        yield context


@pytest.fixture
def table():
    """Return a function: the configuration table of a sink."""

    def table(sink, **changes):
        return {"host": "127.0.0.1", "port": sink.port, "security": "none", "sender": "plant@example.com", **changes}

    return table


@pytest.fixture
async def start(context):
    """Return a function: a started plugin for the tables ``primary`` and ``secondary``."""
    async with starting(lambda **servers: plugin.create(SmtpConfig.model_validate(servers), context)) as start:
        yield start


@pytest.fixture
def certificate(tmp_path):
    """Return the files of a self-made certificate for 127.0.0.1 and its key."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
