import pytest

from addispatch_plugins.modem.radio import Radio, csq_from_dbm, registration_problem, technology


@pytest.mark.parametrize(
    ("csq", "shown"),
    [
        (None, "99(Unknown)"), (0, "0(Very poor)"), (9, "9(Very poor)"), (10, "10(Poor)"), (13, "13(Poor)"),
        (14, "14(Poor)"), (15, "15(Fair)"), (19, "19(Fair)"), (20, "20(Good)"), (24, "24(Good)"),
        (25, "25(Excellent)"), (31, "31(Excellent)"),
    ],
)  # fmt: skip
def test_signal_in_words(csq, shown):
    assert Radio(csq=csq).signal == shown


def test_csq_survives_the_way_through_gammu():
    assert [csq_from_dbm(2 * csq - 113) for csq in range(32)] == list(range(32))
    assert csq_from_dbm(-1) is None


def test_shown_as_people_know_it():
    assert str(Radio("Singtel", technology(6), 13)) == "Singtel (HSPA 3.5G), signal 13(Poor)"
    assert str(Radio("Singtel", technology(None), 13)) == "Singtel, signal 13(Poor)"
    assert str(Radio()) == "unknown network, signal 99(Unknown)"


@pytest.mark.parametrize(
    ("state", "packet_state", "problem"),
    [
        ("HomeNetwork", "", False),
        ("RoamingNetwork", "", False),
        ("NoNetwork", "HomeNetwork", False),
        ("NoNetwork", "NoNetwork", True),
        ("RegistrationDenied", "", True),
        ("RequestingNetwork", "", True),
        ("", "", False),
        ("Unknown", "", False),
    ],
)
def test_only_a_modem_that_says_so_is_without_network(state, packet_state, problem):
    assert bool(registration_problem(state, packet_state)) is problem
