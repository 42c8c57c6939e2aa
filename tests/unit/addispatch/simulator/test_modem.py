"""The modem: sending, reports, full memory, plug, other modems."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from addispatch.simulator import Network, SimulatedModem
from addispatch.simulator.pdu import decode_status_report, split_smsc


async def test_long_and_unicode_texts_arrive_whole(host, modem, network) -> None:
    phone = network.phone("91234567", name="Adam")
    for text in ("x" * 400, "日本 😀 " * 40, "€uro {7} [~]"):
        await host.send(text)
        assert (await phone.expect(text[:5])).text == text
    assert [(m.part, m.parts) for m in modem.sent[:3]] == [(1, 3), (2, 3), (3, 3)]
    assert modem.sent[0].to == "+6591234567"
    assert (datetime.now(UTC) - modem.sent[0].at).total_seconds() < 10


async def test_reference_counts_to_255_and_begins_again(host, modem) -> None:
    modem._reference = 254
    assert [await host.send("x") for _ in range(3)] == [["+CMGS: 255"], ["+CMGS: 0"], ["+CMGS: 1"]]


async def test_delivery_report_comes_when_the_phone_is_on_again(host, modem, network, settle) -> None:
    phone = network.phone("+6591234567")
    phone.switch_off()
    await host.ask("AT+CNMI=2,1,0,2,0")
    await host.send("x", wants_report=True)
    await settle()
    assert (phone.received, modem.storages["SM"].slots, network.waiting_count(phone.number)) == ([], {}, 1)
    phone.switch_on()
    assert '+CDSI: "SM",1' in await host.hear("CDSI.*\r\n")
    _head, line, _ok = await host.ask("AT+CMGR=1")
    report = decode_status_report(split_smsc(bytes.fromhex(line))[1])
    assert (report.reference, report.recipient, report.status) == (1, "+6591234567", 0)


async def test_no_report_unless_asked(host, modem, settle) -> None:
    await host.ask("AT+CNMI=2,1,0,2,0")
    await host.send("x")
    await settle()
    assert modem.storages["SM"].slots == {}


async def test_full_memory_leaves_messages_in_the_network(network, settle) -> None:
    modem = SimulatedModem(network, "+6590000002", storage_size=2)
    await modem.start()
    for number in range(4):
        await network.phone("+6591234567").send(modem.number, f"sms {number}")
    await settle()
    assert (len(modem.storages["SM"].slots), network.waiting_count(modem.number)) == (2, 2)
    del modem.storages["SM"].slots[1]
    modem.room_made()
    await settle()
    assert modem.storages["SM"].slots[1].message.body.text == "sms 2"
    await modem.stop()


async def test_modems_write_to_each_other(host, modem, network, settle) -> None:
    other = SimulatedModem(network, "+6590000009")
    await other.start()
    await host.send("hello modem", to="90000009")
    await settle()
    assert other.storages["SM"].slots[1].message.body.text == "hello modem"
    with pytest.raises(ValueError, match="taken"):
        await SimulatedModem(network, "+6590000009").start()
    await other.stop()


async def test_unplug_and_replug(tmp_path: Path, network, open_host, settle) -> None:
    link = tmp_path / "ttySIM0"
    link.symlink_to("/nowhere")  # left over
    modem = SimulatedModem(network, "+6590000004", link=link)
    await modem.start()
    assert modem.port == str(link)
    host = open_host(modem.port)
    await host.ask("ATE0")
    modem.unplug()
    await host.hear("<gone>")
    assert not link.is_symlink()
    await network.phone("+6591234567").send(modem.number, "while away")
    await settle()
    modem.replug()
    await settle()
    host = open_host(str(link))
    assert (await host.ask("AT+CMGL=4"))[-1] == "OK"
    assert len(modem.storages["SM"].slots) == 1
    await modem.stop()
    assert not link.is_symlink()


async def test_a_path_that_is_no_link_is_left_alone(tmp_path: Path) -> None:
    network = Network()
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(OSError, match=r"link: .*file: File exists"):
        await SimulatedModem(network, "+6590000004", link=file).start()
    assert file.read_text() == "mine"
    modem = SimulatedModem(network, "+6590000004")
    await modem.start()
    await modem.stop()
