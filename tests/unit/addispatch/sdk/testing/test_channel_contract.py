"""ChannelContract: each promise, broken on purpose, is noticed."""

from __future__ import annotations

import time

import pytest

from addispatch.sdk import Health, Permanent, Sent, Temporary
from addispatch.sdk.testing import make_delivery
from addispatch.sdk.testing.channel_contract import ChannelContract


class Good:
    name = "pager"
    window = 2
    health = Health(up=True)
    deadline_s = 1.0
    stopped = False

    async def send(self, delivery):
        if self.stopped:
            return Temporary("stopped")
        return Permanent("no such pager") if delivery.address == "bad" else Sent(reference="1")

    async def stop(self):
        self.stopped = True


class Instance(Good):
    """A plugin and its only channel in one."""

    @property
    def channels(self):
        return (self,)


def good():
    return make_delivery("pager", "good")


suite = ChannelContract()
TESTS = {
    "channel": suite.test_is_a_channel,
    "name": suite.test_name_is_a_word,
    "window": suite.test_window_is_a_count,
    "deadline": suite.test_deadline_is_positive,
    "quick": suite.test_health_is_quick,
    "reason": suite.test_down_comes_with_a_reason,
    "good": lambda c: suite.test_a_good_delivery_is_sent_with_a_reference(c, good),
    "bad": lambda c: suite.test_a_bad_delivery_is_permanent(c, make_delivery("pager", "bad")),
    "goes on": lambda c: suite.test_after_a_bad_delivery_a_good_one_is_sent(c, make_delivery("pager", "bad"), good),
    "full": lambda c: suite.test_a_full_window_works(c, good),
    "strange": lambda c: suite.test_strange_texts_never_raise(c, good),
    "stop": lambda c: suite.test_after_stop_send_is_temporary(c, c, good),
}


@pytest.mark.parametrize("name", TESTS)
async def test_a_good_channel_passes(name):
    await TESTS[name](Instance())


async def returns_bool(_self, _delivery):
    return True


async def sends_all(_self, _delivery):
    return Sent(reference="1")


async def no_reference(_self, _delivery):
    return Sent(reference=None)


async def raises_on_controls(_self, delivery):
    return Sent(reference=delivery.text.encode("ascii").decode())


class Once(Instance):
    sent = 0

    async def send(self, delivery):
        self.sent += 1
        return Sent() if self.sent < 3 else Temporary("busy")


class Slow(Instance):
    @property
    def health(self):
        time.sleep(0.01)
        return Health(up=True)


def broken(**attributes):
    return type("Broken", (Instance,), attributes)


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("channel", broken(health=property(lambda _self: (_ for _ in ()).throw(AttributeError())))),
        ("name", broken(name="my pager")),
        ("window", broken(window=-1)),
        ("deadline", broken(deadline_s=0)),
        ("quick", Slow),
        ("reason", broken(health=Health(up=False))),
        ("good", broken(send=returns_bool)),
        ("good", broken(send=no_reference)),
        ("bad", broken(send=sends_all)),
        ("full", Once),
        ("full", broken(window=0)),
        ("strange", broken(send=raises_on_controls)),
        ("stop", broken(send=sends_all)),
    ],
)
async def test_a_broken_channel_fails(name, channel):
    with pytest.raises((AssertionError, UnicodeError)):
        await TESTS[name](channel())
