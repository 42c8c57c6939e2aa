"""What every channel must do. Channel authors subclass ``ChannelContract`` in a test module and give the fixtures.

.. code-block:: python

    class TestSms(ChannelContract):
        @pytest.fixture
        async def instance(self, context): ...      # the started plugin; stop it afterwards
        @pytest.fixture
        def good_delivery(self): ...                # a function: each call returns one that will be delivered

Needs pytest with pytest-asyncio in auto mode.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addispatch.domain.receipt import InDoubt, Permanent, Sent, Temporary
from addispatch.sdk.protocols import Channel, Health
from addispatch.sdk.testing.context import RecordingContext

if TYPE_CHECKING:
    from addispatch.domain.message import Delivery

RECEIPTS = (Sent, Temporary, Permanent, InDoubt)
#: ``health`` and ``window`` are asked for each round of dispatch: they may not take longer than this.
QUICK_S = 0.005


class ChannelContract:
    """The suite. ``instance``'s first channel is tested; override ``channel`` for another.

    The test that stops the instance comes last, so that one that takes long to start may have the scope of the class.
    """

    @pytest.fixture
    async def context(self, tmp_path: Path) -> AsyncIterator[RecordingContext]:
        """The host's side; its tasks end after the test."""
        async with RecordingContext(tmp_path) as context:
            yield context

    @pytest.fixture
    def instance(self) -> Any:
        """Override: a started plugin that can deliver."""
        raise NotImplementedError("override the fixture instance: a started plugin that can deliver")

    @pytest.fixture
    def channel(self, instance: Any) -> Channel:
        """Return the channel under test."""
        channel: Channel = instance.channels[0]
        return channel

    @pytest.fixture
    def good_delivery(self) -> Callable[[], Delivery]:
        """Override: a function that returns a new delivery the channel can deliver."""
        raise NotImplementedError("override the fixture good_delivery: a function returning a delivery")

    @pytest.fixture
    def bad_delivery(self) -> Delivery:
        """Override if there is such a thing: a delivery that can never succeed."""
        pytest.skip("this channel knows no bad deliveries")

    async def test_is_a_channel(self, channel: Channel) -> None:
        """The protocol's members are there."""
        assert isinstance(channel, Channel)

    async def test_name_is_a_word(self, channel: Channel) -> None:
        """Names stand in configuration and topics."""
        assert channel.name.isidentifier()
        assert channel.name == channel.name.lower()

    async def test_window_is_a_count(self, channel: Channel) -> None:
        """A running channel has a window; never a negative one."""
        assert isinstance(channel.window, int)
        assert channel.window >= 0

    async def test_deadline_is_positive(self, channel: Channel) -> None:
        """The core abandons a send after it."""
        assert channel.deadline_s > 0

    async def test_health_is_quick(self, channel: Channel) -> None:
        """Asked often, by the loop."""
        costs_s = []
        for _ in range(5):
            began_s = time.perf_counter()
            health, _window = channel.health, channel.window
            costs_s.append(time.perf_counter() - began_s)
            assert isinstance(health, Health)
            assert "\n" not in health.reason
        assert min(costs_s) < QUICK_S

    async def test_down_comes_with_a_reason(self, channel: Channel) -> None:
        """Nobody can mend what does not say what is wrong."""
        assert channel.health.up or channel.health.reason

    async def test_a_good_delivery_is_sent_with_a_reference(
        self, channel: Channel, good_delivery: Callable[[], Delivery]
    ) -> None:
        """The reference matches a later delivery report."""
        receipt = await asyncio.wait_for(channel.send(good_delivery()), channel.deadline_s)
        assert isinstance(receipt, Sent), receipt
        assert isinstance(receipt.reference, str)
        assert receipt.parts >= 1

    async def test_a_bad_delivery_is_permanent(self, channel: Channel, bad_delivery: Delivery) -> None:
        """No retry helps, and the reason says so; the channel goes on."""
        receipt = await asyncio.wait_for(channel.send(bad_delivery), channel.deadline_s)
        assert isinstance(receipt, Permanent), receipt
        assert receipt.reason
        assert "\n" not in receipt.reason

    async def test_after_a_bad_delivery_a_good_one_is_sent(
        self, channel: Channel, bad_delivery: Delivery, good_delivery: Callable[[], Delivery]
    ) -> None:
        """One wrong address must not spoil the next delivery."""
        await channel.send(bad_delivery)
        assert isinstance(await channel.send(good_delivery()), Sent)

    async def test_a_full_window_works(self, channel: Channel, good_delivery: Callable[[], Delivery]) -> None:
        """The core has up to ``window`` sends under way at once."""
        await channel.send(good_delivery())
        assert channel.window > 0
        receipts = await asyncio.gather(*(channel.send(good_delivery()) for _ in range(channel.window)))
        assert all(isinstance(receipt, Sent) for receipt in receipts), receipts

    async def test_strange_texts_never_raise(self, channel: Channel, good_delivery: Callable[[], Delivery]) -> None:
        """Texts come from machines: empty, long, with signs of control and scripts of all kinds."""
        for text in ("", "\0\x1b[2J\r\n.\r\nQUIT\r\n", "高温 🔥 ﷽", "a" * 4000):
            receipt = await channel.send(good_delivery()._replace(text=text, subject=text))
            assert isinstance(receipt, RECEIPTS)

    async def test_after_stop_send_is_temporary(
        self, instance: Any, channel: Channel, good_delivery: Callable[[], Delivery]
    ) -> None:
        """What comes too late is surely not handed over; stopping twice is fine."""
        await instance.stop()
        await instance.stop()
        assert isinstance(await channel.send(good_delivery()), Temporary)
