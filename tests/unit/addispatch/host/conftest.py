"""A core that records, and a way to install plugins written in a test: real packages with real entry points."""

import asyncio
import sys
import textwrap

import pytest

from addispatch.config import Config
from addispatch.domain.result import Accepted
from addispatch.sdk.context import Severity
from addispatch.sdk.testing import EmptyOperations, FakeClock
from addispatch.sdk.testing.recording import PATIENCE_S

#: A working channel plugin to be broken by tests: ``class Instance`` can be subclassed or replaced.
GOOD = """
import asyncio, sys
from addispatch.sdk import *

class Config(PluginConfig):
    port: int = 1
    hosts: list[str] = []

class Pipe:
    name = "{channel}"
    window = 1
    deadline_s = 1.0
    health = Health(True)
    async def send(self, delivery):
        return Sent("r1")

class Instance:
    def __init__(self, config, context):
        self.config, self.context, self.channels = config, context, [Pipe()]
        self.calls = getattr(context.clock, "calls", [])
    def status_line(self):
        return "all is well"
    async def self_check(self):
        self.calls.append("{name}.self_check")
    async def start(self):
        self.calls.append("{name}.start")
    async def stop(self):
        self.calls.append("{name}.stop")

{more}

plugin = Plugin(name="{name}", summary="Does {name}", config=Config, create=Instance,
                capabilities=frozenset({{Capability.CHANNEL}}), channels=("{channel}",))
{after}
"""


class FakeCore:
    node, cluster, default_region, timezone = "node-a", "default", "SG", "Asia/Singapore"
    is_trial = False
    on_duty = True

    def __init__(self):
        self.clock = FakeClock()
        self.clock.calls = []
        self.operations = EmptyOperations()
        self.alarms, self.events, self.handlers, self.changed_count = [], [], [], 0
        self.conditions = {}
        self.said = asyncio.Event()

    def _done(self, value=None):
        future = asyncio.get_running_loop().create_future()
        future.set_result(value)
        return future

    def accept(self, alarm):
        self.alarms.append(alarm)
        return self._done(Accepted(alarm_id="a1"))

    def settle(self, marks):
        return self._done()

    received = reported = settle

    def recall(self, name):
        return name.encode()

    def confirmed(self, path, fingerprint):
        pass

    def reconnected(self, path):
        pass

    disconnected = reconnected

    def window_changed(self):
        self.changed_count += 1
        self.said.set()

    def event(self, text, *, severity=Severity.INFO, kind="", **data):
        self.events.append((severity, kind, text, data))
        self.said.set()

    def condition(self, name, problem, *, grace_s=60.0):
        self.conditions[name] = problem

    def subscribe(self, handler):
        self.handlers.append(handler)
        return lambda: self.handlers.remove(handler)

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.said.clear()
                await self.said.wait()

    @property
    def texts(self):
        return [text for _, _, text, _ in self.events]


@pytest.fixture
async def core():
    return FakeCore()


@pytest.fixture
def write_plugin():
    def _write(file, name, *, more="", after="", channel=None):
        source = GOOD.format(
            name=name, channel=channel or name, more=textwrap.dedent(more), after=textwrap.dedent(after)
        )
        file.write_text(source)
        return file

    return _write


@pytest.fixture
def install(tmp_path, monkeypatch, write_plugin):
    """``install("siren", more="…")`` installs a package that provides the plugin, and returns its module's file."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules = []

    def _install(name, *, source=None, package=None, attribute="plugin", **parts):
        package = package or f"testpkg-{name}"
        module = package.replace("-", "_")
        file = site / f"{module}.py"
        modules.append(module)
        file.write_text(source) if source is not None else write_plugin(file, name, **parts)
        info = site / f"{module}-2.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.5\n")
        (info / "entry_points.txt").write_text(f"[addispatch.plugins]\n{name} = {module}:{attribute}\n")
        return file

    yield _install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def make_config(tmp_path):
    def _make(plugins=None, **tables):
        node = {"data_dir": str(tmp_path / "data")}
        return Config.model_validate({"node": node, "plugins": plugins or {}, "plugin": tables})

    return _make
