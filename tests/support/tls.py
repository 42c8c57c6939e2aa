"""Certificates of one's own and a mosquitto that asks for them: for what goes over TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

from addispatch.runtime.mqtt import Tls
from addispatch.sdk.testing.mosquitto import Mosquitto


class Certificates:
    """A CA, a server certificate for 127.0.0.1 and a client certificate, by openssl, as files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._openssl(*new, "-x509", "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
        (folder / "san").write_text("subjectAltName=IP:127.0.0.1")
        for name in ("server", "client"):
            self._openssl(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            self._openssl(
                "x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", "san", "-out", f"{name}.pem",
            )  # fmt: skip

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    @property
    def client(self) -> Tls:
        """What a client shows, and whom it believes."""
        return Tls(
            ca_file=self.folder / "ca.pem",
            cert_file=self.folder / "client.pem",
            key_file=self.folder / "client.key",
        )

    def broker(self, folder: Path) -> Mosquitto:
        """A mosquitto that talks to nobody without a certificate; not started."""
        files = (("cafile", "ca.pem"), ("certfile", "server.pem"), ("keyfile", "server.key"))
        return Mosquitto(folder, *(f"{key} {self.folder / name}" for key, name in files), "require_certificate true")
