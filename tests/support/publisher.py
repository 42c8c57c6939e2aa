"""A PLC that publishes at QoS 1 and knows what the broker confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

import paho.mqtt.client as paho


class Publisher:
    """``async with Publisher(port)``: publishes from the loop; a thread of paho's own does the rest."""

    def __init__(self, port: int) -> None:
        self._published: list[tuple[str, paho.MQTTMessageInfo]] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="plc", clean_session=False)
        self._client.max_inflight_messages_set(1000)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, topic: str, payload: str | bytes) -> None:
        self._published.append((str(payload), self._client.publish(topic, payload, qos=1)))

    async def steadily(self, per_second: float, publish_one: Callable[[int], None]) -> None:
        """Call ``publish_one`` with 0, 1, 2 … at this rate until cancelled."""
        loop = asyncio.get_running_loop()
        began_s, number = loop.time(), 0
        while True:
            publish_one(number)
            number += 1
            await asyncio.sleep(max(0.0, began_s + number / per_second - loop.time()))

    async def all_confirmed(self, timeout_s: float = 10) -> None:
        """Wait until the broker has confirmed everything."""

        def wait() -> None:
            for _payload, info in self._published:
                info.wait_for_publish(timeout_s)

        await asyncio.to_thread(wait)
        assert len(self.accepted) == len(self._published)

    @property
    def accepted(self) -> list[str]:
        """The payloads whose PUBACK is here, in order."""
        return [payload for payload, info in self._published if info.is_published()]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
