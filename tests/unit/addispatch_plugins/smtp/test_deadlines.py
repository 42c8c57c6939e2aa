"""Deadlines: each mail has its own time, with one timer for all."""

from __future__ import annotations

import asyncio

from addispatch_plugins.smtp.deadlines import Deadlines
from addispatch_plugins.smtp.errand import Errand


def errand(after_s):
    deadline_at = asyncio.get_running_loop().time() + after_s
    return Errand(b"a@example.com", b"b@example.com", b"text\r\n", deadline_at)


async def time_is_up(mail):
    await asyncio.wait([mail.done], timeout=5)
    assert isinstance(mail.done.exception(), TimeoutError)


async def test_each_ends_in_its_time():
    deadlines = Deadlines()
    mails = [errand(after_s) for after_s in (0.01, 0.03, 60)]
    for mail in mails:
        deadlines.add(mail)
    for mail in mails[:2]:
        await time_is_up(mail)
        assert asyncio.get_running_loop().time() >= mail.deadline_at - 0.001
    assert not mails[2].is_over


async def test_what_is_removed_is_left_alone():
    deadlines = Deadlines()
    first, second = errand(0.01), errand(0.02)
    for mail in (first, second):
        deadlines.add(mail)
    deadlines.remove(first)
    deadlines.remove(first)
    assert deadlines.count == 1
    await time_is_up(second)
    assert not first.is_over


async def test_one_that_comes_after_all_were_removed_is_watched():
    deadlines = Deadlines()
    first = errand(0.01)
    deadlines.add(first)
    deadlines.remove(first)
    for _ in range(2):  # the second when the timer is over that the first one left behind
        late = errand(0.02)
        deadlines.add(late)
        await time_is_up(late)
