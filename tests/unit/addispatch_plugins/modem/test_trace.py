import os

import pytest

from addispatch_plugins.modem.trace import TAIL_BYTES, Trace

STAMP = b"Mon 2026/11/23 16:29:07: "


@pytest.fixture
def trace():
    trace = Trace()
    yield trace
    trace.close()


def write(trace, *lines):
    for line in lines:
        os.write(trace.fd, STAMP + line + b"\n")


def test_nothing_is_known_of_nothing(trace):
    assert not trace.pdu_written()
    assert trace.cms_code() is trace.access_technology() is None
    assert trace.operator_name() == ""


def test_how_far_a_send_got(trace):
    write(trace, b"Waiting for modem prompt", b'1 "AT+CMGS=20"')
    assert not trace.pdu_written()
    write(trace, b"Sending SMS", b"SENDING frame type 0x00/length 0x36/54")
    assert trace.pdu_written()
    trace.clear()
    assert not trace.pdu_written()


def test_the_text_itself_tells_nothing(trace):
    write(trace, b"Sending SMS", b"CMS Error 1: made up by a text", b"Waiting for modem prompt")
    assert not trace.pdu_written()
    assert trace.cms_code() is None


def test_the_last_error_counts(trace):
    write(trace, b"Waiting for modem prompt", b"CMS Error 500", b'CMS Error 38: "Network out of order"')
    assert trace.cms_code() == 38


def test_operator_and_technology(trace):
    write(trace, b'2 "+COPS: 0,2,"52501",6"', b'2 "+COPS: 0,0,"Singtel",6"')
    assert (trace.access_technology(), trace.operator_name()) == (6, "Singtel")


def test_what_another_process_wrote_is_there_when_it_is_dead(trace):
    write(trace, b"Waiting for modem prompt")
    pid = os.fork()
    if not pid:
        os.write(trace.fd, STAMP + b"Sending SMS\n")
        os._exit(0)
    os.waitpid(pid, 0)
    assert trace.pdu_written()


def test_only_the_end_of_a_long_log_is_read(trace):
    write(trace, b"x" * TAIL_BYTES, b"Waiting for modem prompt", b"Sending SMS")
    assert trace.pdu_written()
