"""Whatever comes in, the daemon stays up, says what is wrong, and the next alarm gets through."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from daemon import PATIENCE_S, Daemon
from serial_noise import noisy_port

from addispatch.sdk.testing.mosquitto import Mosquitto

pytestmark = [pytest.mark.debian, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CONFIG = """
[plugin.log]
[plugin.mqtt]
url = "{url}"
[[plugin.mqtt.subscribe]]
topic = "plant/{{line}}/alarm"
[[plugin.mqtt.subscribe]]
topic = "number/{{line}}"
payload = "number"
text = "{{{{ line }}}} is at {{{{ value }}}}"
[[plugin.mqtt.subscribe]]
topic = "endless/{{line}}"
text = "{loops}{{{{ line }}}}{ends}"
"""
DIRECTORY = """
[[recipient]]
name = "Logbook"
channels = ["log"]
[[group]]
name = "default"
members = ["Logbook"]
"""
DEEP = 6
ENDLESS = {
    "loops": "".join(f"{{% for a{n} in topic %}}" for n in range(DEEP)),
    "ends": "{% endfor %}" * DEEP,
}


@dataclass
class Site:
    """One daemon for all tests of this file: what one test does to it must not harm the next."""

    daemon: Daemon
    broker: Mosquitto
    numbers: itertools.count = field(default_factory=itertools.count)

    def texts(self) -> list[str]:
        lines = (self.daemon.data / "plugins" / "log" / "deliveries.log").read_text().splitlines()
        return [json.loads(line)["text"] for line in lines]

    async def newest_event(self) -> int:
        return (await self.daemon.get("/events", limit=1))["events"][0]["id"]

    async def still_works(self) -> None:
        text = f"still here {next(self.numbers)}"
        await self.broker.publish("plant/a/alarm", text)
        await self.daemon.event(f"mqtt: {text} -> default (1 to send)")
        await self.daemon.idle()
        assert self.texts()[-1] == text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    async with Mosquitto(folder) as broker:
        await broker.publish("plant/a/alarm", "the first", "--retain")
        async with Daemon(folder, CONFIG.format(url=broker.url, **ENDLESS), DIRECTORY) as daemon:
            await daemon.event("the first -> default")
            yield Site(daemon, broker)


DEEP_JSON = b"[" * 10_000 + b"]" * 10_000


@pytest.mark.parametrize(
    ("topic", "payload", "told", "text"),
    [
        ("plant/b/alarm", b"boiler \xff\xfe hot", "mqtt: boiler \ufffd\ufffd hot", "boiler \ufffd\ufffd hot"),
        ("plant/b/alarm", b"x" * 10_000_000, "payload of 10000000 bytes refused, at most 262144 are taken", None),
        ("plant/c/alarm", DEEP_JSON, "no good JSON", "[[[[[["),
        ("plant/d/alarm", b'{"text": "hot", "value": NaN}', "no good JSON", '{"text": "hot", "value": NaN}'),
        ("number/e", b"NaN", "the payload is no number", "NaN"),
        ("plant/f/alarm", b"", "empty payload: nothing raised", None),
        ("plant/g/alarm", b'{"text": "", "priority": "high"}', "text: is empty", '{"text": ""'),
        (
            "addispatch/default/alarm/raise",
            json.dumps({"text": "told", "to": ["Logbook"] * 60}).encode(),
            "names 60 audiences",
            "told",
        ),
        ("plant/h/alarm", b'{"text": "hot", "priority": "HUGE"}', "'HUGE' is none of critical, high", "hot"),
        ("plant/i/alarm", b'{"text": "\\ud800"}', "no good JSON", '{"text"'),
        ("endless/j", b"hot", "text: ", "hot"),
        ("addispatch/default/send/Nobody", b"who hears me", "nobody is called 'Nobody'", "who hears me"),
        ("addispatch/default/send/0065123", b"and me", "nobody is called '0065123'", "and me"),
        ("addispatch/default/alarm/clear", b"{}", "key: is missing", None),
    ],
    ids=lambda value: value.decode(errors="replace")[:12] if isinstance(value, bytes) else None,
)
async def test_a_message(site, topic, payload, told, text):
    after, before = await site.newest_event(), len(site.texts())
    await site.broker.publish(topic, payload)
    event = await site.daemon.event(told, after=after)
    assert len(event["text"]) < 700
    await site.still_works()
    said = site.texts()[before:-1]
    if text is None:
        assert said == []
    else:
        assert [line[: len(text)] for line in said] == [text]


@pytest.mark.parametrize(
    ("document", "field_name"),
    [
        ({"text": "x", "priority": "urgent"}, "priority"),
        ({"text": "x", "prioritty": "high"}, "prioritty"),
        ({"text": "x", "ts": "tomorrow"}, "ts"),
        ({"text": "x", "ttl_s": -1}, "ttl_s"),
        ({"text": "x", "to": 7}, "to"),
        ({"text": ""}, "text"),
        ({}, "text"),
    ],
)
async def test_a_request(site, document, field_name):
    answer = await site.daemon.post("/alarms", document)
    assert answer.status_code == 422
    assert answer.json()["field"] == field_name
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", DEEP_JSON, b'{"text": NaN}', b"x" * 1_000_000])
async def test_a_body_that_is_no_document(site, body):
    async with site.daemon.client() as client:
        answer = await client.post("/api/v1/alarms", content=body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]
    await site.still_works()


async def test_an_entry_of_the_directory(site):
    for table, entry, field_name in (
        ("recipient", {"name": "Eve", "sms": "12ab"}, "sms"),
        ("recipient", {"name": "Eve", "sms": "+65"}, "sms"),
        ("group", {"name": "Ops", "members": ["Nobody"]}, "members"),
        ("template", {"name": "bad", "text": "{{ oops"}, "text"),
        ("route", {"name": "bad", "to": ["Nobody"]}, "to"),
    ):
        answer = await site.daemon.post(f"/directory/{table}", entry)
        assert answer.status_code == 422, (entry, answer.text)
        assert field_name in answer.json()["field"], answer.text
    await site.still_works()


async def test_a_template_that_runs_for_ever_gives_the_raw_text(site):
    put = await site.daemon.post("/directory/template", {"name": "endless", "text": "x".join(ENDLESS.values())})
    assert put.status_code == 200, put.text
    entry = {"name": "slow", "match": {"topic": "plant/slow/alarm"}, "to": ["Logbook"], "template": "endless"}
    assert (await site.daemon.post("/directory/route", entry)).status_code == 200
    after = await site.newest_event()
    async with asyncio.timeout(20):
        await site.broker.publish("plant/slow/alarm", "the raw text")
        await site.daemon.event("Template endless failed, sending the raw text.", after=after)
        await site.daemon.idle()
    assert site.texts()[-1] == "the raw text"
    await site.still_works()


# -- configurations: a daemon each ---------------------------------------------------------------------------------


async def program(*arguments: str | Path) -> tuple[int, list[str]]:
    """Run ``addispatch`` and return its exit code and all it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "addispatch", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode is not None
    assert b"Traceback" not in out, out.decode()
    return process.returncode, out.decode().splitlines()


