"""The mqtt plugin against a real mosquitto, with mosquitto_pub as the foreign client."""

import asyncio
import hashlib
import json

import pytest

from addispatch.domain.alarm import AlarmState, Priority
from addispatch.sdk.testing import Intake, RecordingContext
from addispatch.sdk.testing.mosquitto import Mosquitto
from addispatch_plugins.mqtt import plugin, waiting

pytestmark = [pytest.mark.debian, pytest.mark.usefixtures("quick_link")]

PREFIX = "addispatch/default"


async def up(context, timeout_s=10):
    await context.wait_for_event("Connected to MQTT broker", timeout_s=timeout_s)


# -- what an alarm becomes -----------------------------------------------------------------------------------------------


async def test_any_topic_with_captures_and_templates(start, broker, context):
    await start({
        "topic": "plant/{site}/{line}/alarm", "text": "{{ site }}, line {{ line }}: {{ payload.message }}",
        "key": "{{ topic }}", "priority": "{{ payload.severity }}", "state": "{{ payload.active }}",
        "source": "plc-{{ site }}", "to": ["{{ site }}-team", "Boss"], "ttl_s": 60, "ack_required": True,
    })  # fmt: skip
    document = {"message": "hot", "severity": "HIGH", "active": True, "n": 1}
    await broker.publish("plant/north/3/alarm", json.dumps(document))
    alarm = await context.wait_for_alarm()
    assert alarm.text == "north, line 3: hot"
    assert alarm.key == "plant/north/3/alarm"
    assert (alarm.priority, alarm.state) == (Priority.HIGH, AlarmState.RAISED)
    assert alarm.source == "plc-north"
    assert alarm.to == ("north-team", "Boss")
    assert (alarm.ttl_s, alarm.ack_required, alarm.topic) == (60, True, "plant/north/3/alarm")
    assert alarm.data == {**document, "site": "north", "line": "3"}
    assert alarm.path == broker.url.removeprefix("mqtt://")

    await broker.publish("plant/north/3/alarm", json.dumps({**document, "active": False}))
    assert (await context.wait_for_alarm()).state is AlarmState.CLEARED


async def test_text_and_numbers(start, broker, context):
    await start(
        {"topic": "tank/{name}/level", "payload": "number", "text": "{{ name }}: {{ value }} %"},
        {"topic": "door/#", "payload": "text", "text": "{{ topic }}: {{ payload }}"},
    )
    await broker.publish("tank/T1/level", " 97.5\n")
    alarm = await context.wait_for_alarm("T1")
    assert alarm.text == "T1: 97.5 %"
    assert alarm.data["value"] == 97.5
    await broker.publish("door/3", '{"open"')
    assert (await context.wait_for_alarm("door")).text == 'door/3: {"open"'


async def test_native_keys_of_a_json_object(start, broker, context):
    await start({"topic": "plc/#"})
    document = {
        "id": "a1", "key": "k", "text": "T", "priority": "critical", "state": "raised", "to": "G", "source": "plc7",
        "ts": "2026-11-23T06:12:00Z", "ttl_s": 5, "ack_required": True, "unit": "C", "data": {"tag": 1},
    }  # fmt: skip
    await broker.publish("plc/7", json.dumps(document))
    alarm = await context.wait_for_alarm()
    assert (alarm.id, alarm.key, alarm.text, alarm.source) == ("a1", "k", "T", "plc7")
    assert (alarm.priority, alarm.ttl_s, alarm.ack_required) == (Priority.CRITICAL, 5.0, True)
    assert alarm.ts.isoformat() == "2026-11-23T06:12:00+00:00"
    assert alarm.data == {"unit": "C", "tag": 1}
    assert alarm.to == ()
    await context.wait_for_event("to: only the subscription may say whom to tell")


