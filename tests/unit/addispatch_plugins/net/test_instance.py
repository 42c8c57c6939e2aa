"""The plugin as the host runs it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from addispatch.sdk import ConfigError, Probe
from addispatch_plugins.net import plugin
from addispatch_plugins.net.echo import NOT_ALLOWED, PingFailed
from addispatch_plugins.net.keys import PingKeys


@pytest.fixture
async def instance(context):
    made = plugin.create(plugin.config(), context)
    await made.self_check()
    await made.start()
    yield made
    await made.stop()


async def test_it_has_the_probes_it_names(instance):
    assert [probe.name for probe in instance.probes] == list(plugin.probes)
    assert all(isinstance(probe, Probe) for probe in instance.probes)


async def test_a_file_of_authorities_that_cannot_be_read(context, tmp_path):
    with pytest.raises(ValidationError, match="ca_file"):  # as addispatch check says it
        plugin.config(ca_file=tmp_path / "none.pem")
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(ConfigError, match="ca_file") as error:
        await plugin.create(plugin.config(ca_file=tmp_path / "no.pem"), context).self_check()
    assert error.value.problem.startswith("cannot be used: ")


async def test_the_doctor_says_whether_it_may_ping(instance, monkeypatch):
    def refused():
        raise PingFailed(NOT_ALLOWED)

    monkeypatch.setattr(instance._ping, "try_socket", refused)
    (finding,) = await instance.examine()
    assert (finding.problem, finding.detail) == ("", f"no monitor pings, and none could: {NOT_ALLOWED}")
    instance._ping.prepare([PingKeys(host="127.0.0.1")])
    (finding,) = await instance.examine()
    assert (finding.subject, finding.problem) == ("ping", NOT_ALLOWED)
    assert "net.ipv4.ping_group_range = 0 2147483647" in finding.advice
    monkeypatch.setattr(instance._ping, "try_socket", lambda: None)
    (finding,) = await instance.examine()
    assert (finding.detail, finding.problem) == ("allowed", "")


async def test_the_end_leaves_nothing_behind(context):
    made = plugin.create(plugin.config(), context)
    await made.start()
    await made._matcher.search("a", b"a")
    await made.stop()
    assert made._matcher.pid is None
