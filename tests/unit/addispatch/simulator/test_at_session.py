"""The talk on the serial line: echo, several commands, prompt, robustness."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addispatch.simulator import Network, SimulatedModem
from addispatch.simulator.at_session import _HANDLERS, MAX_HELD_URCS, MAX_LINE, MAX_WAITING, AtSession
from addispatch.simulator.pdu import Submit, encode_submit, with_smsc
from addispatch.simulator.pdu_body import bodies


def pdu(to: str = "+6591234567", text: str = "hello") -> tuple[int, str]:
    tpdu = encode_submit(Submit(to, bodies(text, 1)[0]))
    return len(tpdu), with_smsc("", tpdu)


async def test_echoes_until_told_not_to(host, modem) -> None:
    host.write(b"ATE1\r")
    await host.hear("OK\r\n")
    host.write(b"AT+CS")
    assert await host.hear("CS") == "AT+CS"
    host.write(b"Q\r")
    assert await host.hear("OK\r\n$") == "Q\r\r\n+CSQ: 20,0\r\n\r\nOK\r\n"
    await host.ask("ATE0")
    host.write(b"AT\r")
    assert await host.hear("OK\r\n$") == "\r\nOK\r\n"


async def test_several_commands_on_a_line(host, modem) -> None:
    assert await host.ask("AT+CMEE=1;+CREG=2") == ["OK"]
    assert (modem.settings.error_detail, modem.settings.registration_detail["CREG"]) == (1, 2)
    assert await host.ask("AT+CSQ;+CBC") == ["+CSQ: 20,0", "+CBC: 0,100", "OK"]
    assert await host.ask("AT+CSQ;+NONSENSE;+CBC") == ["+CSQ: 20,0", "ERROR"]


async def test_sends_a_pdu_after_the_prompt(host, modem, network) -> None:
    length, line = pdu()
    assert await host.ask(f"AT+CMGS={length}") == ["> "]
    assert await host.ask(line, end="\x1a") == ["+CMGS: 1", "OK"]
    assert (await network.phone("+6591234567").expect("hello")).sender == modem.number


async def test_escape_cancels_the_prompt(host, modem) -> None:
    await host.ask("AT+CMGS=20")
    assert await host.ask("0011000A91", end="\x1b") == ["OK"]
    assert await host.ask("AT") == ["OK"]
    assert modem.sent == []


async def test_escape_and_empty_lines_between_commands_are_nothing(host) -> None:
    host.write(b"\x1b\r\r\n\r")
    assert await host.ask("AT") == ["OK"]


async def test_backspace_takes_a_character_back(host) -> None:
    assert await host.ask("AT+CSX\x08Q") == ["+CSQ: 20,0", "OK"]


@pytest.mark.parametrize("line", ["00", "zz", "", "0011000A91", "00" * 300])
async def test_bad_pdus_are_refused(host, modem, line) -> None:
    await host.ask("AT+CMGS=20")
    assert await host.ask(line, end="\x1a") == ["+CMS ERROR: 304"]
    assert modem.sent == []


async def test_announced_length_must_be_right(host, modem) -> None:
    length, line = pdu()
    await host.ask(f"AT+CMGS={length + 1}")
    assert await host.ask(line, end="\x1a") == ["+CMS ERROR: 304"]


async def test_unsolicited_lines_wait_for_the_prompt_to_end(host, modem, network, settle) -> None:
    await host.ask("AT+CNMI=2,1,0,2,0")
    length, line = pdu("+6598765432")
    await host.ask(f"AT+CMGS={length}")
    await network.phone("+6591234567").send(modem.number, "hi")
    host.write(line.encode())
    heard = ""
    assert not modem._session._urcs or heard == ""
    host.write(b"\x1a")
    heard = await host.hear(r"\+CMTI.*\r\n$")
    assert heard.index("+CMGS: 1") < heard.index("OK") < heard.index('+CMTI: "SM",1')


async def test_endless_input_is_bounded(modem) -> None:
    session = modem._session
    session.feed(b"A" * 3_000_000)
    assert len(session._line) <= MAX_LINE + 1
    session._busy = True
    for _ in range(100):
        session.feed(b"B" * 1_000_000)
    assert len(session._waiting) <= MAX_WAITING
    for _ in range(10_000):
        session.urc("RING")
    assert len(session._urcs) <= MAX_HELD_URCS


_TYPED = st.one_of(
    st.binary(max_size=300),
    st.sampled_from(sorted(_HANDLERS)).flatmap(
        lambda name: st.text(max_size=20).map(lambda rest: f"AT{name}{rest}\r".encode("utf-8", "replace"))
    ),
    st.sampled_from(sorted(_HANDLERS)).flatmap(
        lambda name: st.lists(st.integers(0, 300), max_size=6).map(
            lambda numbers: f"AT{name}={','.join(map(str, numbers))}\r".encode()
        )
    ),
    st.sampled_from(
        [b"AT+CMGS=20\r", b"\x1a", b"\x1b", b"\r", b"AT+CMGF=1\r", b'AT+CMGS="+6591234567"\r', b"hi \xff\x1a"]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(chunks=st.lists(_TYPED, max_size=30))
async def test_any_bytes_are_survived(chunks: list[bytes]) -> None:
    modem = SimulatedModem(Network(), "+6590000001")
    written = bytearray()
    session = AtSession(modem, written.extend)
    for chunk in chunks:
        session.feed(chunk)
    session.feed(b"\x1b\x1a\rATE0\r")
    written.clear()
    session.feed(b"AT\r")
    assert bytes(written).endswith(b"\r\nOK\r\n")
