"""The modem: plug, PIN, network, memories, incoming SMS, reports, calls."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from addispatch.simulator import Network, SimulatedModem
from addispatch.simulator.pdu import Submit, decode_deliver, decode_status_report, encode_submit, split_smsc, with_smsc
from addispatch.simulator.pdu_body import bodies


async def send(host, text: str, to: str = "+6591234567", *, wants_report: bool = False) -> list[str]:
    answers = []
    for body in bodies(text, 5):
        tpdu = encode_submit(Submit(to, body, wants_report=wants_report))
        assert await host.ask(f"AT+CMGS={len(tpdu)}") == ["> "]
        answers.append((await host.ask(with_smsc("", tpdu), end="\x1a"))[0])
    return answers


async def test_long_and_unicode_texts_arrive_whole(host, modem, network) -> None:
    phone = network.phone("91234567", name="Adam")
    for text in ("x" * 400, "日本 😀 " * 40, "€uro {7} [~]"):
        await send(host, text)
        assert (await phone.expect(text[:5])).text == text
    assert [(m.part, m.parts) for m in modem.sent[:3]] == [(1, 3), (2, 3), (3, 3)]
    assert modem.sent[0].to == "+6591234567"
    assert (datetime.now(UTC) - modem.sent[0].at).total_seconds() < 10


async def test_reference_counts_to_255_and_begins_again(host, modem) -> None:
    modem._reference = 254
    assert [await send(host, "x") for _ in range(3)] == [["+CMGS: 255"], ["+CMGS: 0"], ["+CMGS: 1"]]


async def test_incoming_is_stored_indicated_listed_read_deleted(host, modem, network) -> None:
    await host.ask("AT+CNMI=2,1,0,2,0")
    await network.phone("+6591234567").send(modem.number, "A123 on my way")
    assert '+CMTI: "SM",1' in await host.hear("CMTI.*\r\n")
    head, line, final = await host.ask("AT+CMGL=4")
    assert (head.startswith("+CMGL: 1,0,,"), final) == (True, "OK")
    smsc, tpdu = split_smsc(bytes.fromhex(line))
    deliver = decode_deliver(tpdu)
    assert (smsc, deliver.sender, deliver.body.text) == (network.smsc, "+6591234567", "A123 on my way")
    assert int(head.rsplit(",", 1)[1]) == len(tpdu)
    assert (await host.ask("AT+CMGR=1"))[0].startswith("+CMGR: 1,,")
    assert await host.ask("AT+CMGL=0") == ["OK"]
    assert await host.ask("AT+CMGD=1") == ["OK"]
    assert await host.ask("AT+CMGR=1") == ["+CMS ERROR: 321"]
    assert await host.ask("AT+CMGD=1") == ["+CMS ERROR: 321"]


async def test_direct_indication_brings_the_pdu(host, modem, network) -> None:
    await host.ask("AT+CNMI=2,2,0,1,0")
    await network.phone("+6591234567").send(modem.number, "hi")
    heard = await host.hear(r"\+CMT: ,\d+\r\n[0-9A-F]+\r\n")
    assert decode_deliver(split_smsc(bytes.fromhex(heard.split()[-1]))[1]).body.text == "hi"
    await send(host, "x", wants_report=True)
    heard = await host.hear(r"\+CDS: \d+\r\n[0-9A-F]+\r\n")
    assert decode_status_report(split_smsc(bytes.fromhex(heard.split()[-1]))[1]).reference == 1


async def test_delivery_report_comes_when_the_phone_is_on_again(host, modem, network, settle) -> None:
    phone = network.phone("+6591234567")
    phone.switch_off()
    await host.ask("AT+CNMI=2,1,0,2,0")
    await send(host, "x", wants_report=True)
    await settle()
    assert (phone.received, modem.storages["SM"].slots, network.waiting_count(phone.number)) == ([], {}, 1)
    phone.switch_on()
    assert '+CDSI: "SM",1' in await host.hear("CDSI.*\r\n")
    _head, line, _ok = await host.ask("AT+CMGR=1")
    report = decode_status_report(split_smsc(bytes.fromhex(line))[1])
    assert (report.reference, report.recipient, report.status) == (1, "+6591234567", 0)


async def test_no_report_unless_asked(host, modem, settle) -> None:
    await host.ask("AT+CNMI=2,1,0,2,0")
    await send(host, "x")
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


async def test_memories_are_chosen_by_cpms(host, modem, network, settle) -> None:
    assert await host.ask("AT+CPMS=?") == ['+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")', "OK"]
    assert await host.ask('AT+CPMS="ME","ME","ME"') == ["+CPMS: 0,50,0,50,0,50", "OK"]
    await network.phone("+6591234567").send(modem.number, "hi")
    await settle()
    assert len(modem.storages["ME"].slots) == 1
    assert await host.ask('AT+CPMS="SM"') == ["+CPMS: 0,50,1,50,1,50", "OK"]
    assert await host.ask("AT+CPMS?") == ['+CPMS: "SM",0,50,"ME",1,50,"ME",1,50', "OK"]
    assert await host.ask('AT+CPMS="XX"') == ["+CMS ERROR: 304"]


async def test_text_mode(host, modem, network, settle) -> None:
    await host.ask("AT+CMGF=1")
    assert await host.ask('AT+CMGS="+6591234567"') == ["> "]
    assert await host.ask("typed by hand", end="\x1a") == ["+CMGS: 1", "OK"]
    await network.phone("+6591234567").expect("typed by hand")
    await network.phone("+6591234567").reply("thanks")
    await settle()
    lines = await host.ask('AT+CMGL="ALL"')
    assert lines[0].startswith('+CMGL: 1,"REC UNREAD","+6591234567",,"')
    assert lines[1:] == ["thanks", "OK"]
    await host.ask('AT+CSCS="UCS2"')
    assert (await host.ask("AT+CMGR=1"))[1] == "thanks".encode("utf-16-be").hex().upper()


async def test_pin_and_puk(network, open_host) -> None:
    modem = SimulatedModem(network, "+6590000003", pin="1234")
    await modem.start()
    host = open_host(modem.port)
    await host.ask("ATE0+CMEE=1")
    assert await host.ask("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
    assert await host.ask("AT+CMGS=20") == ["+CMS ERROR: 311"]
    assert await host.ask("AT+CIMI") == ["+CME ERROR: 11"]
    for _ in range(3):
        assert await host.ask('AT+CPIN="0000"') == ["+CME ERROR: 16"]
    assert await host.ask("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"]
    assert await host.ask('AT+CPIN="1234"') == ["+CME ERROR: 12"]
    assert await host.ask('AT+CPIN="12345678","4321"') == ["OK"]
    assert await host.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]
    assert (modem.sim.pin, modem.in_network) == ("4321", True)
    modem.sim.present = False
    assert await host.ask("AT+CPIN?") == ["+CME ERROR: 10"]
    assert await host.ask("AT+CPMS?") == ["+CMS ERROR: 310"]
    await modem.stop()


async def test_out_of_the_network(host, modem, network, settle) -> None:
    await host.ask("AT+CREG=2;+CMEE=1")
    modem.registered = False
    assert "+CREG: 2\r\n" in await host.hear("CREG.*\r\n")
    assert await host.ask("AT+CMGS=20") == ["+CMS ERROR: 331"]
    assert await host.ask("ATD+6591234567;") == ["+CME ERROR: 30"]
    assert await host.ask("AT+COPS?") == ["+COPS: 0", "OK"]
    await network.phone("+6591234567").send(modem.number, "later")
    await settle()
    assert modem.storages["SM"].slots == {}
    modem.technology = "LTE"
    modem.registered = True
    assert await host.hear("CREG: 1.*\r\n")
    assert await host.ask("AT+CREG?") == ['+CREG: 2,1,"00C3","0001A2B3",7', "OK"]
    assert len(modem.storages["SM"].slots) == 1


async def test_radio_off_and_on(host, modem) -> None:
    assert await host.ask("AT+CFUN=4") == ["OK"]
    assert (modem.in_network, (await host.ask("AT+CFUN?"))[0]) == (False, "+CFUN: 4")
    await host.ask("AT+CFUN=1")
    assert modem.in_network


async def test_signal_and_operator(host, modem) -> None:
    modem.signal = 99
    assert await host.ask("AT+CSQ") == ["+CSQ: 99,99", "OK"]
    assert await host.ask("AT+COPS=3,0;+COPS?") == ['+COPS: 0,0,"Singtel",6', "OK"]
    assert await host.ask("AT+COPS=3,2;+COPS?") == ['+COPS: 0,2,"52501",6', "OK"]
    with pytest.raises(ValueError, match="technology"):
        modem.technology = "9G"


async def test_calls(host, modem, network) -> None:
    phone = network.phone("+6591234567")
    assert await host.ask("ATD+6591234567;") == ["OK"]
    call = await phone.expect_call()
    assert call.caller == modem.number
    assert (await host.ask("AT+CLCC"))[0] == '+CLCC: 1,0,3,0,0,"+6591234567",145'
    assert await host.ask("AT+CHUP") == ["OK"]
    assert call.ended_at is not None
    await host.ask("ATD91234567;")
    await phone.expect_call()
    await phone.hang_up()
    await host.hear("NO CARRIER\r\n")
    phone.switch_off()
    assert await host.ask("ATD+6591234567;") == ["NO CARRIER"]
    assert network.call("+6598765432", modem.number)
    assert 'RING\r\n\r\n+CLIP: "+6598765432"' in await host.hear("CLIP.*\r\n")


async def test_modems_write_to_each_other(host, modem, network, settle) -> None:
    other = SimulatedModem(network, "+6590000009")
    await other.start()
    await send(host, "hello modem", to="90000009")
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
