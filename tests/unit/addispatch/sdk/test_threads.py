"""in_thread: what the work returns or raises comes back; the loop goes on; what hangs is seen to hang."""

import asyncio
import gc
import threading

import pytest

from addispatch.sdk import in_thread


async def test_results_and_errors_come_back():
    assert await in_thread(lambda: 7, "seven") == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0, "nothing")
    with pytest.raises(SystemExit):
        await in_thread(lambda: exit(1), "the end")


async def test_it_runs_in_a_thread_of_its_own_while_the_loop_goes_on():
    go = threading.Event()
    asyncio.get_running_loop().call_later(0.02, go.set)
    done = in_thread(lambda: (go.wait(5), threading.current_thread().name), "of its own")
    assert [one.daemon for one in threading.enumerate() if one.name == "of its own"] == [True]
    assert await done == (True, "of its own")


async def test_who_gives_up_still_sees_whether_it_hangs():
    released = threading.Event()
    done = in_thread(lambda: released.wait(10), "slow")
    await asyncio.wait([done], timeout=0.01)
    assert not done.done()
    released.set()
    assert await done


async def test_nobody_need_wait():
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: complaints.append(what["message"]))
    done = in_thread(lambda: 1 / 0, "alone")
    in_thread(threading.Event().is_set, "cancelled").cancel()
    await asyncio.wait([done])
    del done
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


def test_a_loop_that_is_closed_is_no_trouble(monkeypatch):
    complaints, released = [], threading.Event()
    monkeypatch.setattr(threading, "excepthook", complaints.append)

    async def leave():
        in_thread(lambda: released.wait(10), "left")

    asyncio.run(leave())
    released.set()
    for thread in threading.enumerate():
        if thread.name == "left":
            thread.join()
    assert complaints == []
