"""The contestants: how each is installed and configured for the same job. Used by ``pipeline``.

The job: subscribe to ``plant/+/+/alarm`` with QoS 1, take the JSON apart, make a text of it, hand it to one target (a file
or a mail server). mqttwarn keeps its queue in memory and needs no route, address book, case or event for that; addispatch
does all of it and commits it to disk.
"""

from __future__ import annotations

import compileall
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks.broker import free_port

if TYPE_CHECKING:
    from benchmarks.sink import Outlet


class Definition(Protocol):
    """How to get a contestant running."""

    name: str

    def install(self, cache: Path) -> None:
        """Prepare what all runs share."""

    def command(self, folder: Path, broker_port: int, outlet: Outlet) -> list[str]:
        """Write the configuration into ``folder`` and return the command that runs with it."""


class Mqttwarn:
    """mqttwarn 0.36.1 from PyPI with its recommended settings, quiet log, persistent session."""

    name = "mqttwarn"
    packages = ("mqttwarn==0.36.1", "paho-mqtt<2")

    def install(self, cache: Path) -> None:
        self.program = cache / "mqttwarn" / "bin" / "mqttwarn"
        if self.program.exists():
            return
        python = self.program.with_name("python")
        if shutil.which("uv"):
            subprocess.run(["uv", "venv", "-q", "--allow-existing", str(cache / "mqttwarn")], check=True)
            subprocess.run(["uv", "pip", "install", "-q", "-p", str(python), *self.packages], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", str(cache / "mqttwarn")], check=True)
            subprocess.run([str(python), "-m", "pip", "-qq", "install", *self.packages], check=True)

    def command(self, folder: Path, broker_port: int, outlet: Outlet) -> list[str]:
        service = "smtp" if outlet.smtp_port else "file"
        config = folder / "mqttwarn.ini"
        config.write_text(f"""\
[defaults]
hostname = '127.0.0.1'
port = {broker_port}
clientid = 'mqttwarn'
cleansession = False
protocol = 4
loglevel = WARNING
launch = {service}
num_workers = {outlet.connections}

[config:file]
append_newline = True
targets = {{ 'out': ['{outlet.path}'] }}

[config:smtp]
server = '127.0.0.1:{outlet.smtp_port}'
sender = 'plant@example.com'
targets = {{ 'out': ['operator@example.com'] }}

[plant/+/+/alarm]
qos = 1
targets = {service}:out
format = #{{n}}@{{t}}; {{message}}
""")
        return [str(self.program), "--config-file", str(config)]


class Addispatch:
    """addispatch as it is: captures, template, route by group, case, delivery, events, commit before PUBACK."""

    name = "addispatch"

    def install(self, cache: Path) -> None:  # noqa: ARG002 - it runs from this environment
        self.program = Path(sys.executable).with_name("addispatch")
        # As pip does with what it installs; else each start compiles it where PYTHONDONTWRITEBYTECODE is set.
        for folder in ("addispatch", "plugins"):
            compileall.compile_dir(Path(__file__).parent.parent / folder, quiet=1)

    def command(self, folder: Path, broker_port: int, outlet: Outlet) -> list[str]:
        config = folder / "addispatch.toml"
        if config.exists():  # a second start on the same data
            return [str(self.program), "run", "--config", str(config)]
        if outlet.smtp_port:
            target, recipient = self._smtp(outlet), 'email = ["operator@example.com"]'
        else:
            target, recipient = f'[plugin.log]\npath = "{outlet.path}"\n', 'channels = ["log"]'
        config.write_text(f"""\
[node]
name = "bench"
data_dir = "{folder / "data"}"

[http]
listen = "127.0.0.1:{free_port()}"

[plugin.mqtt]
url = "mqtt://127.0.0.1:{broker_port}"

[[plugin.mqtt.subscribe]]
topic = "plant/{{site}}/{{line}}/alarm"
text = "#{{{{ payload.n }}}}@{{{{ payload.t }}}}; {{{{ site }}}}: {{{{ payload.message }}}}"
to = ["operators"]

{target}""")
        (folder / "directory.toml").write_text(f"""\
[[recipient]]
name = "Operator"
{recipient}

[[group]]
name = "operators"
members = ["Operator"]
""")
        return [str(self.program), "run", "--config", str(config)]

    def _smtp(self, outlet: Outlet) -> str:
        return f"""\
[plugin.smtp.primary]
host = "127.0.0.1"
port = {outlet.smtp_port}
security = "none"
sender = "plant@example.com"
connections = {outlet.connections}
"""