async def test_native_topics(start, broker, context):
    await start()
    await broker.publish(f"{PREFIX}/alarm/raise/plc1", "Pump 3 is hot")
    alarm = await context.wait_for_alarm("Pump")
    assert (alarm.source, alarm.state, alarm.key, alarm.to) == ("plc1", AlarmState.RAISED, None, ())
    await broker.publish(f"{PREFIX}/alarm/raise", '{"text": "x1", "key": "k1", "to": ["A", "B"]}')
    alarm = await context.wait_for_alarm("x1")
    assert (alarm.source, alarm.to) == ("mqtt", ("A", "B"))
    await broker.publish(f"{PREFIX}/alarm/clear/plc1", '{"key": "k1"}')
    alarm = await context.alarms.wait_for(lambda a: a.state is AlarmState.CLEARED)
    assert (alarm.source, alarm.key) == ("plc1", "k1")
    await broker.publish(f"{PREFIX}/alarm/clear", "k2")
    alarm = await context.wait_for_alarm("k2")
    assert (alarm.state, alarm.key) == (AlarmState.CLEARED, "k2")
    await broker.publish(f"{PREFIX}/send/CriticalAlarms", "Fire drill at 14:00")
    assert (await context.wait_for_alarm("Fire")).to == ("CriticalAlarms",)
    await broker.publish(f"{PREFIX}/send/G", '{"text": "low", "priority": "low", "to": "Else"}')
    alarm = await context.wait_for_alarm("low")
    assert (alarm.to, alarm.priority) == (("G",), Priority.LOW)


async def test_the_first_subscription_that_matches_decides(start, broker, context):
    await start({"topic": "a/b", "text": "first"}, {"topic": "a/#", "text": "second"})
    await broker.publish("a/b", "x")
    await broker.publish("a/c", "x")
    await context.wait_for_alarm("second")
    assert [alarm.text for alarm in context.alarms] == ["first", "second"]


async def test_what_we_publish_is_never_an_alarm(start, broker, context):
    await start({"topic": "#", "text": "{{ topic }}"}, publish=True)
    await broker.publish(f"{PREFIX}/status", "x")
    await broker.publish(f"{PREFIX}/case/1/state", "x")
    await broker.publish("last", "x")
    await context.wait_for_alarm("last")
    assert [alarm.text for alarm in context.alarms if alarm.text != "probe"] == ["last"]


# -- bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "kind", "text", "event"),
    [
        (b"[" * 10_000 + b"]" * 10_000, "json", "[[[", "no good JSON"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "auto", '{"a":', "no good JSON"),
        (b"[" * 30 + b"]" * 30, "json", "[[[", "deeper than 20"),
        (b'{"value": NaN}', "json", '{"value": NaN}', "no good JSON"),
        (b"not a number", "number", "not a number", "is no number"),
        (b"nan", "number", "nan", "is no number"),
        ("Kessel heiß".encode("latin-1"), "auto", "Kessel hei�", None),
        (b'{"message": 1}', "json", '{"message": 1}', "text: is missing"),
    ],
    ids=["deep json", "deep auto", "30 deep", "NaN", "no number", "nan", "latin-1", "no text"],
)
async def test_bad_payloads_are_told_and_raised_as_they_are(start, broker, context, payload, kind, text, event):
    await start({"topic": "x", "payload": kind})
    await broker.publish("x", payload)
    alarm = await context.wait_for_alarm(text)
    assert len(alarm.text) <= 5000
    await context.confirmations.wait_for()
    if event:
        await context.wait_for_event(event)
    else:
        assert alarm.data["encoding"] == "not UTF-8"
        assert len(context.events) == 1


async def test_a_template_that_fails_lets_the_raw_text_out(start, broker, context):
    await start({"topic": "x", "text": "{{ payload.nothing }}", "key": "{{ topic }}"})
    await broker.publish("x", '{"other": 1}')
    alarm = await context.wait_for_alarm()
    assert alarm.text == '{"other": 1}'
    assert alarm.key == "x"
    await context.wait_for_event("text: 'payload.nothing' is not in the message")


async def test_ten_megabytes_are_refused_and_confirmed(start, broker, context):
    instance = await start({"topic": "x"})
    await broker.publish("x", b"x" * 10_000_000)
    await context.wait_for_event("payload of 10000000 bytes refused")
    await broker.publish("x", "small")
    await context.wait_for_alarm("small")
    assert len(context.alarms) == 1
    await context.confirmations.wait_for()
    assert instance._doors[0].link.held_count == 0


async def test_empty_payloads(start, broker, context):
    await start({"topic": "x"}, {"topic": "bell", "text": "Doorbell"})
    await broker.publish("x", "")
    await context.wait_for_event("x: empty payload")
    await broker.publish("bell", "")
    await context.wait_for_alarm("Doorbell")
    await broker.publish(f"{PREFIX}/alarm/clear", "")
    await context.alarms.wait_for(lambda alarm: alarm.state is AlarmState.CLEARED)


