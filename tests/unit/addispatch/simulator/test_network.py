"""The network: numbers, waiting, delay."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.simulator import Network, SimulatedModem
from addispatch.simulator.network import MAX_WAITING


def test_numbers_as_people_write_them() -> None:
    network = Network()
    assert {network.number(written) for written in ("+6591234567", "91234567", "006591234567")} == {"+6591234567"}
    assert (network.number("1777"), network.number("Singtel")) == ("1777", "Singtel")
    assert network.phone("91234567") is network.phone("+6591234567")


async def test_a_modems_number_is_no_phone() -> None:
    network = Network()
    modem = SimulatedModem(network, "+6590000001")
    await modem.start()
    with pytest.raises(ValueError, match="modem"):
        network.phone("90000001")
    await modem.stop()
    assert network.phone("90000001").number == "+6590000001"


async def test_delay() -> None:
    network = Network(delay_s=0.1)
    phone = network.phone("+6591234567")
    began_s = asyncio.get_running_loop().time()
    network.write("+6590000001", phone.number, "slow")
    await phone.expect("slow")
    assert asyncio.get_running_loop().time() - began_s >= 0.1


async def test_what_waits_is_bounded_and_in_order() -> None:
    network = Network()
    phone = network.phone("+6591234567")
    phone.switch_off()
    for number in range(MAX_WAITING + 5):
        network.write("+6590000001", phone.number, f"sms {number}.")
    await asyncio.sleep(0.05)
    assert network.waiting_count(phone.number) == MAX_WAITING
    phone.switch_on()
    await phone.expect(f"sms {MAX_WAITING + 4}.")
    assert phone.received[0].text == "sms 5."


async def test_a_call_is_set_up_and_given_up_after_a_while() -> None:
    network = Network(call_setup_s=0.05, ring_limit_s=0.1)
    phone, caller = network.phone("+6591234567"), "+6590000001"
    network.call(caller, phone.number)
    network.hang_up(caller, phone.number)
    await asyncio.sleep(0.1)
    assert phone.calls == [], "hung up before it was put through"
    network.call(caller, phone.number)
    call = await phone.expect_call()
    await phone.expect_end(call, timeout_s=2)
    assert network._calls == {}
