"""How long a reading may take."""

from __future__ import annotations

import asyncio

import pytest

from addispatch_plugins.modbus.deadline import Deadline


async def test_a_share_is_of_the_time_that_is_left():
    now_s = asyncio.get_running_loop().time()
    deadline = Deadline.within(4)
    assert deadline.at_s == pytest.approx(now_s + 4, abs=0.1)
    assert deadline.share(0.5).at_s == pytest.approx(now_s + 2, abs=0.1)
    assert Deadline(now_s + 1, 4).share(0.5).at_s == pytest.approx(now_s + 0.5, abs=0.1)


def test_is_named_by_the_time_out_it_came_from():
    assert [str(Deadline(0, timeout_s)) for timeout_s in (5.0, 0.2, 120.0)] == ["5 s", "0.2 s", "120 s"]


async def test_a_share_names_the_whole_too():
    assert str(Deadline(0, 2.0).share(0.5).share(0.25)) == "0.25 s (its share of 2 s)"