async def test_a_flood_of_bad_messages_is_few_events(start, broker, context):
    await start({"topic": "x", "payload": "number"})
    for _ in range(5):
        await broker.publish("x", "bad")
    for _ in range(5):
        await context.wait_for_alarm("bad")
    assert len([event for event in context.events if "is no number" in event.text]) == 1


# -- durable before confirmed --------------------------------------------------------------------------------------------


async def test_what_is_not_durable_comes_again_on_the_next_connection(start, broker, context, tmp_path):
    context.intake = Intake.HOLD
    instance = await start({"topic": "x"})
    await broker.publish("x", "one")
    first = await context.wait_for_alarm("one")
    await instance.stop()
    assert context.confirmations == []

    async with RecordingContext(tmp_path, name="mqtt") as later:
        await start({"topic": "x"}, context=later)
        again = await later.wait_for_alarm("one")
        assert again.fingerprint == first.fingerprint == hashlib.sha256(b"mqtt\0x\0one").digest()
        await later.confirmations.wait_for(lambda item: item == (again.path, again.fingerprint))
        assert later.links[0] == ("up", again.path)


async def test_a_store_that_recovers_gets_every_alarm_once(start, broker, context):
    context.intake = Intake.FAIL
    await start({"topic": "x"})
    for number in range(10):
        await broker.publish("x", f"n{number}")
    for number in range(10):
        await context.wait_for_alarm(f"n{number}")
    await context.wait_for_event("cannot be stored")
    assert context.confirmations == []
    tried = len(context.alarms)
    context.intake = Intake.ACCEPT
    await context.wait_for_event("can be stored again")
    for _ in range(10):
        await context.confirmations.wait_for()
    assert sorted(alarm.text for alarm in context.alarms[-10:]) == [f"n{number}" for number in range(10)]
    assert tried >= 10


async def test_a_waiting_alarm_that_the_broker_delivers_again_is_one(start, broker, context, monkeypatch):
    monkeypatch.setattr(waiting, "FIRST_PAUSE_S", 60)
    context.intake = Intake.FAIL
    instance = await start({"topic": "x"})
    await broker.publish("x", "one")
    await context.wait_for_alarm("one")
    instance._doors[0].link._wire.abort()
    await up(context)
    context.intake = Intake.ACCEPT
    await broker.publish("x", "two")
    await context.wait_for_alarm("two")
    await context.confirmations.wait_for(lambda item: item[1] == hashlib.sha256(b"mqtt\0x\0one").digest())
    assert [alarm.text for alarm in context.alarms] == ["one", "two", "one"]
    assert instance._doors[0].link.held_count == 0


async def test_slow_storing_bounds_what_is_held_and_loses_nothing(start, broker, context):
    context.intake = Intake.HOLD
    instance = await start({"topic": "x/#"}, held_max_count=50)
    link = instance._doors[0].link
    sender = await start(client_id="sender")
    for number in range(400):
        sender._doors[0].link.publish(f"x/{number}", b"y")
    async with asyncio.timeout(30):
        while len(context.confirmations) < 400:
            assert link.held_count <= 50
            await asyncio.sleep(0.005)
            context.release()
    assert {alarm.topic for alarm in context.alarms} == {f"x/{number}" for number in range(400)}


# -- retained ------------------------------------------------------------------------------------------------------------


async def test_retained_messages_are_taken_when_they_changed(start, broker, context, tmp_path):
    await broker.publish("x", "hot", "--retain")
    instance = await start({"topic": "x"})
    alarm = await context.wait_for_alarm("hot")
    assert alarm.mark.name == "retained:x"
    assert context.marks == {"retained:x": alarm.mark.value}
    await instance.stop()

    async with RecordingContext(tmp_path, name="mqtt") as later:
        later.marks.update(context.marks)
        instance = await start({"topic": "x"}, context=later)
        await broker.publish("x", "cold", "--retain")
        await later.wait_for_alarm("cold")
        await broker.publish("x", "cold", "--retain")  # live, not retained for us: news
        await later.wait_for_alarm("cold")
        await instance.stop()
        assert [alarm.text for alarm in later.alarms] == ["cold", "cold"]

    async with RecordingContext(tmp_path, name="mqtt") as last:
        await broker.publish("x", "gone while away", "--retain")
        last.marks.update(later.marks)
        await start({"topic": "x"}, context=last, client_id="fresh")
        await last.wait_for_alarm("gone while away")


