import asyncio
import contextlib

import pytest

from addispatch.runtime import tasks
from addispatch.runtime.tasks import Supervisor, bounded, together


async def test_bounded_returns_what_the_work_returns():
    assert await bounded(asyncio.sleep(0, "done"), give_up_s=1) == "done"


async def test_bounded_passes_on_what_the_work_raises():
    async def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        await bounded(fail(), give_up_s=1)


async def test_bounded_warns_once_and_then_gives_up():
    warned, cancelled = [], []

    async def hang():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    with pytest.raises(TimeoutError, match=r"took longer than 0\.05 s"):
        await bounded(hang(), give_up_s=0.05, warn_s=0.01, on_slow=lambda: warned.append(1))
    assert (warned, cancelled) == ([1], [1])


async def test_bounded_does_not_warn_about_quick_work():
    warned = []
    await bounded(asyncio.sleep(0), give_up_s=1, warn_s=0.01, on_slow=lambda: warned.append(1))
    await asyncio.sleep(0.02)
    assert warned == []


async def test_bounded_leaves_work_behind_that_ignores_its_cancellation(monkeypatch, caplog):
    monkeypatch.setattr(tasks, "GRACE_S", 0.02)
    release = asyncio.Event()

    async def stubborn():
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    with pytest.raises(TimeoutError):
        await bounded(stubborn(), give_up_s=0.01)
    assert "left behind" in caplog.text
    assert len(tasks._abandoned) == 1
    release.set()
    await asyncio.gather(*tasks._abandoned)
    assert not tasks._abandoned


async def test_cancelling_who_waits_cancels_the_work():
    began, ended = asyncio.Event(), asyncio.Event()

    async def work():
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    supervisor = Supervisor()

    async def wait():
        await bounded(work(), give_up_s=60)

    supervisor.run("waits", wait)
    await began.wait()
    await supervisor.stop()
    assert ended.is_set()


async def test_stop_ends_a_task_that_loses_its_first_cancellation() -> None:
    supervisor, started = Supervisor(), asyncio.Event()

    async def deaf_once() -> None:
        started.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    supervisor.run("deaf", deaf_once)
    await started.wait()
    await asyncio.wait_for(supervisor.stop(), 5)


async def test_together_ends_the_others_when_one_fails_and_raises_its_error() -> None:
    ended = asyncio.Event()

    async def good() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def bad() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await together(good(), bad())
    assert ended.is_set()


async def test_some_tasks_end_and_the_others_run_on():
    ended, supervisor = [], Supervisor()

    async def work(name):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await work("c")

    for name in "ab":
        supervisor.run(name, lambda name=name: work(name))
    supervisor.run("c", stubborn)
    await asyncio.sleep(0)
    await supervisor.end(["a", "c", "nobody"])
    assert sorted(ended) == ["a", "c"]
    assert [supervisor.runs(name) for name in "abc"] == [False, True, False]
    await supervisor.stop()
    assert sorted(ended) == ["a", "b", "c"]
