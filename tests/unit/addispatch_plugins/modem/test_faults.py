import pytest

from addispatch.sdk import InDoubt, Permanent, Temporary
from addispatch_plugins.modem import faults
from addispatch_plugins.modem.faults import Fault, classify, receipt_for, words


@pytest.mark.parametrize(
    ("code", "cms", "fault"),
    [
        ("ERR_TIMEOUT", None, Fault.LINK),
        ("ERR_DEVICEWRITEERROR", None, Fault.LINK),
        ("ERR_BUG", None, Fault.LINK),
        ("BUG", None, Fault.LINK),
        ("PORT", None, Fault.LINK),
        ("ERR_TIMEOUT", 21, Fault.LINK),
        ("ERR_NOSIM", None, Fault.SIM),
        ("ERR_SECURITYERROR", 311, Fault.SIM),
        ("ERR_NETWORK_ERROR", None, Fault.NETWORK),
        *[("ERR_UNKNOWN", cms, Fault.NETWORK) for cms in (10, 38, 41, 42, 47, 331, 332)],
        *[("ERR_UNKNOWN", cms, Fault.UNKNOWN) for cms in (None, 111, 500, 512)],
        *[("ERR_UNKNOWN", cms, Fault.MESSAGE) for cms in (1, 21, 28, 50, 69)],
        ("ERR_INVALIDDATA", None, Fault.MESSAGE),
        ("ERR_FULL", None, Fault.STORE),
        ("ERR_UNKNOWN", 322, Fault.STORE),
    ],
)
def test_classes(code, cms, fault):
    assert classify(code, cms) is fault


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("fault", list(Fault))
def test_only_what_nobody_answered_is_in_doubt(fault, written):
    receipt = receipt_for(fault, "because", pdu_written=written, by="sim1")
    assert receipt.by == "sim1"
    if fault is Fault.LINK and written:
        assert isinstance(receipt, InDoubt)
    else:
        assert isinstance(receipt, Permanent if fault is Fault.MESSAGE else Temporary)
        assert receipt.reason == "because"


def test_words_are_plain_and_keep_the_code():
    assert words("ERR_NOSIM", "Can not access SIM card.") == "no SIM card in the modem, or it does not work (ERR_NOSIM)"
    for code in faults._SIM_CMS:
        assert words("ERR_UNKNOWN", "Unknown error.", code).removeprefix("no ").removeprefix("the ").startswith("SIM")
    assert words("ERR_UNKNOWN", "Unknown error.", 38) == "the mobile network is out of order (CMS 38)"
    assert words("ERR_MEMORY", "Memory is bad.") == "Memory is bad. (ERR_MEMORY)"
    assert words("NOT_A_MODEM", "no modem on /dev/ttyUSB0") == "no modem on /dev/ttyUSB0"


def test_another_modem_may_take_it_at_once_but_not_all_of_them_what_nobody_explains():
    def other(fault, attempt):
        return receipt_for(fault, "because", pdu_written=False, by="sim1", attempt=attempt).other

    for fault in (Fault.LINK, Fault.SIM, Fault.NETWORK, Fault.STORE):
        assert all(other(fault, attempt) for attempt in range(8))
    assert [other(Fault.UNKNOWN, attempt) for attempt in range(4)] == [True, True, False, False]


@pytest.mark.parametrize("fault", [Fault.NETWORK, Fault.MESSAGE])
def test_parts_that_went_before_are_counted(fault):
    assert receipt_for(fault, "because", pdu_written=True, by="sim1", parts_sent=2).parts == 2
