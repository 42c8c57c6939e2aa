"""Looking up names: the machine's own resolver, and one that hangs."""

import asyncio
import socket
import threading

import pytest

from addispatch_plugins.net import names as module
from addispatch_plugins.net.names import Address, NameFailed, Names, explain


async def test_addresses_are_taken_as_they_are():
    names = Names()
    assert await names.addresses("10.0.0.1") == (Address(socket.AF_INET, "10.0.0.1"),)
    (found,) = await names.addresses("FE80::1%1")
    assert found == Address(socket.AF_INET6, "fe80::1", 1)
    assert (found.at(80), Address(socket.AF_INET, "10.0.0.1").at(80)) == (("fe80::1", 80, 0, 1), ("10.0.0.1", 80))


async def test_a_name_is_found():
    assert "127.0.0.1" in [address.ip for address in await Names().addresses("localhost")]


async def test_a_name_that_is_not_known():
    with pytest.raises(NameFailed, match=r"^the name no-such-host\.invalid (is not known|cannot be looked up)"):
        await Names().addresses("no-such-host.invalid")
    assert explain("plc", socket.EAI_NONAME) == "the name plc is not known"
    assert explain("plc", socket.EAI_AGAIN) == "the name plc cannot be looked up: no name server answers"


async def test_what_is_no_name_at_all():
    with pytest.raises(NameFailed, match="cannot be looked up: it is no name"):
        await Names().addresses("a" * 70 + ".b")


@pytest.fixture
def slow(monkeypatch):
    """A resolver that hangs until it is let go; ``slow.asked`` are the names."""

    class Slow:
        asked, go = [], threading.Event()

        def __call__(self, name):
            self.asked.append(name)
            self.go.wait(5)
            return (Address(socket.AF_INET, "10.0.0.9"),), ""

    made = Slow()
    made.asked, made.go = [], threading.Event()
    monkeypatch.setattr(module, "_look_up", made)
    yield made
    made.go.set()


async def test_a_name_is_asked_for_once_at_a_time_and_remembered(slow):
    names = Names()
    both = asyncio.gather(names.addresses("plc"), names.addresses("PLC"))
    await asyncio.sleep(0.01)
    slow.go.set()
    assert len(set(await both)) == 1
    await names.addresses("plc")
    assert slow.asked == ["plc"]


async def test_it_is_asked_for_again_after_a_minute(slow, monkeypatch):
    monkeypatch.setattr(module, "KEPT_S", -1)
    slow.go.set()
    names = Names()
    await names.addresses("plc")
    await names.addresses("plc")
    assert slow.asked == ["plc", "plc"]


async def test_a_resolver_that_hangs_holds_up_no_more_threads_than_there_may_be(slow, monkeypatch):
    monkeypatch.setattr(module, "MAX_LOOKUPS", 2)
    names = Names()
    for number in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await names.addresses(f"plc{number}")
    assert names._asked.keys() == {"plc0", "plc1"}
    slow.go.set()
    assert await names.addresses("plc4") == (Address(socket.AF_INET, "10.0.0.9"),)
    for thread in threading.enumerate():
        if thread.name.startswith("name plc"):
            thread.join(5)
            assert not thread.is_alive()
    assert sorted(slow.asked) == ["plc0", "plc1", "plc4"]
