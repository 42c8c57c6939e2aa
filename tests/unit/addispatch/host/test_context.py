import asyncio
import stat

import pytest

from addispatch.domain.alarm import Alarm
from addispatch.domain.errors import PluginError
from addispatch.host import PluginContext
from addispatch.sdk.context import Context, Severity

ALARM = Alarm(text="Tank 3 high", source="test")


@pytest.fixture
def failures():
    return []


@pytest.fixture
async def context(core, tmp_path, failures):
    context = PluginContext("siren", core, tmp_path / "a" / "siren", lambda *failure: failures.append(failure))
    yield context
    await context.close()


async def test_it_is_the_context_of_the_sdk(context):
    typed: Context = context
    assert (typed.name, typed.node, typed.cluster, typed.default_region) == ("siren", "node-a", "default", "SG")
    assert typed.log.name == "addispatch.plugin.siren"
    missing = [name for name in dir(Context) if not name.startswith("_") and not hasattr(context, name)]
    assert missing == []


async def test_the_data_folder_is_private_even_if_it_was_not(context, core, tmp_path):
    assert stat.S_IMODE(context.data_dir.stat().st_mode) == 0o700
    context.data_dir.chmod(0o755)
    PluginContext("siren", core, context.data_dir, lambda *_: None)
    assert stat.S_IMODE(context.data_dir.stat().st_mode) == 0o700


async def test_calls_reach_the_core(context, core):
    assert (await context.accept(ALARM)).alarm_id == "a1"
    assert core.alarms == [ALARM]
    assert context.recall("mark") == b"mark"
    context.window_changed()
    assert core.changed_count == 1
    context.event("hello", severity=Severity.WARNING, kind="k", extra=1)
    assert core.events == [(Severity.WARNING, "k", "hello", {"plugin": "siren", "extra": 1})]


async def test_after_close_nothing_is_taken(context, core):
    await context.close()
    for call in (
        lambda: context.accept(ALARM),
        lambda: context.settle({}),
        lambda: context.received(None),
        lambda: context.reported(None),
    ):
        with pytest.raises(PluginError, match="plugin siren was stopped"):
            await call()
    with pytest.raises(PluginError):
        context.supervise("x", lambda: asyncio.sleep(1))
    with pytest.raises(PluginError):
        context.subscribe(print)
    assert core.alarms == []


async def test_close_ends_tasks_and_subscriptions(context, core):
    ended = asyncio.Event()
    running = asyncio.Event()

    async def work():
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    context.supervise("work", work)
    context.subscribe(print)
    await running.wait()
    await context.close()
    assert ended.is_set()
    assert core.handlers == []


async def test_a_handler_that_raises_is_reported_and_stays(context, core, failures):
    seen = []

    def handler(event):
        seen.append(event)
        raise KeyError("x")

    context.subscribe(handler)
    core.handlers[0]({"id": 1})
    core.handlers[0]({"id": 2})
    assert len(seen) == 2
    assert [(what, type(error), pause) for what, error, pause in failures] == [
        ("handler of events", KeyError, None)
    ] * 2


async def test_a_subscription_can_be_ended(context, core):
    end = context.subscribe(print)
    end()
    end()
    assert core.handlers == []


@pytest.mark.parametrize("error", [OSError("x"), SystemExit(3), asyncio.CancelledError()])
async def test_whatever_ends_a_supervised_task_is_seen_and_it_is_started_again(context, failures, monkeypatch, error):
    monkeypatch.setattr("addispatch.runtime.tasks.FIRST_PAUSE_S", 0.01)
    again = asyncio.Event()
    count = 0

    async def work():
        nonlocal count
        count += 1
        if count == 1:
            raise error
        again.set()
        await asyncio.sleep(60)

    context.supervise("work", work)
    await asyncio.wait_for(again.wait(), 2)
    assert [what for what, _, _ in failures] == ["siren.work"]
