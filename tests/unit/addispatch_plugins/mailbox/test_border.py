"""Border: results and errors come back, lateness has an end, threads do not pile up."""

import asyncio
import threading

import pytest

from addispatch_plugins.mailbox import border
from addispatch_plugins.mailbox.border import MAX_LEFT_BEHIND, Border
from addispatch_plugins.mailbox.session import MailboxTrouble


def nothing():
    pass


async def test_results_and_errors_come_back():
    assert await Border().call(lambda: 7, deadline_s=5, abort=nothing) == 7
    with pytest.raises(ZeroDivisionError):
        await Border().call(lambda: 1 / 0, deadline_s=5, abort=nothing)
    with pytest.raises(SystemExit):
        await Border().call(lambda: exit(1), deadline_s=5, abort=nothing)


async def test_it_runs_in_another_thread_while_the_loop_goes_on():
    go = threading.Event()
    asyncio.get_running_loop().call_later(0.05, go.set)
    assert await Border().call(lambda: go.wait(5), deadline_s=5, abort=nothing)


async def test_what_is_late_is_aborted():
    released = threading.Event()
    chosen = Border()
    with pytest.raises(MailboxTrouble, match=r"not done within 0\.1 s"):
        await chosen.call(lambda: released.wait(10), deadline_s=0.1, abort=released.set)
    assert chosen.left_behind_count == 0


async def test_what_cannot_be_aborted_is_left_behind_but_not_without_end(monkeypatch):
    monkeypatch.setattr(border, "ABORT_WAIT_S", 0.05)
    released = threading.Event()
    chosen = Border()
    for _ in range(MAX_LEFT_BEHIND):
        with pytest.raises(MailboxTrouble, match="not done"):
            await chosen.call(lambda: released.wait(10), deadline_s=0.05, abort=nothing)
    assert chosen.left_behind_count == MAX_LEFT_BEHIND
    with pytest.raises(MailboxTrouble, match="2 connections hang and do not end"):
        await chosen.call(lambda: 7, deadline_s=5, abort=nothing)
    released.set()
    for thread in threading.enumerate():
        if thread.name == "mailbox":
            thread.join()
    await asyncio.sleep(0)  # the loop hears of it
    assert await chosen.call(lambda: 7, deadline_s=5, abort=nothing) == 7


async def test_a_cancelled_call_aborts_too():
    began, released = threading.Event(), threading.Event()

    def work():
        began.set()
        released.wait(10)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await Border().call(work, deadline_s=5, abort=released.set)
    assert began.is_set()
    assert released.is_set()
