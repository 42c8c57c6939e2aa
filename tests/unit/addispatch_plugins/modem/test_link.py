"""Each refusal by the network, through libGammu, to the receipt that follows."""

import pytest
import pytest_asyncio

from addispatch.sdk import Permanent, Sent, Temporary
from addispatch.sdk.testing import make_delivery
from addispatch.simulator.modem import SimulatedModem
from addispatch.simulator.network import Network
from addispatch_plugins.modem.faults import Fault
from addispatch_plugins.modem.gammurc import write_gammurc
from addispatch_plugins.modem.link import Deadlines, Link, RefusedError, SimError
from addispatch_plugins.modem.process import Child

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def modem():
    modem = SimulatedModem(Network(), "+6590000001")
    await modem.start()
    yield modem
    await modem.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def link(modem, tmp_path_factory):
    child = await Child.start()
    link = Link(child, Deadlines())
    await link.probe(modem.port)
    await link.connect(str(write_gammurc(tmp_path_factory.mktemp("link") / "rc", modem.port)))
    yield link
    await child.close()


async def send(link, text="Pump 3: pressure high", *, report=False):
    return await link.send(make_delivery("sms", "+6591234567", text), report=report, by="sim1")


@pytest.mark.parametrize(
    ("kind", "code", "receipt", "fault"),
    [
        (
            "error_after_pdu",
            38,
            Temporary("the mobile network is out of order (CMS 38)", by="sim1", other=True),
            Fault.NETWORK,
        ),
        (
            "error_after_pdu",
            500,
            Temporary("the network refused the message (CMS 500)", by="sim1", other=True),
            Fault.UNKNOWN,
        ),
        ("error_after_pdu", 1, Permanent("there is no such number (CMS 1)", by="sim1"), Fault.MESSAGE),
        ("error_after_pdu", 21, Permanent("the network rejected the message (CMS 21)", by="sim1"), Fault.MESSAGE),
        (
            "error_after_pdu",
            322,
            Temporary("the memory for messages is full (CMS 322)", by="sim1", other=True),
            Fault.STORE,
        ),
        ("error", 313, Temporary("the SIM does not work (CMS 313)", by="sim1", other=True), Fault.SIM),
        (
            "error",
            None,
            Temporary("the modem refused without a reason (ERR_UNKNOWN)", by="sim1", other=True),
            Fault.UNKNOWN,
        ),
    ],
)
async def test_refusals(modem, link, kind, code, receipt, fault):
    modem.fault(kind, code=code)
    assert await send(link) == (receipt, fault)


@pytest.mark.parametrize("report", [True, False])
async def test_only_the_last_part_asks_for_a_report(modem, link, report):
    receipt, _fault = await send(link, "x" * 200, report=report)
    assert isinstance(receipt, Sent)
    assert [message.wants_report for message in modem.sent[-2:]] == [False, report]


async def test_radio(modem, link):
    modem.signal, modem.technology = 13, "LTE"
    assert str(await link.radio()) == "Singtel (LTE 4G), signal 13(Poor)"
    modem.signal = 99
    assert (await link.radio()).csq is None
    modem.registered = False
    assert (await link.radio()).problem
    modem.registered = True
    assert not (await link.radio()).problem


async def test_what_a_modem_does_not_tell_is_unknown(modem, link):
    modem.fault("error", command="CSQ", code=100)
    radio = await link.radio()
    assert (radio.csq, radio.operator) == (None, "Singtel")


async def test_a_sim_pulled_out_is_noticed(modem, link):
    modem.sim.present = False
    try:
        with pytest.raises(SimError, match="no SIM card"):
            await link.locked_by()
        receipt, fault = await send(link)
        assert isinstance(receipt, Temporary)
        assert fault is Fault.SIM
    finally:
        modem.sim.present = True


async def test_a_memory_that_cannot_be_read_is_no_broken_connection(modem, link):
    modem.fault("error", command="CMGL", code=500, times=4)
    modem.fault("error", command="CPMS", code=500, times=4)
    with pytest.raises(RefusedError):
        await link.read()
    modem.clear_faults()
    assert (await link.read())[1] == []


@pytest.mark.parametrize("number", ["123\rAT+CMGD=1", "12;34", "+6591234567\n", "+65 9123 4567", "", "٣٤٥٦"])
async def test_what_is_no_number_never_reaches_the_modem_even_past_the_channel(modem, link, number):
    """gammu would put it on the wire: a line end in a number makes a command of the rest."""
    sent, slots = len(modem.sent), dict(modem.storages["SM"].slots)
    receipt, fault = await link.send(make_delivery("sms", number), report=False, by="sim1")
    assert receipt == Permanent("that is no phone number (ERR_INVALIDDATA)", by="sim1")
    assert fault is Fault.MESSAGE
    assert (len(modem.sent), dict(modem.storages["SM"].slots)) == (sent, slots)


async def test_flash(modem, link):
    for flash in (True, False):
        receipt, _fault = await link.send(make_delivery("sms", "+6591234567"), report=False, flash=flash, by="sim1")
        assert isinstance(receipt, Sent)
    assert [message.flash for message in modem.sent[-2:]] == [True, False]
