"""Peers on the loopback, and certificates by openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest
from peers import Peer

from addispatch.sdk.testing import RecordingContext


@pytest.fixture
async def peer():
    made = []

    async def start(manners, tls=None):
        made.append(Peer())
        await made[-1].start(manners, tls)
        return made[-1]

    yield start
    for one in made:
        await one.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """``certificate(days)``: a certificate for 127.0.0.1 that nobody else signed, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder, made = tmp_path_factory.mktemp("tls"), {}

    def make(days=30, name="127.0.0.1"):
        if (days, name) not in made:
            pem, key = folder / f"{name}-{days}.pem", folder / f"{name}-{days}.key"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{name}",
                 "-keyout", key, "-out", pem],
                check=True, capture_output=True,
            )  # fmt: skip
            made[days, name] = (pem, key)
        return made[days, name]

    return make


@pytest.fixture
def served_with(certificate):
    """``served_with(days)``: TLS settings of a server with such a certificate."""

    def make(*args):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(*args))
        return context

    return make


@pytest.fixture
async def context(tmp_path):
    async with RecordingContext(tmp_path, name="net") as context:
        yield context