@pytest.mark.parametrize(("mode", "expected"), [("ignore", 0), ("always", 2)])
async def test_retained_ignored_or_always_taken(start, broker, context, mode, expected):
    await broker.publish("x", "hot", "--retain")
    for _ in range(2):
        instance = await start({"topic": "x", "retained": mode})
        await broker.publish("y", "")
        await instance.stop()
    assert len(context.alarms) == expected


async def test_an_empty_retained_payload_is_no_alarm(start, broker, context):
    await start({"topic": "x"})
    await broker.publish("x", "hot", "--retain")
    await context.wait_for_alarm("hot")
    await broker.publish("x", "", "--retain")
    await broker.publish("x", "last")
    await context.wait_for_alarm("last")
    assert len(context.alarms) == 2


# -- brokers -------------------------------------------------------------------------------------------------------------


async def test_a_broker_that_is_down_is_told_once_and_shown(tmp_path, context):
    broker = Mosquitto(tmp_path)
    instance = plugin.create(plugin.config(url=broker.url, publish=False), context)
    await instance.self_check()
    await instance.start()
    await context.wait_for_event("cannot be used: Connection refused. Trying again.")
    assert instance.status_line() == f"127.0.0.1:{broker.port}: Connection refused"
    await asyncio.sleep(0.3)
    assert len(context.events) == 1
    async with broker:
        await up(context)
        assert instance.status_line() == f"connected to 127.0.0.1:{broker.port}"
        await instance.stop()


async def test_a_killed_broker_comes_back_and_the_core_hears_of_it_first(start, broker, context):
    await start({"topic": "x"})
    await broker.kill()
    await context.links.wait_for(lambda item: item[0] == "down")
    await broker.start()
    await up(context)
    await broker.publish("x", "after", "--retain")
    await context.wait_for_alarm("after")
    assert [what for what, _path in context.links] == ["up", "down", "up"]


async def test_two_brokers_have_marks_of_their_own(start, broker, context, tmp_path):
    (tmp_path / "second").mkdir()
    async with Mosquitto(tmp_path / "second") as second:
        instance = await start({"topic": "x"}, url=None, urls=[broker.url, second.url])
        await second.publish("x", "via second")
        alarm = await context.wait_for_alarm("via second")
        assert alarm.path == f"127.0.0.1:{second.port}"
        assert alarm.mark.name == f"retained@{alarm.path}:x"
        await instance.stop()


async def test_certificate_files_that_are_missing_are_a_config_error(context, tmp_path):
    table = {"url": "mqtts://127.0.0.1:1", "ca_file": str(tmp_path / "none.pem")}
    instance = plugin.create(plugin.config(**table), context)
    with pytest.raises(Exception, match="cannot be used: No such file"):
        await instance.self_check()


async def test_a_trial_leaves_the_daemon_alone_and_no_session_behind(start, broker, context, tmp_path):
    table = {"client_id": "plant", "publish": True}
    await start({"topic": "x"}, **table)
    await broker.publish(f"{PREFIX}/case/c1/state", "{}", "--retain")
    (tmp_path / "trial").mkdir()
    async with RecordingContext(tmp_path / "trial", name="mqtt") as trial:
        trial.is_trial, trial.node = True, "node-a-try"
        instance = await start({"topic": "x"}, context=trial, **table)
        assert instance._publisher is None
        await broker.publish("x", "hot")
        await trial.wait_for_alarm("hot")
        await context.wait_for_alarm("hot")
        await instance.stop()
    assert [what for what, _path in context.links] == ["up"], "the daemon was not thrown out"
    assert await broker.wait_for(f"{PREFIX}/case/c1/state") == b"{}"
    await broker.publish("x", "after the trial")
    async with RecordingContext(tmp_path, name="mqtt") as later:
        await start(context=later, client_id="plant-try")
        assert [event.kind for event in later.events] == ["mqtt_broker"], "nothing waited for the trial's client"