async def test_five_mistakes_are_five_lines(tmp_path):
    config = tmp_path / "addispatch.toml"
    config.write_text("""
[node]
timezone = "Mars"
nmae = "a"
[http]
listen = "everywhere"
[dispatch]
max_attempts = 0
[plugin.mqtt]
url = "htp://x"
""")
    code, lines = await program("check", "--config", config)
    assert code == 78
    assert sorted(line.split(":")[0] for line in lines) == [
        "dispatch.max_attempts", "http.listen", "node.nmae", "node.timezone", "plugin.mqtt.url",
    ]  # fmt: skip
    assert "did you mean" in next(line for line in lines if "nmae" in line)
    code, lines = await program("run", "--config", config)
    assert code == 78
    assert len(lines) >= 4, lines  # those of the core: a bad plugin alone does not stop a daemon


async def test_a_template_that_does_not_compile(tmp_path):
    bad = 'url = "mqtt://127.0.0.1:1"\n[[plugin.mqtt.subscribe]]\ntopic = "a"\ntext = "{{ oops"'
    async with Daemon(tmp_path, f"[plugin.log]\n[plugin.mqtt]\n{bad}", DIRECTORY) as daemon:
        code, lines = await program("check", "--config", daemon.config)
        assert (code, len(lines)) == (78, 1), lines
        assert lines[0].startswith("plugin.mqtt.subscribe[0].text: ")
        assert (await daemon.event("Plugin mqtt is off"))["severity"] == "severe"
        assert "plugin mqtt is off" in (await daemon.status())["state"]
        assert (await daemon.post("/alarms", {"text": "hot"})).status_code == 202
        await daemon.idle()
        assert "hot" in (daemon.data / "plugins" / "log" / "deliveries.log").read_text()


async def test_ports_that_are_no_modems(tmp_path):
    with noisy_port() as port:
        tables = "".join(
            f'[[plugin.modem.modem]]\nname = "{name}"\nport = "{path}"\n'
            for name, path in (("noise", port), ("null", "/dev/null"), ("gone", "/dev/ttyNONE"))
        )
        async with Daemon(tmp_path, f"[plugin.log]\n{tables}", DIRECTORY) as daemon:
            for name, words in (("noise", "is broken: "), ("null", "is broken: "), ("gone", "is absent: there is no")):
                await daemon.event(f"Modem {name} {words}")
            assert (await daemon.event("No working modem found."))["severity"] == "severe"
            modems = (await daemon.get("/modems"))["modems"]
            assert all(modem["error"] for modem in modems if modem["state"] != "probing"), modems
            assert {modem["name"]: modem["port"] for modem in modems}["noise"] == port
            # Not while one of them is looked at again.
            await daemon.until(lambda status: status["state"].startswith("Warning: No working modem found."))
            assert (await daemon.post("/alarms", {"text": "hot"})).status_code == 202
            assert (await daemon.post("/alarms", {"text": "cold", "to": "+6591234567"})).status_code == 202
            await daemon.until(lambda status: status["queue"] == {"queued": 1, "sending": 0, "in_doubt": 0})


async def test_a_broker_that_comes_later(tmp_path):
    broker = Mosquitto(tmp_path)
    try:
        async with Daemon(tmp_path, CONFIG.format(url=broker.url, **ENDLESS), DIRECTORY) as daemon:
            await daemon.event("cannot be used: ")
            assert "mqtt" in {plugin["name"] for plugin in (await daemon.status())["plugins"]}
            assert (await daemon.post("/alarms", {"text": "meanwhile"})).status_code == 202
            await broker.start()
            await broker.publish("plant/a/alarm", "now", "--retain")
            await daemon.event("Connected to MQTT broker")
            await daemon.event("mqtt: now -> default")
            await daemon.idle()
    finally:
        await broker.stop()


async def test_a_second_daemon_on_the_same_data(site):
    code, lines = await program("run", "--config", site.daemon.config)
    assert code
    assert "another addispatch is running" in lines[-1]
    await site.still_works()


async def test_a_data_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "data").write_text("a file is in the way")
    daemon = Daemon(tmp_path, "")
    code, lines = await program("run", "--config", daemon.config)
    assert code == 1
    assert "the data directory" in lines[-1]
    assert len(lines) == 1
