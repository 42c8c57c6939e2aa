"""Text mode of the SMS commands."""

from __future__ import annotations


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


async def test_long_text_goes_in_parts(host, network) -> None:
    await host.ask("AT+CMGF=1")
    await host.ask('AT+CMGS="91234567"')
    assert await host.ask("x" * 200, end="\x1a") == ["+CMGS: 1", "+CMGS: 2", "OK"]
    assert (await network.phone("91234567").expect("x")).text == "x" * 200


async def test_what_is_refused(host, modem) -> None:
    await host.ask("AT+CMGF=1")
    assert await host.ask('AT+CMGL="NONSENSE"') == ["ERROR"]
    await host.ask('AT+CMGS=""')
    assert await host.ask("hi", end="\x1a") == ["+CMS ERROR: 304"]
    await host.ask('AT+CMGS="+6591234567"')
    assert await host.ask("x" * 5000, end="\x1a") == ["+CMS ERROR: 304"]
    await host.ask('AT+CSCS="UCS2"')
    assert await host.ask('AT+CMGS="+6591234567"') == ["+CMS ERROR: 304"]
    assert modem.sent == []


async def test_report_in_text_mode(host, settle) -> None:
    await host.ask("AT+CNMI=2,1,0,2,0")
    await host.send("x", wants_report=True)
    await settle()
    await host.ask("AT+CMGF=1")
    assert (await host.ask("AT+CMGR=1"))[-2].startswith('+CMGR: "REC UNREAD",6,1,"+6591234567",145,"')
