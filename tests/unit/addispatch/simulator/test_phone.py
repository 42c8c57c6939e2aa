"""Phones: long texts put together, expectations, replies."""

from __future__ import annotations

import asyncio

import pytest

from addispatch.simulator import Network
from addispatch.simulator.pdu import Submit
from addispatch.simulator.pdu_body import bodies
from addispatch.simulator.phone import MAX_INCOMPLETE


async def test_two_phones_talk() -> None:
    network = Network()
    shown = []
    network.on_delivered = lambda phone, message: shown.append((phone.name, message.text))
    adam, jane = network.phone("91234567", name="Adam"), network.phone("+6598765432", name="Jane")
    await adam.send("98765432", "lunch?", flash=True)
    assert (await jane.expect("lunch")).flash
    await jane.reply("yes")
    assert (await adam.expect("yes")).sender == "+6598765432"
    assert shown == [("Jane", "lunch?"), ("Adam", "yes")]


async def test_parts_in_any_order_become_one_text() -> None:
    network = Network()
    phone = network.phone("+6591234567")
    text = "".join(chr(65 + n % 26) for n in range(400))
    for body in reversed(bodies(text, 7)):
        network.submit("+6590000001", Submit("+6591234567", body))
    message = await phone.expect("ABC")
    assert (message.text, message.parts) == (text, 3)


async def test_each_message_is_expected_once() -> None:
    network = Network()
    phone = network.phone("+6591234567")
    for text in ("alarm one", "alarm two"):
        network.write("+6590000001", phone.number, text)
    assert [(await phone.expect("alarm")).text for _ in range(2)] == ["alarm one", "alarm two"]
    with pytest.raises(AssertionError, match=r"'alarm' within 0\.05 s; received: nothing"):
        await phone.expect("alarm", timeout_s=0.05)


async def test_failure_names_what_came_instead() -> None:
    network = Network()
    phone = network.phone("+6591234567", "Adam")
    network.write("+6590000001", phone.number, "pump is off")
    with pytest.raises(AssertionError, match=r"Adam.*no SMS with 'fire'.*received: 'pump is off'"):
        await phone.expect("fire", timeout_s=0.05)
    with pytest.raises(AssertionError, match="no call"):
        await phone.expect_call(timeout_s=0.05)


async def test_nobody_to_reply_to() -> None:
    with pytest.raises(AssertionError, match="nobody wrote"):
        await Network().phone("+6591234567").reply("hm")


async def test_incomplete_messages_are_bounded() -> None:
    network = Network(delay_s=0)
    phone = network.phone("+6591234567")
    for reference in range(200):
        network.submit("+6590000001", Submit(phone.number, bodies("x" * 200, reference)[0]))
    network.write("+6590000001", phone.number, "done")
    await phone.expect("done")
    assert len(phone._incomplete) == MAX_INCOMPLETE


async def test_calls_are_recorded() -> None:
    network = Network()
    phone, caller = network.phone("+6591234567"), "+6590000001"
    rung = []
    network.on_ringing = lambda phone, call: rung.append((phone.number, call.caller))
    network.call(caller, phone.number)
    first = await phone.expect_call()
    assert first.duration_s is None
    with pytest.raises(AssertionError, match=r"from \+6590000001 is not over within 0\.05 s"):
        await phone.expect_end(first, timeout_s=0.05)
    network.hang_up(caller, phone.number)
    await phone.expect_end(first)
    assert first.duration_s is not None
    assert 0.05 <= first.duration_s < 5
    network.call(caller, phone.number)
    second = await phone.expect_call()
    assert (phone.calls, rung) == ([first, second], [(phone.number, caller)] * 2)


async def test_what_its_owner_does_when_it_rings() -> None:
    network = Network()
    phone, caller = network.phone("+6591234567"), "+6590000001"
    phone.when_called("answer", after_s=0.02)
    network.call(caller, phone.number)
    call = await phone.expect_call()
    assert phone.ring("+6590000002") == "BUSY"
    while call.answered_at is None:
        await asyncio.sleep(0.005)
    assert call.ended_at is None
    await phone.hang_up()
    assert call.ended_at is not None
    phone.when_called("decline")
    network.call(caller, phone.number)
    call = await phone.expect_call()
    await phone.expect_end(call, timeout_s=1)
    assert call.answered_at is None
    with pytest.raises(ValueError, match="shout"):
        phone.when_called("shout")


async def test_switched_off_ends_the_call_and_none_comes() -> None:
    network = Network()
    phone = network.phone("+6591234567")
    network.call("+6590000001", phone.number)
    call = await phone.expect_call()
    phone.switch_off()
    assert call.ended_at is not None
    assert phone.ring("+6590000001") == "NO CARRIER"
