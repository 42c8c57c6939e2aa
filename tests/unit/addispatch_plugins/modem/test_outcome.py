import pytest

from addispatch.sdk import InDoubt, Sent, Temporary
from addispatch_plugins.modem.faults import Fault
from addispatch_plugins.modem.outcome import Outcome


def outcome(**known):
    nothing = {"placed": True, "listed": True, "rang": False, "end": "", "stopped": False, "lost": False}
    return Outcome(**nothing | known)


@pytest.mark.parametrize(
    ("known", "receipt", "fault"),
    [
        ({"rang": True}, Sent(by="sim1"), None),
        ({"rang": True, "end": "BUSY"}, Sent(by="sim1"), None),
        ({"rang": True, "stopped": True}, Sent(by="sim1"), None),
        ({"rang": True, "lost": True}, Sent(by="sim1"), Fault.LINK),
        ({"listed": False}, Sent(by="sim1"), None),
        ({"end": "BUSY"}, Temporary("the number is busy or declined (BUSY)", by="sim1"), None),
        ({"end": "NO CARRIER"}, Temporary("the call was not put through (NO CARRIER)", by="sim1"), None),
        ({"end": "NO ANSWER"}, Temporary("the phone could not be reached (NO ANSWER)", by="sim1"), None),
        ({"end": "NO DIALTONE"}, Temporary("no mobile network (NO DIALTONE)", by="sim1"), Fault.NETWORK),
        ({"end": "ERROR"}, Temporary("the modem refused to dial (ERROR)", by="sim1"), None),
        ({"end": "+CME ERROR: 30"}, Temporary("no mobile network (CME ERROR: 30)", by="sim1"), Fault.NETWORK),
        ({"end": "+CME ERROR:10"}, Temporary("no SIM card in the modem (CME ERROR:10)", by="sim1"), Fault.SIM),
        ({"end": "+CME ERROR: 999"}, Temporary("the modem refused to dial (CME ERROR: 999)", by="sim1"), None),
        ({"end": "+CME ERROR: no"}, Temporary("the modem refused to dial (CME ERROR: no)", by="sim1"), None),
        ({}, InDoubt("the modem did not say that the phone rang", by="sim1"), None),
        ({"placed": False, "listed": False}, InDoubt("the modem did not say whether it dialled", by="sim1"), None),
        ({"lost": True}, InDoubt("the connection to the modem broke during the call", by="sim1"), Fault.LINK),
        (
            {"stopped": True, "listed": False},
            InDoubt("the call was ended before it was known whether the phone rang", by="sim1"),
            None,
        ),
    ],
)
def test_receipt_and_fault(known, receipt, fault):
    assert (outcome(**known).receipt("sim1"), outcome(**known).fault()) == (receipt, fault)
