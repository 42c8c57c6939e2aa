"""The SMS commands: list, read, delete, memories, indications."""

from __future__ import annotations

from addispatch.simulator.pdu import decode_deliver, decode_status_report, split_smsc


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
    await host.send("x", wants_report=True)
    heard = await host.hear(r"\+CDS: \d+\r\n[0-9A-F]+\r\n")
    assert decode_status_report(split_smsc(bytes.fromhex(heard.split()[-1]))[1]).reference == 1


async def test_memories_are_chosen_by_cpms(host, modem, network, settle) -> None:
    assert await host.ask("AT+CPMS=?") == ['+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")', "OK"]
    assert await host.ask('AT+CPMS="ME","ME","ME"') == ["+CPMS: 0,50,0,50,0,50", "OK"]
    await network.phone("+6591234567").send(modem.number, "hi")
    await settle()
    assert len(modem.storages["ME"].slots) == 1
    assert await host.ask('AT+CPMS="SM"') == ["+CPMS: 0,50,1,50,1,50", "OK"]
    assert await host.ask("AT+CPMS?") == ['+CPMS: "SM",0,50,"ME",1,50,"ME",1,50', "OK"]
    assert await host.ask('AT+CPMS="XX"') == ["+CMS ERROR: 304"]


async def test_delete_read_or_all(host, modem, network, settle) -> None:
    for text in "abc":
        await network.phone("+6591234567").send(modem.number, text)
    await settle()
    await host.ask("AT+CMGR=2")
    assert await host.ask("AT+CMGD=?") == ["+CMGD: (1,2,3),(0-4)", "OK"]
    await host.ask("AT+CMGD=1,1")
    assert sorted(modem.storages["SM"].slots) == [1, 3]
    await host.ask("AT+CMGD=1,4")
    assert modem.storages["SM"].slots == {}


async def test_bad_settings_are_refused_and_change_nothing(host, modem) -> None:
    for line in ("AT+CNMI=3", "AT+CNMI=1,1,0,0,0,0", 'AT+CPMS="SM","XX"'):
        assert await host.ask(line) == ["+CMS ERROR: 304"]
    for line in ("AT+CMGF=2", "AT+CMGS", "AT+CNMI=x"):
        assert await host.ask(line) == ["ERROR"]
    assert (modem.settings.indications, modem.settings.memories) == ([0] * 5, ["SM"] * 3)


async def test_service_centre(host, modem) -> None:
    assert await host.ask("AT+CSCA?") == ['+CSCA: "+6596197777",145', "OK"]
    await host.ask('AT+CSCA="12345",129')
    assert await host.ask("AT+CSCA?") == ['+CSCA: "12345",129', "OK"]
