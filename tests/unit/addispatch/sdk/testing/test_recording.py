"""Recording: a list one can wait on."""

import asyncio

import pytest

from addispatch.sdk.testing import Recording


async def test_takes_items_out_of_order_by_match():
    numbers = Recording("number")
    for number in (1, 2, 3):
        numbers.add(number)
    assert await numbers.wait_for(lambda n: n > 2) == 3
    assert await numbers.wait_for() == 1
    assert await numbers.wait_for() == 2
    assert numbers == [1, 2, 3]


async def test_two_waits_need_two_items():
    numbers = Recording("number")
    waits = asyncio.gather(numbers.wait_for(), numbers.wait_for())
    await asyncio.sleep(0)
    numbers.add(1)
    await asyncio.sleep(0)
    assert not waits.done()
    numbers.add(2)
    assert sorted(await waits) == [1, 2]


async def test_a_time_out_says_what_was_there():
    numbers = Recording("number")
    numbers.add(7)
    with pytest.raises(TimeoutError, match=r"no such number within 0.01 s; seen: 7"):
        await numbers.wait_for(lambda n: n == 8, timeout_s=0.01)
