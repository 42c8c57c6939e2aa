"""PIN and PUK."""

from __future__ import annotations

from addispatch.simulator import SimulatedModem


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
